"""Values that papers print, each with its source, and why some of them take no part in a verdict.

`published.csv` holds the values that are compared. `left_out.csv`, in the same columns, holds values of this suite's
methods that are not certain enough for that; its `status` says why. `left_out.toml` names values of `published.csv`
that other weights or another task gave: no measurement with the authors' weights can confirm or contradict them.
"""

import csv
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from stvsr_bench import protocols
from stvsr_bench.schema.scale import canonical

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
CONFIRMED = ("confirmed", "confirmed (authors' own log)", "confirmed (second source)", "confirmed (code comment)")


@dataclass(frozen=True)
class Published:
    """One value that somebody printed; `slack` is half of its last digit, which rounding may have taken or given."""

    method: str
    printed: str
    dataset: str
    split: str
    clip: str
    scale: int | str | None  # as protocols hold it: 4, "5/2"
    time_scale: int | None
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
        return (self.method, self.dataset, self.split, self.clip, str(self.scale), str(self.time_scale), self.metric)

    @property
    def task(self) -> protocols.Task | None:
        """Its scale and time scale; None where the source does not say them."""
        return None if self.scale is None or self.time_scale is None else (self.scale, self.time_scale)

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
            return f"not confirmed: {self.status.removeprefix('confirmed (').removesuffix(')')}"
        if self.elsewhere:
            return self.elsewhere
        return "" if self.protocol else "another protocol: no protocol of the suite is known to be the paper's"


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


def _of_row(row: dict[str, str]) -> list[Published]:
    numbers = ("scale", "time_scale", "metric", "value", "slack")
    texts = {of.name: row[of.name] for of in fields(Published) if of.name not in numbers}
    return [
        Published(
            **texts,
            scale=_scale(row["scale"]),
            time_scale=_whole(row["time_scale"]),
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


def _scale(text: str) -> int | str | None:
    try:
        return canonical(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    scale = _scale(text)  # 2.5 is not 2
    return scale if isinstance(scale, int) else None
