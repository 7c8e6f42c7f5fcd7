"""The verbs of the command line in groups, and how every verb is parsed.

The help of the whole command line is written from the table here: `-h` imports no verb. Other spellings of an option
(`--datasets`, `score --against`) are the same option under its one name, and no help lists them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperCommand, TyperGroup

from stvsr_bench.errors import UsageError

# title -> verb -> (module, one line); a line with its verb has less than 60 letters
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Start here": {
        "demo": ("demo", "Measure built-in clips and write a report"),
        "run": ("run", "Measure methods on the clips of a data set"),
        "report": ("report", "Write tables, figures and a page of a run"),
        "compare": ("compare", "Compare two methods, clip by clip"),
        "score": ("score", "Score frames that another program made"),
        "infer": ("infer", "Restore your own video"),
        "doctor": ("doctor", "Check a method, or this machine"),
        "ls": ("ls", "List methods, datasets, metrics, protocols"),
        "reproduce": ("reproduce", "Measure the table of a paper"),
    },
    "Data and weights": {
        "data": ("data", "Get, check and measure data sets"),
        "weights": ("weights", "Get, add, check and remove weights"),
        "cache": ("cache", "Show and clear what is kept on this disk"),
    },
    "Measure": {
        "profile": ("profile", "Count parameters, time and memory"),
        "metrics": ("metrics", "List metrics, and test them on this machine"),
    },
    "Research": {
        "train": ("train", "Train a method by its recipe"),
        "ablate": ("ablate", "Train the variants of a method, and compare"),
        "inspect": ("inspect_", "Show what a method's attention looks at"),
    },
    "Automation": {
        "plan": ("plan", "Forecast clips, hours, disk and cost of a run"),
        "gate": ("gate", "Stop a change that makes numbers worse"),
        "verify": ("verify", "Compute the rows of a run again"),
        "merge": ("merge", "Join the rows of several run folders"),
        "published": ("published", "List the values that papers print"),
        "bundle": ("bundle", "Pack a run as one file to send"),
    },
}
# the verbs below a verb, in the order of its help
BELOW = {
    "data": {
        "list": "List data sets, and where they are here",
        "prepare": "Download, check and unpack a data set",
        "check": "Check the clips of a data set",
        "stats": "Measure the motion of clips",
        "pack": "Pack clips into one file for training",
    },
    "weights": {
        "list": "List weights, and how to get those missing",
        "get": "Download weights that their authors publish",
        "add": "Keep your own checkpoint under a name",
        "remove": "Delete weights from this disk",
        "identify": "Say which method a checkpoint is of",
        "verify": "Check all weights that are here",
        "prove": "Compare with pictures that authors published",
    },
    "metrics": {
        "list": "List metrics, and what is missing here",
        "selftest": "Compute recorded numbers on this machine",
    },
    "cache": {
        "info": "Show what is kept, and its size",
        "clear": "Delete what can be made again",
    },
}
VERBS = {verb: module for verbs in GROUPS.values() for verb, (module, _) in verbs.items()}
# repeated, these continue where they were interrupted
CONTINUE = {"run", "demo", "reproduce", "score", "ablate", "prepare", "get"}
# older or other spellings -> the option; those of all verbs, then those of one
SPELLINGS = {
    "method": "methods",
    "model": "methods",
    "datasets": "dataset",
    "splits": "split",
    "protocols": "protocol",
    "metric": "metrics",
    "output": "out",
}
OF_VERB = {
    "score": {"against": "dataset"},
    "train": {"data": "dataset"},
    "reproduce": {"only": "methods"},
}


def settings(verb: str = "") -> dict[str, Any]:
    """What the parser of a verb is told: both spellings of help, and other spellings of its options."""
    spellings = {**SPELLINGS, **OF_VERB.get(verb, {})}

    def known(name: str) -> str:
        name = name.replace("_", "-")
        return spellings.get(name, name)

    return {"help_option_names": ["-h", "--help"], "token_normalize_func": known}


_VALUES: dict[Any, str] = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


class Verb(TyperCommand):
    """A verb: its help names values in words, and an option with one value is given once, and not with its opposite."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            if param.param_type_name == "argument":
                # typer adds the type as Python writes it, `<list[Path]>`; the line beside it says what is meant
                vars(param)["display_type_rich"] = lambda ctx: ""
            if param.metavar is None and not getattr(param, "is_flag", False):
                of = getattr(getattr(param, "type_descriptor", None), "annotation", None)
                of = next(iter(get_args(of)), of)
                option = param.param_type_name == "option"
                param.metavar = _VALUES.get(of, "TEXT") if option else str(param.name).upper()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            self._check(ctx, args)
        return super().parse_args(ctx, args)

    def _check(self, ctx: Any, args: list[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for param in {id(one): one for one in order if order.count(one) > 1}.values():
            if param.param_type_name != "option" or param.multiple:
                continue
            if not getattr(param, "is_flag", False):
                raise UsageError(f"{param.opts[0]} is given {order.count(param)} times; write it once")
            if set(param.opts) & set(args) and set(param.secondary_opts) & set(args):
                raise UsageError(f"{param.opts[0]} and {param.secondary_opts[0]} contradict each other; write one")


class Root(TyperGroup):
    """The whole command line: its help lists the verbs in groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, verbs in GROUPS.items():
            rows = [(f"{verb:9}", line) for verb, (_, line) in verbs.items() if verb in self.commands]
            with formatter.section(title):
                formatter.write_dl(rows, col_spacing=2)


def stub(line: str) -> Callable[[], None]:
    """A placeholder for a verb with a module that is not loaded: its name and its line in the help."""

    def verb() -> None:
        raise AssertionError("not loaded")

    verb.__doc__ = line
    return verb
