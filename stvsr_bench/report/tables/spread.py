"""How much the protocol alone changes a number: one method under every protocol and metric variant.

Variants that need only per-frame values (which frames, mean of dB or pooled MSE, Y or RGB, how clips are averaged,
what becomes of infinite values) are computed from the rows. Protocols are listed with the rows that were measured under
them, and variants of the metric with the per-frame values that the run was asked for (`--metrics`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stvsr_bench import protocols
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import Display, display, shown
from stvsr_bench.report.units import CLIPS, Floats, Units, average_of, folder_of
from stvsr_bench.report.windows import windows_of_row
from stvsr_bench.rows.counting import NONE, Frames, counted, flat_frames, keeps_infinite
from stvsr_bench.schema import Row

Measure = Literal["psnr", "ssim"]
PEAK = 255.0
OWN = "as the protocol says"  # the number that the protocol itself gives
Choose = Callable[[Row, str], Floats]


@dataclass(frozen=True)
class Variant:
    """One way to make one number of the same clips; `delta` is its distance from the first variant.

    `whole`: it is a mean of all clips that the protocols share. A variant without a frame on some of them (no centre
    frame, every frame infinite) is a mean of others, and its distance says nothing.
    """

    protocol: str
    name: str
    value: float
    delta: float
    clips: int
    n_inf: int
    whole: bool = True


def by_task(rows: Sequence[Row]) -> dict[protocols.Task | None, list[Row]]:
    """Rows by scale and time scale: what two tasks differ by is not what a protocol is worth.

    Rows of protocols that this version does not know stand apart, under None.
    """
    found: dict[protocols.Task | None, list[Row]] = {}
    for row in rows:
        known = protocols.known(row.protocol)
        found.setdefault(None if known is None else protocols.task(known), []).append(row)
    return found


def spread(rows: Sequence[Row], measure: Measure = "psnr") -> list[Variant]:
    """Every variant for the rows of one method on one split and of one task, over the clips that all protocols have.

    The first is the suite's own protocol, all frames. Protocols without a clip in common give nothing.
    """
    shared = common_clips(rows)
    flat = flat_frames(rows)
    found: list[tuple[str, str, float, int, int]] = []
    names = {row.protocol_key: row.protocol for row in rows}
    keys = sorted(names, key=lambda key: (not _is_ours(names[key]), key))
    for key in keys if shared else ():
        mine = [_without(row, flat) for row in rows if row.protocol_key == key and row.clip in shared]
        found += [(mine[0].protocol, *variant) for variant in _variants(mine, measure)]
    if not found:
        return []
    # of fewer clips, it is no base for the others
    base = found[0][2] if found[0][3] == len(shared) else float("nan")
    return [
        Variant(protocol, name, value, value - base, n, n_inf, n == len(shared))
        for protocol, name, value, n, n_inf in found
    ]


def _is_ours(protocol: str) -> bool:
    return protocols.known(protocol) is not None and protocols.family(protocol) == protocols.DEFAULT


def _without(row: Row, flat: Mapping[tuple[str, str, str], Frames]) -> Row:
    """The row without PSNR where the truth is flat, as tables leave it out."""
    out = flat.get((row.dataset, row.split, row.clip), NONE)
    if not out or keeps_infinite(row.protocol):
        return row
    values = {
        name: counted(of, row.frames, out).tolist() if name.startswith("psnr") else of
        for name, of in row.values.items()
    }
    return replace(row, values=values)


def common_clips(rows: Sequence[Row]) -> set[str]:
    """The clips that were measured under every protocol of these rows."""
    clips: dict[str, set[str]] = {}
    for row in rows:
        clips.setdefault(row.protocol_key, set()).add(row.clip)
    return set.intersection(*clips.values()) if clips else set()


def spread_md(title: str, of: Sequence[Variant], measure: Measure = "psnr") -> str:
    """The variants as Markdown, with the distance between the highest and the lowest protocol."""
    how = display(f"{measure}_y")
    rows = [[v.protocol, v.name, shown(v.value, how), _signed(v, how.decimals), str(v.clips), str(v.n_inf)] for v in of]
    names = ["Protocol", "Variant", how.label, "Difference", "Clips", "Infinite frames"]
    align = ["left", "left", *["right"] * 4]
    if not any(np.isfinite(v.value) and v.whole for v in of):
        nothing = "No clip was measured under all of these protocols, so there is nothing to compare."
        return "\n".join([f"## {text_md(title)}", "", nothing, ""])
    said = _ranges(of, how)
    if any(not v.whole for v in of):
        said.append("Values of fewer clips have no difference and are not part of it.")
    grid = grid_md(names, rows, align)
    return "\n".join([f"## {text_md(title)}", "", grid, "", " ".join(said), *_unmeasured(of, measure), ""])


def _ranges(of: Sequence[Variant], how: Display) -> list[str]:
    """How far protocols are apart in their own number, a sentence for those that score the same kind of frames.

    Variants (another colour or range, a part of the frames) are other quantities: each has its difference alone.
    """
    groups: dict[tuple[str, str], list[Variant]] = {}
    for one in of:
        if one.name == OWN and one.whole and np.isfinite(one.value):
            groups.setdefault(_quantity(one.protocol), []).append(one)
    unit = f" {how.unit}" if how.unit else ""
    said = []
    for (frames, channel), members in groups.items():
        if len(members) < 2:
            continue
        values, n = [one.value for one in members], max(one.clips for one in members)
        width = f"{max(values) - min(values):.{how.decimals}f}{unit}"
        which = f" of the protocols that score {frames} frames in {channel}" if len(groups) > 1 else ""
        clips = f"{n} clip{'s' if n > 1 else ''} that all protocols share"
        said.append(f"Highest minus lowest{which}: {width}, over the {clips}.")
    return said or ["No two protocols score the same kind of frames here, so no range is given."]


def _quantity(protocol: str) -> tuple[str, str]:
    """Which frames a protocol scores and in which colour: protocols that differ here have no common spread."""
    known = protocols.known(protocol)
    return (protocol, "") if known is None else (known.frames, known.channel)


def _unmeasured(of: Sequence[Variant], measure: Measure) -> list[str]:
    """A sentence that names the metric variants which the run was not asked for."""
    from stvsr_bench.metrics import expanded

    every = [display(name).title for name in expanded(["variant"]) if name.startswith(f"{measure}_")]
    left = [title for title in every if title not in {variant.name for variant in of}]
    return [f"Not measured: {', '.join(left)}. `stvsr-bench run ... --metrics variant` measures them."] if left else []


def _signed(of: Variant, decimals: int) -> str:
    return f"{of.delta:+.{decimals}f}" if np.isfinite(of.delta) and of.whole else "–"


def _variants(rows: Sequence[Row], measure: Measure) -> list[tuple[str, float, int, int]]:
    average = average_of(rows[0].protocol)
    of_average = {
        "clips": CLIPS,
        "folders": Units(folders=tuple(folder_of(row.clip) for row in rows)),
        "windows": Units(weights=tuple(float(len(row.frames)) for row in rows)),
    }
    base = f"{measure}_y"
    known = protocols.known(rows[0].protocol)
    found = []

    def add(name: str, values: list[Floats], how: str = average, keep_inf: bool = False) -> None:
        per_clip = np.array([_mean(of, keep_inf) for of in values])  # of frames first, then of clips, as the tables
        n_inf = sum(int(np.isinf(of).sum()) for of in values)
        mean = of_average[how].mean(per_clip)
        if not np.isnan(mean):
            found.append((name, mean, int((~np.isnan(per_clip)).sum()), n_inf))

    keep = known is not None and known.inf_policy == "keep"
    add(OWN, _values(rows, base), average, keep)
    for name, choose in _FRAMES.items():
        add(f"{name} frames", [choose(row, base) for row in rows])
    if measure == "psnr":
        add("pooled MSE of a clip", _pooled(rows))
    others = ["clips", *(["folders"] if any("/" in row.clip for row in rows) else [])]
    for other in others:
        if other != average:
            add(f"mean of {other}", _values(rows, base), other)
    for metric in _variants_of(rows, measure):
        add(display(metric).title, _values(rows, metric))
    return found


def _variants_of(rows: Sequence[Row], measure: Measure) -> list[str]:
    shared = set.intersection(*(set(row.values) for row in rows))
    return sorted(name for name in shared if name.startswith(f"{measure}_") and name != f"{measure}_y")


def _values(rows: Sequence[Row], metric: str) -> list[Floats]:
    return [np.array(row.values[metric], dtype=np.float64) for row in rows]


def _of_given(row: Row, base: str, wanted: bool) -> Floats:
    pairs = zip(row.values[base], row.given, strict=True)
    return np.array([value for value, given in pairs if given == wanted], dtype=np.float64)


def _centre(row: Row, base: str) -> Floats:
    """The values of the middle frame of each of the protocol's windows; none where the protocol is not known."""
    protocol = protocols.known(row.protocol)
    windows = None if protocol is None else windows_of_row(row, protocol)
    if windows is None:
        return np.array([])
    middles = {window.wanted[len(window.wanted) // 2] for window in windows.passes}
    values = zip(row.frames, row.values[base], strict=True)
    return np.array([value for index, value in values if index in middles], dtype=np.float64)


_FRAMES: dict[str, Choose] = {
    "given": lambda row, base: _of_given(row, base, True),
    "between": lambda row, base: _of_given(row, base, False),
    "centre": _centre,
    "all except the last": lambda row, base: np.array(row.values[base][:-1], dtype=np.float64),
}


# never above the mean of the frames' PSNRs: a bad frame weighs more in a mean of squares than in one of logarithms
def _pooled(rows: Sequence[Row]) -> list[Floats]:
    pooled = []
    for row in rows:
        mse = float(np.mean(row.values["mse_y"])) if row.values.get("mse_y") else float("nan")
        pooled.append(np.array([10 * np.log10(PEAK**2 / mse) if mse > 0 else (np.inf if mse == 0 else np.nan)]))
    return pooled


def _mean(values: Floats, keep_inf: bool) -> float:
    kept = values[~np.isnan(values)] if keep_inf else values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else float("nan")
