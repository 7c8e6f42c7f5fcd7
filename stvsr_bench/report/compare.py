"""One method against another on the same clips: by split and by motion, given and between frames apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.report import stats
from stvsr_bench.report.select import MethodKey, by_method, method_keys, method_label
from stvsr_bench.report.tables.markdown import grid_md, text_md
from stvsr_bench.report.tables.marks import tie_of
from stvsr_bench.report.tables.table import FRAME_CHOICES, FrameChoice, display
from stvsr_bench.report.tidy import column, motion_bin, read, tidy

MOST_APART = 10


@dataclass(frozen=True)
class Part:
    """The comparison on one set of clips: a split, or all clips of a motion bin."""

    protocol: str
    where: str
    metric: str
    frames: FrameChoice
    result: stats.Comparison

    @property
    def decimals(self) -> int:
        """Digits of a difference: one more than of a value, for methods differ less than clips do."""
        return display(self.metric).decimals + 1

    @property
    def p_shown(self) -> str:
        """The corrected p value; under 0.001 its digits say nothing more."""
        return "<0.001" if self.result.p_holm < 0.001 else f"{self.result.p_holm:.3f}"


@dataclass(frozen=True)
class ClipPair:
    """One clip on which the two differ much; `gain` is positive where the first is better."""

    protocol: str
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

    def __str__(self) -> str:
        return compared_md(self)


def compare(
    first: str,
    second: str,
    runs: Path | str | Sequence[Path | str] = "runs/latest",
    metrics: Sequence[str] = ("psnr_y",),
) -> Compared:
    """One method against another from the rows of runs: `compare("stdan@mini", "dis+bicubic")`.

    Raises:
        BenchError: a method or metric that the rows do not have, or two methods without a common clip.
    """
    folders = [Path(runs)] if isinstance(runs, str | Path) else [Path(run) for run in runs]
    for folder in folders:
        if not folder.is_dir():
            raise NotRunnableError(f"no run at {folder}")
    return compare_tidy(tidy(read(folders)), first, second, metrics)


def compare_tidy(table: pd.DataFrame, first: str, second: str, metrics: Sequence[str]) -> Compared:
    """The same from a tidy table. p values are corrected (Holm) for the number of parts of one metric."""
    one, other = method_key_of(table, first), method_key_of(table, second)
    if one == other:
        raise UsageError(f"{first} and {second} are the same method; name two different ones")
    parts: list[Part] = []
    for metric in metrics:
        if metric not in table.columns:
            raise UnknownNameError(
                "metric in these rows", metric, [name for name in table if f"{name}.between" in table]
            )
        # Holm over all parts of one metric: with a dozen splits and motion bins, one in twenty would be found by chance
        parts += _corrected([part for frames in FRAME_CHOICES for part in _parts(table, one, other, metric, frames)])
    if not parts:
        raise UsageError(f"{first} and {second} have no clip in common under one protocol; run both on the same split")
    untrained = table[table["untrained"]]
    named = set(zip(untrained["method"], untrained["weights"], strict=True))
    return Compared(
        first=method_label(*one),
        second=method_label(*other),
        untrained=tuple(method_label(*method_key) for method_key in (one, other) if method_key in named),
        parts=tuple(parts),
        apart=tuple(_most_apart(table, one, other, metrics[0])),
    )


def method_key_of(table: pd.DataFrame, name: str) -> MethodKey:
    """The method with weights that a name means; without weights the only one of that method.

    Raises:
        UsageError: unknown, or it has several weights.
    """
    known = method_keys(table)
    exact = [method_key for method_key in known if method_label(*method_key) == name]
    loose = exact or [method_key for method_key in known if method_key[0] == name]
    if len(loose) == 1:
        return loose[0]
    names = [method_label(*method_key) for method_key in (loose or known)]
    if loose:
        raise UsageError(f"{name} was measured with several weights; write one of {', '.join(names)}")
    raise UnknownNameError("method in these rows", name, names)


def _parts(table: pd.DataFrame, one: MethodKey, other: MethodKey, metric: str, frames: FrameChoice) -> list[Part]:
    found = []
    for (protocol, _), rows in table.groupby(["protocol", "protocol_key"], sort=False):
        groups = [(f"{d} {s}", part) for (d, s), part in rows.groupby(["dataset", "split"], sort=False)]
        moving = rows[rows["motion_px"].notna()]
        bins = moving.groupby(moving["motion_px"].map(motion_bin), sort=False)
        ordered = sorted(bins, key=lambda pair: float(pair[1]["motion_px"].min()))
        groups += [(f"motion {name} px/frame", part) for name, part in ordered]
        for where, part in groups:
            pair = _paired(part, one, other, column(metric, frames))
            if len(pair):
                result = stats.compare(pair[one], pair[other], display(metric).higher_is_better, tie_of(metric))
                found.append(Part(str(protocol), where, metric, frames, result))
    return found


def _paired(part: pd.DataFrame, one: MethodKey, other: MethodKey, name: str) -> pd.DataFrame:
    if name not in part.columns:
        return pd.DataFrame()
    # clip names repeat between splits, and a motion bin takes clips of all of them
    placed = part.assign(clip=part["dataset"] + "/" + part["split"] + "/" + part["clip"])
    return by_method(placed, [one, other], name).dropna()


def _corrected(parts: Sequence[Part]) -> list[Part]:
    corrected = stats.holm([part.result.p_wilcoxon for part in parts])
    return [replace(part, result=replace(part.result, p_holm=p)) for part, p in zip(parts, corrected, strict=True)]


def _most_apart(table: pd.DataFrame, one: MethodKey, other: MethodKey, metric: str) -> list[ClipPair]:
    sign = 1.0 if display(metric).higher_is_better else -1.0
    found = []
    for (protocol, _), rows in table.groupby(["protocol", "protocol_key"], sort=False):
        pair = _paired(rows, one, other, metric)
        with np.errstate(invalid="ignore"):  # inf - inf, where both restored a frame exactly
            gain = sign * (pair[one] - pair[other]) if len(pair) else pd.Series(dtype=float)
        gain = gain[np.isfinite(gain)]
        most = gain.reindex(gain.abs().sort_values(ascending=False, kind="stable").index)[:MOST_APART]
        found += [
            ClipPair(str(protocol), str(clip), float(pair.loc[clip, one]), float(pair.loc[clip, other]), float(value))
            for clip, value in most.items()
        ]
    return found


def compared_md(of: Compared) -> str:
    """The comparison as Markdown."""
    first, second = text_md(of.first), text_md(of.second)
    lines = [f"# {first} against {second}", "", f"Positive differences are gains of {first}. Pairs of the same clip; "]
    lines[-1] += (
        "95 % intervals over clips; differences under 0.01 dB (0.0001) are ties; p: Wilcoxon, corrected by Holm."
    )
    if of.untrained:
        lines += ["", f"**Untrained: {', '.join(map(text_md, of.untrained))}.** The numbers show only that it runs."]
    for protocol in dict.fromkeys(part.protocol for part in of.parts):
        lines += ["", f"## Protocol `{protocol}`", ""]
        rows = [_part_md(part) for part in of.parts if part.protocol == protocol]
        names = [
            "Clips",
            "Metric",
            "Frames",
            "n",
            "Difference",
            "95 % interval",
            "Won / tied / lost",
            "Effect",
            "p",
            "Verdict",
        ]
        lines += [grid_md(names, rows), ""]
        pairs = [
            [text_md(p.clip), f"{p.first:.4g}", f"{p.second:.4g}", f"{p.gain:+.4g}"]
            for p in of.apart
            if p.protocol == protocol
        ]
        lines += [f"The {len(pairs)} clips that differ most:", ""]
        lines += [grid_md(["Clip", first, second, "Gain"], pairs), ""]
    return "\n".join(lines)


def _part_md(part: Part) -> list[str]:
    result, decimals = part.result, part.decimals
    low, high = result.difference.low, result.difference.high
    between = "–" if low is None or high is None else f"{low:+.{decimals}f} to {high:+.{decimals}f}"
    return [
        text_md(part.where),
        display(part.metric).title,
        part.frames,
        str(result.difference.n) + (f" (+{result.difference.n_inf} inf)" if result.difference.n_inf else ""),
        f"{result.difference.mean:+.{decimals}f}",
        between,
        f"{result.wins} / {result.ties} / {result.losses}",
        f"{result.effect:+.2f}",
        part.p_shown,
        result.verdict,
    ]
