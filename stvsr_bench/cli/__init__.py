"""The command line: one file per verb. Verbs import what they need inside, so that `--help` answers at once."""

import os
import stat
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.exceptions import TyperException

from stvsr_bench import ending
from stvsr_bench.cli import completing, numbers, reader, tree
from stvsr_bench.errors import INTERNAL, INTERRUPTED, OK, USAGE, BenchError, StoppedError, interrupted, told


def app(only: str | None = None) -> typer.Typer:
    """The whole command line; with `only` that verb alone is loaded, and of the others just the names ("": of all)."""
    root = typer.Typer(
        name="stvsr-bench",
        cls=tree.Root,
        help="Space-time video super-resolution, measured so that numbers can be compared.",
        epilog="Each verb explains itself: stvsr-bench run -h",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=tree.settings(),
    )
    root.callback()(_first_options)
    for verb, module in tree.VERBS.items():
        if only is not None and verb != only:
            root.command(name=verb, cls=tree.Verb)(tree.stub(verb))
            continue
        found = import_module(f"stvsr_bench.cli.{module}")
        group = getattr(found, "app", None)
        if group is not None:  # a group of verbs, such as `data list|check`
            lines = tree.BELOW[verb]
            group.registered_commands.sort(key=lambda one: list(lines).index(_name(one)))
            for one in group.registered_commands:
                one.short_help = lines[_name(one)]
                if one.callback is not None and not hasattr(one.callback, "__wrapped__"):  # a second command line
                    one.callback, one.cls, one.context_settings = _verb(one.callback), tree.Verb, tree.settings(verb)
            root.add_typer(group, name=verb)
        else:
            root.command(name=verb, cls=tree.Verb, context_settings=tree.settings(verb))(_verb(getattr(found, module)))
    return root


def _name(command: typer.models.CommandInfo) -> str:
    return command.name or str(getattr(command.callback, "__name__", ""))


def _verb(of: Callable[..., Any]) -> Callable[..., Any]:
    """A verb as it is called: stdout is its own, its numbers are possible, and names of its options are completed."""
    completing.complete(of)
    return reader.speaking(numbers.checked(of))


def _say_version(asked: bool) -> None:
    if asked:
        from stvsr_bench import __version__

        reader.say(f"stvsr-bench {__version__}")
        raise typer.Exit


# callbacks of the options, not of the command line: that one runs only after a verb was found
def _first_options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_say_version
    ),
    show: str = typer.Option(
        "",
        "--show-completion",
        metavar="SHELL",
        help="Print the completion script of bash, zsh or fish.",
        is_eager=True,
        callback=completing.show,
    ),
    install: str = typer.Option(
        "",
        "--install-completion",
        metavar="SHELL",
        help="Install it for bash, zsh or fish.",
        is_eager=True,
        callback=completing.install,
    ),
) -> None:
    """Options before the verb."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process: a user's mistake is one sentence and its documented exit code."""
    if os.name == "posix":
        os.umask(os.umask(0o077) | stat.S_IWOTH)  # weights and compiled code that everybody may change run as us
    with ending.as_ctrl_c():
        code = call(sys.argv[1:] if argv is None else argv)
    ending.leave(code, _say)


def call(argv: list[str]) -> int:
    """The exit code of one command; messages for people go to stderr."""
    debug = os.environ.get("STVSR_BENCH_DEBUG") == "1"
    argv = completing.with_shell(argv)
    words = [word for word in completing.typed(argv) if not word.startswith("-")]
    command: Any = typer.main.get_command(app(words[0] if words else ""))
    try:
        code = command.main(args=argv, prog_name="stvsr-bench", standalone_mode=False)
        reader.done()  # here and not at Python's end, where a reader who went away would change the exit code
        if code == INTERRUPTED:  # how the parser answers Ctrl-C
            return _interrupted(words)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        _show(error)
        return int(getattr(error, "exit_code", USAGE))
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(words)
    except BenchError as error:
        if debug:
            raise
        if isinstance(error, StoppedError):
            _say(str(error))
            return error.exit_code
        if interrupted(error):
            return _interrupted(words)
        _say(f"error: {error}")
        return error.exit_code
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        reader.gone()  # the parser's answer to `stvsr-bench ls methods | head`; verbs with a verdict use `reader.say`
        return OK
    except Exception as error:
        if debug:
            raise
        if interrupted(error):
            return _interrupted(words)
        _say(f"internal error: {told(error)} (STVSR_BENCH_DEBUG=1 shows where)")
        return INTERNAL


def _interrupted(words: list[str]) -> int:
    more = "; what was finished is saved. To continue, repeat the command" if tree.CONTINUE & set(words[:2]) else ""
    _say(f"interrupted{more}")
    return INTERRUPTED


def _show(error: TyperException) -> None:
    """What the command line's own parser says of a wrong option, with the usage."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
    else:
        _say(str(error))


def _say(sentence: str) -> None:
    reader.note(f"stvsr-bench: {sentence}")
