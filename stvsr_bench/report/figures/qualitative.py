"""Figures of frames: the crop where methods disagree most, its errors, slices through time, and films side by side.

The crop is chosen by rule, not by hand: of the frames made from nothing, the place where the errors of the trained
methods differ most from each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.figures.drawing import COLOURS, STYLE, TEXT_IN
from stvsr_bench.report.frames import Bytes, Saved, paths, read, read_all

LUMA = np.array([65.481, 128.553, 24.966]) / 255
ERROR_TOP = 40.0  # of 255; one scale for all methods and figures, so that errors compare by eye
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crop:
    """A square part of one frame: its corner, its side, and the index of the frame."""

    index: int
    top: int
    left: int
    side: int


@dataclass(frozen=True)
class Shown:
    """One method in the figure: how it is named, its frames, and the value printed under it."""

    name: str
    frames: dict[int, Bytes]
    said: str


@dataclass(frozen=True)
class Scene:
    """Everything one figure is drawn from; `given` are the low-resolution frames."""

    saved: Saved
    truth: dict[int, Bytes]
    given: dict[int, Bytes]
    methods: tuple[Shown, ...]
    crop: Crop


def scene(saved: Saved, between: Sequence[int], said: dict[str, str], untrained: Sequence[str]) -> Scene:
    """The scene of a clip, with the crop chosen by the trained methods (by all, if none is trained)."""
    truth = _frames(saved, "truth")
    methods = tuple(
        Shown(name + (" (untrained)" if name in untrained else ""), _frames(saved, name), said.get(name, ""))
        for name in saved.folders
    )
    trained = [one for one, name in zip(methods, saved.folders, strict=True) if name not in untrained]
    crop = choose_crop(truth, [one.frames for one in trained or methods], between)
    given = {} if not saved.given.is_dir() else {i: read(path) for i, path in paths(saved.given).items()}
    return Scene(saved, truth, given, methods, crop)


def choose_crop(truth: dict[int, Bytes], methods: Sequence[dict[int, Bytes]], between: Sequence[int]) -> Crop:
    """The square (a quarter of the frame's height) in which the methods' errors differ most."""
    height, width = next(iter(truth.values())).shape[:2]
    side = max(8, min(height, width) // 4)
    side = min(side, height, width)
    best = (-1.0, Crop(min(truth), 0, 0, side))
    for index in [i for i in between if i in truth] or sorted(truth):
        errors = np.stack([np.abs(luma(of[index]) - luma(truth[index])) for of in methods if index in of])
        apart = errors.max(axis=0) - errors.min(axis=0) if len(errors) > 1 else errors[0]
        sums = _box_sums(apart, side)  # by an integral image: every place of the square is tried
        top, left = np.unravel_index(int(sums.argmax()), sums.shape)
        if sums[top, left] > best[0]:
            best = (float(sums[top, left]), Crop(index, int(top), int(left), side))
    return best[1]


def luma(frame_HWC: Bytes) -> Floats:
    """Y of BT.601 without its offset, in 8-bit steps."""
    y: Floats = frame_HWC.astype(np.float64) @ LUMA
    return y


def draw(of: Scene) -> Figure:
    """The whole frame with its box and the two inputs laid over each other; then crop, error and slice by method."""
    count = len(of.methods) + 1
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        height, width = of.truth[of.crop.index].shape[:2]
        side_in = (TEXT_IN - 2.3) / count
        figure = Figure(figsize=(TEXT_IN, max(3 * side_in + 0.75, 2.3 * height / width * 2 + 0.6)))
        parts: Any = figure.subfigures(1, 2, width_ratios=[2.3, TEXT_IN - 2.3])
        frame_axes, overlay_axes = parts[0].subplots(2, 1)
        _frame(frame_axes, of)
        _overlay(overlay_axes, of)
        grid = parts[1].subplots(3, count, squeeze=False)
        _column(grid[:, 0], of, "truth", of.truth, "", is_truth=True)
        for at, one in enumerate(of.methods, start=1):
            _column(grid[:, at], of, one.name, one.frames, one.said, is_truth=False)
        for axes, text in zip(grid[:, 0], ("crop", "error", "x-t slice"), strict=True):
            axes.set_ylabel(text)
    return figure


def figure_tex(of: Scene, file: str) -> str:
    """A LaTeX figure over two columns that brings in the drawn figure."""
    names = ", ".join(text_tex(one.name) for one in of.methods)
    caption = (
        f"Frame {of.crop.index} of {text_tex(of.saved.place)}. Left: the true frame with the crop, and the two inputs "
        f"around it laid over each other. Right: the crop, absolute error of luma (0 to {ERROR_TOP:.0f} of 255), and "
        f"the slice of the crop's middle row (dashed) through time, for {names}. The crop is where the methods' errors "
        "differ most; under it the clip's PSNR-Y of interpolated frames."
    )
    lines = (r"\begin{figure*}[t]", r"\centering", rf"\includegraphics[width=\linewidth]{{{file}}}")
    return "\n".join([*lines, rf"\caption{{{caption}}}", r"\label{fig:qualitative}", r"\end{figure*}", ""])


def slice_xt(frames: dict[int, Bytes], crop: Crop) -> Bytes:
    """The middle row of the crop in every frame, time downwards: (S, side, 3)."""
    row = crop.top + crop.side // 2
    return np.stack([frames[index][row, crop.left : crop.left + crop.side] for index in sorted(frames)])


def _frames(saved: Saved, name: str) -> dict[int, Bytes]:
    indices, frames = read_all(saved.truth if name == "truth" else saved.folders[name])
    return dict(zip(indices, frames, strict=True))


def _cut(frame: Bytes, crop: Crop) -> Bytes:
    return frame[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side]


def _frame(axes: Axes, of: Scene) -> None:
    axes.imshow(of.truth[of.crop.index])
    box = Rectangle(
        (of.crop.left, of.crop.top), of.crop.side, of.crop.side, fill=False, edgecolor=COLOURS[4], linewidth=1.5
    )
    axes.add_patch(box)
    axes.set_title(f"frame {of.crop.index}", pad=2)
    _bare(axes)


def _overlay(axes: Axes, of: Scene) -> None:
    """The inputs before and after, red and cyan: what does not move stays grey."""
    around = [i for i in sorted(of.given) if i != of.crop.index and (i - of.crop.index) % 2]
    before = max((i for i in around if i < of.crop.index), default=None)
    after = min((i for i in around if i > of.crop.index), default=None)
    if before is None or after is None:
        axes.axis("off")
        return
    one, two = luma(of.given[before]), luma(of.given[after])
    axes.imshow(np.stack([one, two, two], axis=-1).clip(0, 219).astype(np.uint8), interpolation="nearest")
    axes.set_title(f"inputs {before} (red) and {after} (cyan)", pad=2)
    _bare(axes)


def _column(grid: Sequence[Axes], of: Scene, name: str, frames: dict[int, Bytes], said: str, is_truth: bool) -> None:
    truth = of.truth[of.crop.index]
    grid[0].set_title(_folded(name), fontsize=7, pad=2)
    for axes in grid:
        _bare(axes)
    if of.crop.index in frames:
        grid[0].imshow(_cut(frames[of.crop.index], of.crop), interpolation="nearest")
        error = np.abs(luma(frames[of.crop.index]) - luma(truth))
        if is_truth:
            grid[0].axhline(of.crop.side // 2, color=COLOURS[4], linewidth=0.8, linestyle="--")
            grid[1].text(
                0.5, 0.5, f"0 to {ERROR_TOP:.0f}\nof 255", ha="center", va="center", transform=grid[1].transAxes
            )
        else:
            cut = error[of.crop.top : of.crop.top + of.crop.side, of.crop.left : of.crop.left + of.crop.side]
            grid[1].imshow(cut, cmap="magma", vmin=0, vmax=ERROR_TOP, interpolation="nearest")
    grid[2].imshow(slice_xt(frames, of.crop), interpolation="nearest", aspect="auto")
    if said:
        grid[0].set_xlabel(said, fontsize=7, labelpad=1)


def _folded(name: str) -> str:
    """A name on two lines where it is long, so that neighbours do not touch."""
    for sign in (" (", "+", "@", ":"):
        at = name.find(sign, 1)
        if len(name) > 13 and at > 0:
            cut = at + (sign == "+")
            return f"{name[:cut]}\n{name[cut:].strip()}"
    return name


def _bare(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def _box_sums(values_HW: Floats, side: int) -> Floats:
    total = np.zeros((values_HW.shape[0] + 1, values_HW.shape[1] + 1))
    total[1:, 1:] = values_HW.cumsum(axis=0).cumsum(axis=1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
