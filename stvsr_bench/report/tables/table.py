"""A table as it is printed, before any format: which numbers stand where, what is best, what must be said of them.

One `Table` per protocol key: numbers of different keys never share a table, so they are never ranked together. The
writers (`markdown`, `latex`, `csvjson`, `page`) only lay out what stands here, with the text that `shown` gives, so
every format shows the same digits. `build` makes tables from rows.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from stvsr_bench import protocols
from stvsr_bench.report.tables.about import NO_NETWORK, NOTHING, About, Network
from stvsr_bench.report.units import POOLED

FrameChoice = Literal["all", "given", "between"]
FRAME_CHOICES: tuple[FrameChoice, ...] = ("all", "given", "between")
Mark = Literal["", "best", "second"]
Badge = Literal["untrained", "mini", "partial", "other data", "mixed code", "external", "override", "failed"]
NO_RANK: frozenset[Badge] = frozenset({"untrained", "other data", "mixed code"})  # of what is no method's mean
GROUPS = ("two-stage", "one-stage", "ours")  # in the order of printing: ours last, as papers have it


@dataclass(frozen=True)
class Display:
    """How a metric or fact is printed, and which direction is better."""

    title: str
    decimals: int
    unit: str = ""
    better: Literal["higher", "lower", ""] = "higher"

    @property
    def label(self) -> str:
        """The title with its unit, as an axis or a column says it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        return self.better != "lower"


METRICS: dict[str, Display] = {
    "psnr_y": Display("PSNR-Y", 2, "dB"),
    "ssim_y": Display("SSIM-Y", 4),
    "psnr_rgb": Display("PSNR-RGB", 2, "dB"),
    "ssim_rgb": Display("SSIM-RGB", 4),
    "ms_ssim_y": Display("MS-SSIM-Y", 4),
}
FACTS: dict[str, Display] = {
    "params": Display("Params", 2, "M", "lower"),
    "gmacs": Display("GMACs", 1, "", "lower"),
    "gmacs_fast": Display("GMACs, fast engine", 1, "", "lower"),
    "runtime_ms": Display("Runtime", 1, "ms/frame", "lower"),
    "memory_mib": Display("Memory", 0, "MiB", "lower"),
    "seconds": Display("Time", 2, "s/clip", "lower"),
}


_DECIMALS = {"dB": 2, "px": 3, "levels^2": 2, "RGB^2": 6, "JOD": 3, "gap": 3}


@cache
def display(metric: str) -> Display:
    """How a metric is printed; one that no version of the suite knows is printed with 4 decimals under its own name."""
    if metric in METRICS:
        return METRICS[metric]
    if metric in POOLED:
        return replace(display(POOLED[metric].of), title=POOLED[metric].title)
    from stvsr_bench.metrics import METRICS as KNOWN

    known = KNOWN.get(metric)
    if known is None:
        return Display(metric, 4)
    better: Literal["higher", "lower"] = "higher" if known.higher_is_better else "lower"
    return Display(known.title, _DECIMALS.get(known.unit, 4), known.unit, better)


@dataclass(frozen=True)
class Options:
    """What a table holds; empty tuples mean everything that was measured, in the order of the rows."""

    metrics: tuple[str, ...] = ("psnr_y", "ssim_y")
    facts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    common: bool = False
    apart: bool = True
    intervals: bool = False


@dataclass(frozen=True)
class Column:
    """One metric over one choice of frames on one split; `clips` is how many clips have this metric of any method."""

    dataset: str
    split: str
    metric: str
    frames: FrameChoice
    clips: int


@dataclass(frozen=True)
class Cell:
    """The mean of one method in one column, over `n` clips of the `clips` on which it has this metric.

    The others have no frame that counts for all methods. `n_inf` frames are infinite for this method, `n_left` frames
    are left out of its mean because they are infinite for one of the methods or flat. Whole clips count as one.
    """

    value: float | None = None
    n: int = 0
    n_inf: int = 0
    half: float | None = None
    mark: Mark = ""
    partial: bool = False
    clips: int = 0
    n_left: int = 0

    @property
    def measured(self) -> bool:
        """Whether the method has this metric at all, be it without a frame that counts."""
        return self.clips > 0


