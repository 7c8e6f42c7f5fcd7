"""Pictures of what an attention takes: sampled points over the frames, frame weights as maps, error by motion.

Axes: S frames, C channels, h w low and H W high resolution.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stvsr_bench.data.atomic import replacing
from stvsr_bench.inspection.attention import Facts, Look, displacement
from stvsr_bench.schema import Clip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REACH_PX = 48  # hr pixels shown on each side of the pixel looked at
KEPT, SAMPLED, TRUE = "#d62728", "#ffffff", "#2ca02c"


def draw_points(clip: Clip, looks: Sequence[Look], target: int, at: tuple[int, int], scale: int, path: Path) -> None:
    """Every frame near the pixel `at` (x, y of the hr frame): points sampled, points kept (area: weight), the truth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 * len(clip.hr_SCHW), 2.9), layout="constrained")
    panels = figure.subplots(1, len(clip.hr_SCHW), squeeze=False)[0]
    by_frame = {look.frame: look for look in looks}
    for i, panel in enumerate(panels):
        _show(panel, clip, i, at)
        if i == target:
            panel.set_title(f"frame {i}: target", fontsize=9)
            panel.plot(*at, "+", color=KEPT, markersize=12, markeredgewidth=2)
        else:
            panel.set_title(f"frame {i}: weight {_here(by_frame[i].share[0], at, scale):.3f}", fontsize=9)
            _points(panel, by_frame[i], at, scale)
            if clip.flow_FHW2 is not None and i > target:
                moved = displacement(clip.flow_FHW2, target, i)[at[1], at[0]]
                panel.plot(at[0] + moved[0], at[1] + moved[1], "x", color=TRUE, markersize=9, markeredgewidth=2)
    figure.suptitle(
        f"{clip.dataset}/{clip.split}/{clip.name}, pixel {at[0]},{at[1]} of frame {target}: "
        "sampled (rings), kept (red, area is weight), true place (green)",
        fontsize=9,
    )
    _save(figure, path)


def draw_shares(clip: Clip, looks: Sequence[Look], target: int, path: Path) -> None:
    """The weight of each other frame at every pixel of the target, as maps of one colour scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * (len(looks) + 1), 2.2), layout="constrained")
    panels = figure.subplots(1, len(looks) + 1, squeeze=False)[0]
    panels[0].imshow(clip.hr_SCHW[target].transpose(1, 2, 0))
    panels[0].set_title(f"frame {target}: target", fontsize=9)
    top = float(
        np.quantile(np.stack([look.share[0].numpy() for look in looks]), 0.998)
    )  # a few pixels would hide the rest
    for panel, look in zip(panels[1:], looks, strict=True):
        image = panel.imshow(look.share[0].numpy(), vmin=0, vmax=top, cmap="viridis")
        panel.set_title(f"frame {look.frame}: mean {float(look.share.mean()):.3f}", fontsize=9)
    figure.colorbar(image, ax=list(panels), label="weight", shrink=0.8, extend="max")
    for panel in panels:
        panel.set_axis_off()
    _save(figure, path)


def draw_errors(facts: Sequence[Facts], path: Path) -> None:
    """Distance between what is sampled and where the pixel is, by how far it moved; over all splits given."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.4, 0.62 * len(facts)), 4.0), layout="constrained")
    axes = figure.subplots()
    names = [f"{f.split}\n{f.low_px:g}-{f.high_px:g}" for f in facts]
    places = np.arange(len(facts))
    series = (
        ("still_px", "the pixel's own place"),
        ("error_px", "mean of points kept"),
        ("nearest_px", "nearest point"),
    )
    for shift, (field, label) in enumerate(series):
        axes.bar(places + (shift - 1) * 0.27, [getattr(f, field) for f in facts], 0.27, label=label)
    axes.set_xticks(places, names, fontsize=7)
    axes.set_xlabel("true displacement between the two frames (hr pixels)")
    axes.set_ylabel("distance from the true place (hr pixels)")
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _show(panel: Any, clip: Clip, index: int, at: tuple[int, int]) -> None:
    panel.imshow(clip.hr_SCHW[index].transpose(1, 2, 0))
    height, width = clip.hr_SCHW.shape[-2:]
    panel.set_xlim(max(at[0] - REACH_PX, 0), min(at[0] + REACH_PX, width - 1))
    panel.set_ylim(min(at[1] + REACH_PX, height - 1), max(at[1] - REACH_PX, 0))
    panel.set_xticks([])
    panel.set_yticks([])


def _points(panel: Any, look: Look, at: tuple[int, int], scale: int) -> None:
    """The points of all groups; a point's weight is the same in every group."""
    y, x = at[1] // scale, at[0] // scale
    points = look.points[0, ..., y, x].numpy()  # G, K, (vertical, horizontal)
    weights = look.weights[0, :, y, x].numpy()
    columns = ((x + 0.5 + points[..., 1]) * scale).reshape(-1)
    rows = ((y + 0.5 + points[..., 0]) * scale).reshape(-1)
    area = np.tile(weights, len(points))
    panel.scatter(columns, rows, s=14, facecolors="none", edgecolors=SAMPLED, linewidths=0.9)
    kept = area > 0
    panel.scatter(columns[kept], rows[kept], s=60 * area[kept], color=KEPT)


def _here(map_hw: Any, at: tuple[int, int], scale: int) -> float:
    return float(map_hw[at[1] // scale, at[0] // scale])


def _save(figure: "Figure", path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": ""})
    with replacing(path) as file:
        file.write(drawn.getvalue())
