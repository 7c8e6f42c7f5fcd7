"""One method against another on the same clips: by split and by motion, given and between frames apart.

Rows of different protocols, data sets or weights never meet in one number. Frames that are infinite for one of the two
are left out for both (`alike.py`). A clip that a method restored exactly (its PSNR is infinite on every frame) is
compared like the others: it is won, lost or tied, and counted beside the mean.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stvsr_bench import protocols
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.escape import code as code_md
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report import alike, stats
from stvsr_bench.report.guess import UnknownMethodError
from stvsr_bench.report.select import MethodKey, by_method, method_keys, method_label, named, of_protocols
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.marks import tie_of
from stvsr_bench.report.tables.table import FRAME_CHOICES, FrameChoice, display
from stvsr_bench.report.tidy import column, infinite, motion_bin, read, tidy
from stvsr_bench.report.units import folder_of, units_of

MOST_APART = 10


@dataclass(frozen=True)
class Part:
    """The comparison on one set of clips: a split, or the clips of a data set in one motion bin."""

    protocol: str
    protocol_key: str
    where: str
    metric: str
    frames: FrameChoice
    result: stats.Comparison

    @property
    def decimals(self) -> int:
        """Digits of a difference: one more than of a value, for methods differ less than clips do."""
        return display(self.metric).decimals + 1

    @property
    def count_shown(self) -> str:
        """The clips of the mean, and those beside it on which a method is exact."""
        of = self.result.difference
        return f"{of.n}" + (f" (+{of.n_inf} inf)" if of.n_inf else "")

    @property
    def mean_shown(self) -> str:
        """The mean difference with its sign; a dash where no clip has a finite one."""
        mean = self.result.difference.mean
        return "–" if np.isnan(mean) else f"{mean:+.{self.decimals}f}"

    @property
    def interval_shown(self) -> tuple[str, str] | None:
        """The ends of the 95 % interval; one clip has none."""
        low, high = self.result.difference.low, self.result.difference.high
        return None if low is None or high is None else (f"{low:+.{self.decimals}f}", f"{high:+.{self.decimals}f}")

    @property
    def effect_shown(self) -> str:
        """The effect with its sign; a dash where it is no number, as with one clip or equal differences."""
        return f"{self.result.effect:+.2f}" if np.isfinite(self.result.effect) else "–"

    @property
    def p_shown(self) -> str:
        """The corrected p value; under 0.001 its digits say nothing more."""
        return "<0.001" if self.result.p_holm < 0.001 else f"{self.result.p_holm:.3f}"


@dataclass(frozen=True)
class ClipPair:
    """One clip on which the two differ much; `gain` is positive where the first is better, infinite if it is exact."""

    protocol: str
    protocol_key: str
    clip: str
    first: float
    second: float
    gain: float


@dataclass(frozen=True)
class Compared:
    """What `compare` found. Differences are gains of `first`: positive is better for it, whatever the metric."""

    first: str
    second: str
    untrained: tuple[str, ...]
    parts: tuple[Part, ...]
    apart: tuple[ClipPair, ...]
    notes: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def protocols(self) -> dict[str, str]:
        """The protocols compared, key and name; a name that two keys share is told apart by its key."""
        named = {part.protocol_key: part.protocol for part in self.parts}
        shared = [name for name, count in Counter(named.values()).items() if count > 1]
        return {key: f"{name} ({key})" if name in shared else name for key, name in named.items()}

    def task_of(self, key: str) -> str:
        """Scale and time scale of one of them, to put after its name; "" where they are x4 and x2."""
        words = next(protocols.words(part.protocol) for part in self.parts if part.protocol_key == key)
        return f", {words}" if words else ""

    @property
    def exact(self) -> str:
        """What clips with an infinite value do to the numbers; empty where there are none."""
        if not any(part.result.difference.n_inf for part in self.parts):
            return ""
        return (
            "(+N inf): clips that a method restored exactly, so that its value is infinite. They are won, lost or, "
            "where both are exact, tied; the mean, its interval and the effect are of the other clips."
        )

    def __str__(self) -> str:
        return compared_md(self)

    def _repr_markdown_(self) -> str:
        return compared_md(self)


def compare(
    first: str,
    second: str,
    runs: Path | str | Sequence[Path | str] = "runs/latest",
    metrics: Sequence[str] = ("psnr_y", "ssim_y"),
) -> Compared:
    """One method against another from the rows of runs: `compare("stdan@mini", "dis+bicubic")`.

    Raises:
        BenchError: a method or metric that the rows do not have, or two methods without a common clip.
    """
    folders = [Path(runs)] if isinstance(runs, str | Path) else [Path(run) for run in runs]
    for folder in folders:
        if not folder.is_dir():
            raise NotRunnableError(f"no run at {folder}")
    return compare_tidy(tidy(read(folders)), first, second, metrics, named_runs(folders))


def named_runs(folders: Sequence[Path]) -> tuple[str, ...]:
    """Run folders as they are named to a reader: `runs/latest` is a link, so it says to which."""
    linked = [(folder, folder.resolve()) for folder in folders]
    return tuple(f"{folder} ({real.name})" if folder.name != real.name else str(folder) for folder, real in linked)


def compare_tidy(
    table: pd.DataFrame, first: str, second: str, metrics: Sequence[str], runs: Sequence[str] = ()
) -> Compared:
    """The same from a tidy table. p values are corrected (Holm) for the number of parts of one metric.

    `runs` are the names of the runs that it is of, for the sentences that say where a method was looked for.
    """
    one, other = method_key_of(table, first, runs), method_key_of(table, second, runs)
    if one == other:
        raise UsageError(f"{first} and {second} are the same method; name two different ones")
    both, notes = of_two(table, one, other, metrics)
    placed = _placed(both)
    parts: list[Part] = []
    for metric in metrics:
        if metric not in table.columns:
            raise UnknownNameError(
                "metric in these rows", metric, [name for name in table if f"{name}.between" in table]
            )
        # Holm over all parts of one metric: with a dozen splits and motion bins, one in twenty would be found by chance
        parts += _corrected([part for frames in FRAME_CHOICES for part in _parts(placed, one, other, metric, frames)])
    if not parts:
        said = "; ".join(notes) or "run both on the same split"
        raise UsageError(f"{first} and {second} have no clip in common under one protocol; {said}")
    untrained = table[table["untrained"]]
    named = set(zip(untrained["method"], untrained["weights"], strict=True))
    return Compared(
        first=method_label(*one),
        second=method_label(*other),
        untrained=tuple(method_label(*method_key) for method_key in (one, other) if method_key in named),
        parts=tuple(parts),
        apart=tuple(_most_apart(placed, one, other, metrics[0])),
        notes=notes,
        runs=tuple(runs),
    )


def method_key_of(table: pd.DataFrame, name: str, runs: Sequence[str] = ()) -> MethodKey:
    """The method with weights that a name means; without weights the only one of that method.

    Raises:
        UsageError: unknown, or it has several weights.
    """
    loose = named(table, name)
    if len(loose) == 1:
        return loose[0]
    names = [method_label(*method_key) for method_key in (loose or method_keys(table))]
    if loose:
        raise UsageError(f"{name} was measured with several weights; write one of {', '.join(names)}")
    raise UnknownMethodError(name, names, runs)


def of_two(
    table: pd.DataFrame, one: MethodKey, other: MethodKey, metrics: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The lines of the two on the same data, over the frames that count for both, and what was left out.

    `name#own` columns beside each metric are the means over the frames that count for the method alone: what remains
    to be said where no frame counts for both.
    """
    of_them = [key in (one, other) for key in zip(table["method"], table["weights"], strict=True)]
    mine = table.loc[np.array(of_them, dtype=bool)]
    place = ["protocol_key", "dataset", "split", "clip"]
    truths = mine[mine["truth"] != ""].groupby(place)["truth"].nunique()
    apart = set(truths[truths > 1].index)
    keep = [tuple(of) not in apart for of in mine[place].itertuples(index=False, name=None)]
    # the majority of the other methods says nothing here: the two were measured on the same data or they were not
    mine = mine.loc[np.array(keep, dtype=bool)].assign(other_data=False)
    made = alike.alike(mine)
    names = [name for metric in metrics for frames in FRAME_CHOICES if (name := column(metric, frames)) in mine]
    notes = alike.notes(mine, tuple(metrics))
    if apart:
        clips = f"{len(apart)} clip{'s' if len(apart) > 1 else ''}"
        notes = (f"{clips} left out: the two were measured against different true frames there", *notes)
    return made.assign(**{f"{name}#own": mine[name] for name in names}), notes


