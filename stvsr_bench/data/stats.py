"""How the clips of a data set move: a histogram, and which would be slow, medium and fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from stvsr_bench.data.atomic import replacing
from stvsr_bench.data.motion import Speed, Thresholds, measure
from stvsr_bench.schema import Clip

SPEEDS: tuple[Speed, ...] = get_args(Speed)


@dataclass(frozen=True)
class ClipStats:
    """What was measured of one clip."""

    name: str
    frames: int
    width: int
    height: int
    motion_px: float


def of_clip(clip: Clip) -> ClipStats:
    """Length, size and motion of a clip."""
    count, _, height, width = clip.hr_SCHW.shape
    return ClipStats(clip.name, count, width, height, round(measure(clip.hr_SCHW), 4))


def proposal(clips: Sequence[ClipStats], thresholds: Thresholds) -> dict[Speed, list[str]]:
    """The names of the clips in each bin, in their order."""
    return {speed: [c.name for c in clips if thresholds.speed(c.motion_px) == speed] for speed in SPEEDS}


def quantiles(clips: Sequence[ClipStats]) -> dict[str, float]:
    """Least, quartiles, greatest and mean motion, pixels per frame."""
    motions = np.array([clip.motion_px for clip in clips], np.float64)
    least, low, median, high, most = np.quantile(motions, (0, 0.25, 0.5, 0.75, 1))
    named = {"min": least, "q25": low, "median": median, "q75": high, "max": most, "mean": motions.mean()}
    return {name: round(float(value), 3) for name, value in named.items()}


def write_lists(folder: Path, bins: dict[Speed, list[str]]) -> list[Path]:
    """One list per bin that holds clips, `<speed>.txt`, one name a line."""
    written = []
    for speed, names in bins.items():
        if names:
            with replacing(folder / f"{speed}.txt") as file:
                file.write("".join(f"{name}\n" for name in names).encode())
            written.append(folder / f"{speed}.txt")
    return written


def draw(path: Path, title: str, clips: Sequence[ClipStats], thresholds: Thresholds) -> Path:
    """A PNG with the histogram of motion (logarithmic axis) and the two thresholds."""
    from matplotlib.figure import Figure

    # a still clip needs a place too: a logarithmic axis has no zero
    motions = np.maximum([clip.motion_px for clip in clips], 0.01)
    edges = np.geomspace(min(motions.min(), 0.1), max(motions.max(), 20.0) * 1.01, 31)
    figure = Figure(figsize=(6.4, 3.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for speed, colour in zip(SPEEDS, ("#4477aa", "#ccbb44", "#ee6677"), strict=True):
        chosen = [max(clip.motion_px, 0.01) for clip in clips if thresholds.speed(clip.motion_px) == speed]
        axes.hist(chosen, bins=list(edges), color=colour, label=f"{speed} ({len(chosen)})")
    for at in (thresholds.slow_below, thresholds.fast_from):
        axes.axvline(at, color="black", linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_xlabel("mean displacement (DIS flow), pixels per frame")
    axes.set_ylabel("clips")
    axes.set_title(title)
    axes.legend(frameon=False)
    with replacing(path) as file:
        figure.savefig(file, format="png")
    return path
