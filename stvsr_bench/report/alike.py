"""The same frames and the same clips for every method of a table or of a comparison.

Of the frames of a clip, those where any of the methods is infinite are left out for all of them; of clip metrics, clips
where any of them is infinite. Left out of one method alone, they would reward the method that is not exact there.
Protocols that keep infinite values leave nothing out. A method that was measured on other data is no part of it.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from stvsr_bench.report.labels import listed, method_label
from stvsr_bench.report.tables.table import FRAME_CHOICES, FrameChoice, display
from stvsr_bench.report.tidy import column, frames_out, infinite, is_metric, left_out, of_frames, present
from stvsr_bench.rows import counting
from stvsr_bench.schema import Row

PLACE = ("protocol_key", "dataset", "split", "clip", "other_data")


def alike(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of the methods that stand together, their means over the frames and clips that count for all."""
    changed: dict[str, np.ndarray] = {}
    for metric in [name for name in table.columns if is_metric(name, table)]:
        own = table[infinite(metric)].fillna(0).to_numpy() > 0
        keeps = _keeps(table)
        if not (own & ~keeps).any():
            continue
        places = [place for place in _places(table, own & ~keeps) if len(place)]
        changed |= _of_frames(table, metric, places) if of_frames(metric, table) else _of_clips(table, metric, places)
    return table.assign(**changed)


def notes(table: pd.DataFrame, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """What was left out of each metric for every method, in frames and clips, a sentence for each reason."""
    said = []
    for metric in metrics:
        if is_metric(metric, table) and metric in table.columns:
            said += [*_flat_notes(table, metric), *_infinite_notes(table, metric), *_kept_notes(table, metric)]
    return tuple(said)


def _keeps(table: pd.DataFrame) -> np.ndarray:
    return np.array([counting.keeps_infinite(name) for name in table["protocol"]], dtype=bool)


def _places(table: pd.DataFrame, hit: np.ndarray) -> Iterator[np.ndarray]:
    """The positions of the lines of each clip that has a hit."""
    names = list(PLACE)
    wanted = table.loc[hit, names].drop_duplicates()
    touched = table[names].merge(wanted.assign(_hit=True), how="left", on=names)["_hit"].notna().to_numpy()
    positions = np.flatnonzero(touched)
    for of in table[names].iloc[positions].groupby(names, sort=False).indices.values():
        yield positions[of]


def _of_frames(table: pd.DataFrame, metric: str, places: list[np.ndarray]) -> dict[str, np.ndarray]:
    names = [of(column(metric, frames)) for frames in FRAME_CHOICES for of in (str, left_out)]
    new = {name: table[name].to_numpy(dtype=np.float64, copy=True) for name in names}
    new[frames_out(metric)] = table[frames_out(metric)].to_numpy(dtype=object, copy=True)
    rows = table["row"].to_numpy()
    for place in places:
        mine = {i: values for i in place if (values := rows[i].values.get(metric)) is not None}
        out = counting.NONE.union(*(new[frames_out(metric)][i] for i in mine))
        out = out.union(*(counting.infinite(values, rows[i].frames) for i, values in mine.items()))
        for i, values in mine.items():
            for frames, (mean, left) in _means(rows[i], values, out).items():
                name = column(metric, frames)
                new[name][i], new[left_out(name)][i] = mean, left
            new[frames_out(metric)][i] = out
    return new


def _means(row: Row, values: Sequence[float], out: counting.Frames) -> dict[FrameChoice, tuple[float, int]]:
    """The mean over the frames that count, and how many are left out, for each choice of frames."""
    # plain lists: seven values are too few for numpy, and a method that is exact everywhere touches every clip
    known = [(given, index in out, value) for index, given, value in
             zip(row.frames, row.given, values, strict=True) if not math.isnan(value)]  # fmt: skip
    chosen = {"all": known, "given": [one for one in known if one[0]], "between": [one for one in known if not one[0]]}
    found = {}
    for frames in FRAME_CHOICES:
        kept = [value for _, is_out, value in chosen[frames] if not is_out]
        mean = math.fsum(kept) / len(kept) if kept else math.nan
        found[frames] = mean, len(chosen[frames]) - len(kept)
    return found


def _of_clips(table: pd.DataFrame, metric: str, places: list[np.ndarray]) -> dict[str, np.ndarray]:
    values, left = (table[name].to_numpy(dtype=np.float64, copy=True) for name in (metric, left_out(metric)))
    for place in places:
        left[place] = table[present(metric)].to_numpy(dtype=np.float64)[place]
        values[place] = np.nan
    return {metric: values, left_out(metric): left}


def _flat_notes(table: pd.DataFrame, metric: str) -> list[str]:
    if not of_frames(metric, table) or display(metric).unit != "dB":
        return []
    frames, clips = 0, []
    for place, lines in table.loc[_some(table[frames_out(metric)])].groupby(list(PLACE), sort=False):
        scored = {index for row in lines["row"] if metric in row.values for index in row.frames}
        if flat := scored.intersection(*lines["flat"]):
            frames += len(flat)
            clips.append(str(place[3]))
    if not frames:
        return []
    return [f"{display(metric).title}: {_counted(frames, clips)} left out for every method: the truth is flat there"]


def _infinite_notes(table: pd.DataFrame, metric: str) -> list[str]:
    hit = table[(table[infinite(metric)] > 0) & ~_keeps(table)]
    if hit.empty:
        return []
    names = sorted({method_label(*key) for key in zip(hit["method"], hit["weights"], strict=True)})
    because = f"left out for every method: infinite for {listed(names)}"
    title = display(metric).title
    if not of_frames(metric, table):
        clips = sorted({str(place[3]) for place in hit[list(PLACE)].itertuples(index=False, name=None)})
        return [f"{title}: {len(clips)} clip{'s' if len(clips) > 1 else ''} ({listed(clips)}) {because}"]
    frames, clips = 0, []
    for place, lines in hit.groupby(list(PLACE), sort=False):
        found = {index for row in lines["row"] for index in counting.infinite_frames(row, metric)}
        frames += len(found.difference(*lines["flat"]))
        clips.append(str(place[3]))
    return [f"{title}: {_counted(frames, clips)} {because}"]


def _kept_notes(table: pd.DataFrame, metric: str) -> list[str]:
    """Infinite values that the protocol keeps: they are in the means."""
    hit = table[(table[infinite(metric)] > 0) & _keeps(table)]
    if hit.empty:
        return []
    count = int(hit[infinite(metric)].sum())
    title, what = display(metric).title, "frame" if of_frames(metric, table) else "clip"
    many = "s" if count > 1 else ""
    return [f"{title}: {count} {what}{many} with an infinite value in {listed(sorted(set(hit['clip'])))}, kept"]


def _some(frames: Iterable[object]) -> np.ndarray:
    # rows without this metric have no set of frames at all
    return np.array([isinstance(of, frozenset) and bool(of) for of in frames], dtype=bool)


def _counted(frames: int, clips: list[str]) -> str:
    places = f"{len(clips)} clip{'s' if len(clips) > 1 else ''}"
    return f"{frames} frame{'s' if frames > 1 else ''} in {places} ({listed(clips)})"
