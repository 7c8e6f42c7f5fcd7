"""The command line: one file a verb. Verbs import what they need inside, so that `--help` answers at once."""

import os
import stat
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.exceptions import TyperException

from stvsr_bench import ending
from stvsr_bench.cli import numbers, reader
from stvsr_bench.errors import INTERNAL, INTERRUPTED, OK, USAGE, BenchError, StoppedError, interrupted

# verb -> (module, attribute); a typer.Typer is a group of verbs
VERBS = {
    "run": "run",
    "ls": "ls",
    "demo": "demo",
    "reproduce": "reproduce",
    "report": "report",
    "compare": "compare",
    "published": "published",
    "score": "score",
    "profile": "profile",
    "plan": "plan",
    "merge": "merge",
    "bundle": "bundle",
    "gate": "gate",
    "verify": "verify",
    "infer": "infer",
    "doctor": "doctor",
    "train": "train",
    "ablate": "ablate",
    "inspect": "inspect_",
    "data": "data",
    "weights": "weights",
    "metrics": "metrics",
}

SETTINGS = {"help_option_names": ["-h", "--help"], "token_normalize_func": lambda name: name.replace("_", "-")}


def app() -> typer.Typer:
    """The whole command line."""
    root = typer.Typer(
        name="stvsr-bench",
        help="Space-time video super-resolution, measured so that numbers can be compared.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=SETTINGS,
    )
    root.callback()(_version)
    for verb, module in VERBS.items():
        if find_spec(f"stvsr_bench.cli.{module}") is None:
            continue
        found = import_module(f"stvsr_bench.cli.{module}")
        group = getattr(found, "app", None)
        if group is not None:  # a group of verbs, such as `data list|check`
            for one in group.registered_commands:
                if one.callback is not None and not hasattr(one.callback, "__wrapped__"):  # a second command line
                    one.callback = _verb(one.callback)
            root.add_typer(group, name=verb)
        else:
            root.command(name=verb, context_settings=SETTINGS)(_verb(getattr(found, module)))
    return root


def _verb(of: Callable[..., Any]) -> Callable[..., Any]:
    """A verb as it is called: stdout is its own, and its numbers are some."""
    return reader.speaking(numbers.checked(of))


def _say_version(asked: bool) -> None:
    if asked:
        from stvsr_bench import __version__

        reader.say(f"stvsr-bench {__version__}")
        raise typer.Exit


# a callback of the option, not of the command line: that one runs only after a verb was found
def _version(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_say_version
    ),
) -> None:
    """Options before the verb."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process: a user's mistake is one sentence and its documented exit code."""
    if os.name == "posix":
        os.umask(os.umask(0o077) | stat.S_IWOTH)  # weights and compiled code that everybody may change run as us
    with ending.as_ctrl_c():
        code = call(sys.argv[1:] if argv is None else argv)
    sys.exit(code)


def call(argv: list[str]) -> int:
    """The exit code of one command; messages for people go to stderr."""
    debug = os.environ.get("STVSR_BENCH_DEBUG") == "1"
    command: Any = typer.main.get_command(app())
    try:
        code = command.main(args=argv, prog_name="stvsr-bench", standalone_mode=False)
        reader.done()  # here and not at Python's end, where a reader who went away would change the exit code
        if code == INTERRUPTED:  # how the parser answers Ctrl-C
            return _interrupted()
        return code if isinstance(code, int) else 0
    except TyperException as error:
        _show(error)
        return int(getattr(error, "exit_code", USAGE))
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BenchError as error:
        if debug:
            raise
        if isinstance(error, StoppedError):
            _say(str(error))
            return error.exit_code
        if interrupted(error):
            return _interrupted()
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
            return _interrupted()
        _say(f"internal error: {type(error).__name__}: {error} (STVSR_BENCH_DEBUG=1 shows where)")
        return INTERNAL


def _interrupted() -> int:
    _say("interrupted; what was done is saved, the same command goes on from there")
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