@dataclass(frozen=True)
class Line:
    """One method with one set of weights; both are labels that no two networks share.

    `facts` by name; seconds depend on the size of the clips, so they are by data set: `seconds:vid4`.
    """

    method: str
    weights: str
    group: str
    badges: tuple[Badge, ...]
    facts: dict[str, float]
    cells: tuple[Cell, ...]
    made_with: Network = NO_NETWORK


@dataclass(frozen=True)
class Table:
    """Everything that may be compared with everything else in it: one protocol key."""

    protocol: str
    protocol_key: str
    columns: tuple[Column, ...]
    facts: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    intervals: bool = False
    left_out: tuple[str, ...] = ()  # those of the notes that a terminal shows: what is missing
    about: About = NOTHING

    @property
    def task(self) -> str:
        """Scale and time scale in words, for titles; "" where they are x4 and x2."""
        return protocols.words(self.protocol)

    def fact(self, name: str) -> Display:
        """How one of `facts` is printed; its data set is named where the table has several."""
        base, _, dataset = name.partition(":")
        how = FACTS[base]
        return replace(how, title=f"{how.title}, {dataset}") if dataset and len(self.datasets) > 1 else how

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets in the order of the columns."""
        return tuple(dict.fromkeys(column.dataset for column in self.columns))

    def of_dataset(self, dataset: str) -> "Table":
        """The same table with the columns of one data set and the methods that were measured on it."""
        keep = [i for i, of in enumerate(self.columns) if of.dataset == dataset]
        facts = tuple(name for name in self.facts if name.partition(":")[2] in ("", dataset))
        return replace(self._keep(keep), facts=facts)

    def of_frames(self, *frames: FrameChoice) -> "Table":
        """The same table with the columns of some choices of frames."""
        keep = [i for i, of in enumerate(self.columns) if of.frames in frames]
        return self._keep(keep)

    def _keep(self, keep: list[int]) -> "Table":
        lines = [replace(line, cells=tuple(line.cells[i] for i in keep)) for line in self.lines]
        measured = tuple(line for line in lines if any(cell.measured for cell in line.cells))
        return replace(self, columns=tuple(self.columns[i] for i in keep), lines=measured)


def clips_of(table: Table) -> dict[tuple[str, str], tuple[int, ...]]:
    """How many clips the columns of each data set and split are of: one number, or several where metrics differ."""
    found: dict[tuple[str, str], list[int]] = {}
    for column in table.columns:
        found.setdefault((column.dataset, column.split), []).append(column.clips)
    return {place: tuple(dict.fromkeys(counts)) for place, counts in found.items()}


_EXPLAIN: dict[Badge, str] = {
    "untrained": "seeded random weights; the numbers show only that the method runs, and take no mark",
    "mini": "weights that this suite trained briefly on its own clips",
    "partial": "measured on fewer clips than other methods of this table, takes no mark",
    "external": "frames made elsewhere and only scored here",
    "override": "a plug-in that was put instead of a built-in method or data set of this name",
    "other data": "the truth of some clips is not that of the other methods; takes no mark on that split",
    "mixed code": "its code or card changed, and only some clips were measured again; repeat the run on all of them",
    "failed": "some clips failed and are missing from the means",
}


def explain(badge: Badge) -> str:
    """What a badge says about the numbers beside it."""
    return _EXPLAIN[badge]


def half_shown(cell: Cell, metric: str) -> str:
    """Half of the 95 % interval with the digits of its mean; a dash where one clip has none."""
    return shown(cell.half, display(metric))


def shown(value: float | None, how: Display) -> str:
    """The digits that stand in every format; what was not measured is a dash."""
    if value is None or np.isnan(value):
        return "–"
    if np.isinf(value):
        return "inf"
    return f"{value:.{how.decimals}f}"
