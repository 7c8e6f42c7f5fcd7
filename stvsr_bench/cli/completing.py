"""Completion of names in bash, zsh and fish: methods, data sets, splits, protocols, metrics.

An option is completed by its name, in whichever verb it is.
"""

import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from stvsr_bench.cli import reader
from stvsr_bench.errors import BenchError, UnknownNameError

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
_PROGRAM, _VARIABLE = "stvsr-bench", "_STVSR_BENCH_COMPLETE"


def typed(argv: list[str]) -> list[str]:
    """The words of the command line: those that a shell wants completed, where it asks for that."""
    if _VARIABLE not in os.environ:
        return argv
    _typers().completion_init()
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")).split()[1:]


def with_shell(argv: list[str]) -> list[str]:
    """`--show-completion` alone is that of the shell in $SHELL."""
    if argv and argv[-1] in ("--show-completion", "--install-completion"):
        return [*argv, Path(os.environ.get("SHELL", "")).name or "bash"]
    return argv


def show(shell: str) -> None:
    """Print the script of a shell, and stop."""
    if shell:
        made = _typers().get_completion_script(prog_name=_PROGRAM, complete_var=_VARIABLE, shell=_checked(shell))
        reader.say(made)
        _stop()


def install(shell: str) -> None:
    """Install the script of a shell, and stop."""
    if shell:
        name, path = _typers().install(shell=_checked(shell), prog_name=_PROGRAM, complete_var=_VARIABLE)
        reader.say(f"{name} completion is installed in {path}; it works in a new terminal")
        _stop()


def _typers() -> Any:
    return import_module("typer.completion")


def _checked(shell: str) -> str:
    if shell not in SHELLS:
        raise UnknownNameError("shell", shell, SHELLS)
    return shell


def _stop() -> None:
    import typer

    raise typer.Exit


def complete(verb: Callable[..., Any]) -> None:
    """Let a shell complete the options and arguments of a verb that have names of a known kind."""
    if _VARIABLE not in os.environ:
        return
    for parameter, hint in get_type_hints(verb, include_extras=True).items():
        if get_origin(hint) is not Annotated:
            continue
        info = next((one for one in get_args(hint)[1:] if hasattr(one, "autocompletion")), None)
        # beside an Annotated type the first spelling is where the default would be
        spelled = (getattr(info, "default", None), *(getattr(info, "param_decls", None) or ()))
        options = [word.lstrip("-") for word in spelled if isinstance(word, str) and word.startswith("--")]
        kind = KINDS.get((options or [parameter])[0])
        if info is not None and kind is not None:
            info.autocompletion = of(kind)


def of(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What completes the last of several names that commas separate."""

    def completed(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        try:
            return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]
        except BenchError:  # a broken plug-in: the verb itself will say so
            return []

    return completed


def _methods() -> list[str]:
    from stvsr_bench.methods import inventory

    found = []
    for row in inventory.all_methods():
        tags = [tag for tag in row["weights"] if tag.startswith("@") and " " not in tag]
        found += [row["name"], *(row["name"] + tag for tag in tags)]
    return found


def _datasets() -> list[str]:
    from stvsr_bench import datasets

    return datasets.names()


def _splits() -> list[str]:
    from stvsr_bench import datasets

    return sorted({split for name in datasets.names() for split in datasets.card(name).splits})


def _protocols() -> list[str]:
    from stvsr_bench.protocols import PROTOCOLS

    return list(PROTOCOLS)


def _metrics() -> list[str]:
    from stvsr_bench.metrics import METRICS, groups

    return [*METRICS, *groups()]


def _devices() -> list[str]:
    return ["cpu", "cuda", "mps", "auto"]


def _suites() -> list[str]:
    from stvsr_bench.runner import suites

    return suites.names()


def _lists() -> list[str]:
    return ["methods", "datasets", "metrics", "protocols", "results"]


# by the name of an option, or of an argument that is not an option
KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "methods": _methods,
    "method": _methods,
    "first": _methods,
    "second": _methods,
    "ours": _methods,
    "dataset": _datasets,
    "against": _datasets,
    "split": _splits,
    "protocol": _protocols,
    "metrics": _metrics,
    "device": _devices,
    "suite": _suites,
    "kind": _lists,
}