def _parts(table: pd.DataFrame, one: MethodKey, other: MethodKey, metric: str, frames: FrameChoice) -> list[Part]:
    found = []
    for protocol, key, rows in of_protocols(table):
        for where, part in _groups(rows):
            pair = _paired(part, one, other, column(metric, frames))
            if len(pair):
                units = units_of(part, list(pair.index), metric)
                better = display(metric).higher_is_better
                result = stats.compare(pair[one], pair[other], better, tie_of(metric), units=units)
                found.append(Part(protocol, key, where, metric, frames, result))
    return found


def _groups(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The lines of each split, then of each motion bin of each data set: two data sets are never one number."""
    groups = [(f"{d} {s}", part) for (d, s), part in rows.groupby(["dataset", "split"], sort=False)]
    moving = rows[rows["motion_px"].notna()]
    for dataset, of_dataset in moving.groupby("dataset", sort=False):
        bins = of_dataset.groupby(of_dataset["motion_px"].map(motion_bin), sort=False)
        ordered = sorted(bins, key=lambda pair: float(pair[1]["motion_px"].min()))
        groups += [(f"{dataset} motion {name} px/frame", part) for name, part in ordered]
    return groups


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with clips and their folders named with data set and split: clip names repeat between splits."""
    place = table["dataset"] + "/" + table["split"] + "/"
    return table.assign(clip=place + table["clip"], folder=place + table["clip"].map(folder_of))


def _paired(part: pd.DataFrame, one: MethodKey, other: MethodKey, name: str) -> pd.DataFrame:
    """The values of both by clip, for clips that both measured."""
    if name not in part.columns:
        return pd.DataFrame()
    pair = by_method(part, [one, other], name)
    # no mean, and yet measured: every one of these frames is exact
    own = part[f"{name}#own"].mask(part[f"{name}#own"].isna() & (part[infinite(name)] > 0), np.inf)
    alone = by_method(part.assign(**{name: own}), [one, other], name)
    # only where a method is exact throughout: else the two means are of different frames
    exact = pair.isna().any(axis=1) & alone.notna().all(axis=1) & np.isinf(alone).any(axis=1)
    return pair.where(~exact, alone).dropna()


def _corrected(parts: Sequence[Part]) -> list[Part]:
    corrected = stats.holm([part.result.p_wilcoxon for part in parts])
    return [replace(part, result=replace(part.result, p_holm=p)) for part, p in zip(parts, corrected, strict=True)]


def _most_apart(table: pd.DataFrame, one: MethodKey, other: MethodKey, metric: str) -> list[ClipPair]:
    sign = 1.0 if display(metric).higher_is_better else -1.0
    found = []
    for protocol, key, rows in of_protocols(table):
        pair = _paired(rows, one, other, metric)
        with np.errstate(invalid="ignore"):  # inf - inf, where both restored a clip exactly
            gain = (sign * (pair[one] - pair[other])).dropna() if len(pair) else pd.Series(dtype=float)
        most = gain.reindex(gain.abs().sort_values(ascending=False, kind="stable").index)[:MOST_APART]
        for clip, value in most.items():
            first, second = float(pair.loc[clip, one]), float(pair.loc[clip, other])
            found.append(ClipPair(protocol, key, str(clip), first, second, float(value)))
    return found


def compared_md(of: Compared) -> str:
    """The comparison as Markdown."""
    first, second = text_md(of.first), text_md(of.second)
    lines = [f"# {first} against {second}", "", text_md(f"Run: {', '.join(of.runs)}.") if of.runs else "", ""]
    lines += [f"Positive differences are gains of {first}. Pairs of the same clip; "]
    lines[-1] += (
        "95 % intervals over clips; differences under 0.01 dB (0.0001) are ties; p: Wilcoxon, corrected by Holm. "
        f"Verdict: {text_md(stats.RULE)}."
    )
    if of.exact:
        lines += ["", of.exact]
    for note in of.notes:
        lines += ["", text_md(f"{note}.")]
    if of.untrained:
        lines += ["", f"**Untrained: {', '.join(map(text_md, of.untrained))}.** The numbers show only that it runs."]
    heads = ["Clips", "Metric", "Frames", "n", "Difference", "95 % interval", "Won / tied / lost", "Effect", "p"]
    for key, protocol in of.protocols.items():
        lines += ["", f"## Protocol {code_md(protocol)}{of.task_of(key)}", ""]
        lines += [grid_md([*heads, "Verdict"], [_part_md(part) for part in of.parts if part.protocol_key == key]), ""]
        pairs = [
            [text_md(p.clip), f"{p.first:.4g}", f"{p.second:.4g}", f"{p.gain:+.4g}"]
            for p in of.apart
            if p.protocol_key == key
        ]
        lines += [f"Clips that differ most ({len(pairs)}):", ""]
        lines += [grid_md(["Clip", first, second, "Gain"], pairs), ""]
    return "\n".join(lines)


def _part_md(part: Part) -> list[str]:
    result = part.result
    return [
        text_md(part.where),
        display(part.metric).title,
        part.frames,
        part.count_shown,
        part.mean_shown,
        " to ".join(part.interval_shown or ("–",)),
        f"{result.wins} / {result.ties} / {result.losses}",
        part.effect_shown,
        part.p_shown,
        result.verdict,
    ]
