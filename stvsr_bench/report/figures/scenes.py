"""Which clips are shown as figures and films, and their files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stvsr_bench.report.figures import film, qualitative
from stvsr_bench.report.figures.drawing import save
from stvsr_bench.report.frames import Saved
from stvsr_bench.report.select import method_label
from stvsr_bench.schema import Row


def most_apart(saved: Sequence[Saved], tidy: pd.DataFrame, count: int) -> list[Saved]:
    """The clips on which the trained methods differ most, one of each split before a second of any."""
    trained = tidy[~tidy["untrained"]] if (~tidy["untrained"]).any() else tidy
    finite = trained.assign(psnr_y=trained["psnr_y"].replace([np.inf, -np.inf], np.nan))
    spread = finite.groupby(["dataset", "split", "clip"])["psnr_y"].agg(lambda values: values.max() - values.min())
    ranked = sorted(saved, key=lambda one: (-float(spread.get((one.dataset, one.split, one.clip), 0.0)), one.place))
    seen: dict[tuple[str, str], int] = {}
    turns = []
    for one in ranked:
        seen[(one.dataset, one.split)] = turn = seen.get((one.dataset, one.split), -1) + 1
        turns.append((turn, one))
    return [one for _, one in sorted(turns, key=lambda pair: pair[0])][:count]


def most_apart_by_split(saved: Sequence[Saved], tidy: pd.DataFrame, count: int) -> list[Saved]:
    """The first `count` of those clips of each split."""
    kept: dict[tuple[str, str], list[Saved]] = {}
    for one in most_apart(saved, tidy, len(saved)) if saved else []:
        kept.setdefault((one.dataset, one.split), []).append(one)
    return [one for of in kept.values() for one in of[:count]]


def write_scenes(folder: Path, chosen: Sequence[Saved], tidy: pd.DataFrame, films: bool) -> list[Path]:
    """The files of each chosen clip: the figure (PNG, PDF), its LaTeX, a GIF and, where it can be made, an MP4."""
    folder.mkdir(parents=True, exist_ok=True)
    untrained = {
        method_label(method, weights)
        for method, weights in tidy.loc[tidy["untrained"], ["method", "weights"]].itertuples(index=False, name=None)
    }
    written: list[Path] = []
    for at, one in enumerate(chosen, start=1):
        place = (tidy["dataset"] == one.dataset) & (tidy["split"] == one.split) & (tidy["clip"] == one.clip)
        mine = tidy[place]
        first: list[Row] = list(mine["row"])[:1]
        between = [i for row in first for i, given in zip(row.frames, row.given, strict=True) if not given]
        values = mine["psnr_y.between"] if "psnr_y.between" in mine.columns else [np.nan] * len(mine)
        said = {
            method_label(method, weights): f"{value:.2f} dB" if np.isfinite(value) else ""
            for method, weights, value in zip(mine["method"], mine["weights"], values, strict=True)
        }
        of = qualitative.scene(one, between, said, sorted(untrained))
        name = "scene" if at == 1 else f"scene-{at}"
        written += save(qualitative.draw(of), folder / name)
        (folder / f"{name}.tex").write_text(qualitative.figure_tex(of, f"{name}.pdf"), encoding="utf-8")
        written.append(folder / f"{name}.tex")
        if films:
            frames = film.side_by_side(one, list(one.folders))
            film.write_gif(frames, folder / f"{name}.gif")
            written.append(folder / f"{name}.gif")
            if film.write_mp4(frames, folder / f"{name}.mp4"):
                written.append(folder / f"{name}.mp4")
    return written
