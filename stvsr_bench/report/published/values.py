"""Values that papers print, each with its source, and why some of them take no part in a verdict.

`published.csv` holds the values that are compared. `left_out.csv`, in the same columns, holds values that are not
certain enough for that; its `status` says why. `left_out.toml` names values of `published.csv` that other weights or
another task gave: no measurement with the authors' weights can confirm or contradict them. Both lists are made by
`tests/report/published/remake.py`, which types no number.
"""

import csv
import math
import re
import tomllib
from collections.abc import Set
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from stvsr_bench import protocols
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.schema import canonical

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
CONFIRMED = ("confirmed", "confirmed (authors' own log)", "confirmed (second source)", "confirmed (code comment)")


@dataclass(frozen=True)
class Published:
    """One value that somebody printed; `slack` is half of its last digit, which rounding may have taken or given.

    `scale` is a fraction in lowest terms, as protocols have it; None where the source states none. `variant` keeps
    apart what is not one quantity: the input (BI, BD) or the frames (centre, average, given, between) of the value.
    """

    method: str
    printed: str
    dataset: str
    split: str
    clip: str
    scale: int | str | None
    time_scale: int | None
    variant: str
    protocol: str
    procedure: str
    metric: str
    value: float
    source: str
    source_url: str
    note: str
    status: str = "confirmed"
    slack: float = 0.0

    @property
    def subject(self) -> tuple[str, ...]:
        """What the value is of; two values of one subject should be equal."""
        of = (self.method, self.dataset, self.split, self.clip, self.scale, self.time_scale, self.variant, self.metric)
        return tuple(map(str, of))

    @property
    def under(self) -> tuple[str, int | str | None, int | None]:
        """What a measurement must share to be held against it: protocol, scale and time scale."""
        return self.protocol, self.scale, self.time_scale

    @property
    def shown(self) -> str:
        """The value with the digits that it was printed with."""
        return f"{self.value:.{round(-math.log10(2 * self.slack))}f}"

    @property
    def confirmed(self) -> bool:
        """Whether the source itself states the value with its channel."""
        return self.status in CONFIRMED

    @property
    def elsewhere(self) -> str:
        """What the value was made with that the authors' weights and a protocol of the suite are not; else nothing."""
        return next((rule.reason for rule in rules() if rule.holds(self)), "")

    @property
    def left_out(self) -> str:
        """Why the value gets no verdict whatever is measured; empty where it may get one."""
        if not self.confirmed:
            # "confirmed (channel unknown)": the digits are sure, what they are of is not
            doubt = re.fullmatch(r"confirmed \((.*)\)", self.status)
            return f"not confirmed: {doubt[1] if doubt else self.status}"
        if self.elsewhere:
            return self.elsewhere
        return "" if self.protocol else "another protocol: no protocol of the suite is known to be the paper's"


def plane_of(one: Published) -> str:
    """Scale and time scale of a value, `x6 t12`; "" for x4 and x2 in time, which most values are of, and where a
    source states neither."""
    if (one.scale, one.time_scale) in ((4, 2), (None, None)):
        return ""
    return f"x{one.scale or '?'} t{one.time_scale or '?'}"


@dataclass(frozen=True)
class Rule:
    """Which published values have a reason to be left out: their method, and words of `printed` or `procedure`."""

    reason: str
    methods: tuple[str, ...] = ()
    printed: str = ""
    procedure: str = ""

    def holds(self, one: Published) -> bool:
        """Whether the reason is one of this value; no methods named means all."""
        of_method = not self.methods or one.method in self.methods
        return of_method and self.printed in one.printed and self.procedure in one.procedure


@cache
def rules() -> tuple[Rule, ...]:
    """The rules of `left_out.toml`, in its order: the first that holds gives the reason."""
    known = tomllib.loads(_text("left_out.toml"))["rule"]
    return tuple(Rule(**{**of, "methods": tuple(of.get("methods", ()))}) for of in known)


def read_published(text: str | None = None) -> list[Published]:
    """The published values, one per metric: those of a text, else of the repository's two lists."""
    texts = [_text("published.csv"), _text("left_out.csv")] if text is None else [text]
    return [one for of in texts for row in csv.DictReader(of.splitlines()) for one in _of_row(row)]


def chosen(
    method: str = "", dataset: str = "", protocol: str = "", scale: str = "", time_scale: int = 0
) -> list[Published]:
    """The published values whose method holds these words (as printed, or the suite's name), of a data set, of the
    paper's protocol, of a scale and a time scale; "" and 0 mean any.

    Raises:
        UnknownNameError, UsageError: no published value is of that method, data set, protocol, scale or time scale.
    """
    found = read_published()
    if method:
        named = [one for one in found if method.lower() in one.printed.lower() or method == one.method]
        if not named:
            raise UsageError(
                f"no published value is of a method called '{method}'; stvsr-bench published lists them all"
            )
        found = named
    if dataset:
        known = {one.dataset for one in found}
        if dataset not in known:
            raise UnknownNameError("data set with such published values", dataset, known)
        found = [one for one in found if one.dataset == dataset]
    if protocol:
        name = protocols.get(protocol).name  # `videoinr-2022:scale=6:time_scale=12` too
        known = {one.protocol for one in found} - {""}
        if name not in known:
            raise UnknownNameError("protocol with such published values", name, known)
        found = [one for one in found if one.protocol == name]
    if scale:
        try:
            wanted = canonical(scale)
        except ValueError as error:
            raise UsageError(f"--scale {scale}: {error}") from None
        found = _alike(found, "scale", wanted, {one.scale for one in found})
    return _alike(found, "time_scale", time_scale, {one.time_scale for one in found}) if time_scale else found


def _alike(found: list[Published], field: str, wanted: int | str, known: Set[int | str | None]) -> list[Published]:
    if wanted not in known:
        words = field.replace("_", " ")
        raise UnknownNameError(f"{words} of such published values", str(wanted), {str(of) for of in known if of})
    return [one for one in found if getattr(one, field) == wanted]


def _of_row(row: dict[str, str]) -> list[Published]:
    numbers = ("scale", "time_scale", "metric", "value", "slack")
    texts = {of.name: row[of.name] for of in fields(Published) if of.name not in numbers}
    return [
        Published(
            **texts,
            scale=canonical(row["scale"]) if row["scale"] else None,
            time_scale=int(row["time_scale"]) if row["time_scale"] else None,
            metric=metric,
            value=float(row[metric]),
            slack=_half_digit(row[metric]),
        )
        for metric in METRICS
        if row[metric]
    ]


def _half_digit(text: str) -> float:
    """Half of the last digit of a number as it is printed: 0.005 of "36.81", 0.0005 of "0.818"."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def _text(name: str) -> str:
    return files("stvsr_bench.report.published").joinpath(name).read_text("utf-8")
