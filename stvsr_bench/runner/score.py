"""Rows from anybody's output frames: a folder a clip, or a video a clip, under the same protocol as everything else.

What a folder of frames cannot say is checked against the truth: counts, sizes, order, a shift by one frame, and given
frames that were copied from the truth. A clip with frames missing is a failure that names them, never a smaller mean.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from stvsr_bench import datasets, metrics
from stvsr_bench.data import frames as pictures
from stvsr_bench.data import video
from stvsr_bench.data.frames import digest_of
from stvsr_bench.data.windows import windows_of
from stvsr_bench.errors import BenchError, ClipError, DataError, UsageError
from stvsr_bench.restore import Restored, mod_crop
from stvsr_bench.rows import manifest
from stvsr_bench.rows.identity import job
from stvsr_bench.runner.engines.tasks import Outcome, Task
from stvsr_bench.runner.execute import OnOutcome, Result, write_outcomes
from stvsr_bench.runner.made import scored_by
from stvsr_bench.runner.measure import Digests, Wanted, measure
from stvsr_bench.runner.plan import Cell, Plan, RunSpec, cells
from stvsr_bench.schema import Clip, Frames, Method, MethodCard, Row

PICTURES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}
SHIFTS = (-2, -1, 1, 2)
# still clips fit nearly as well one frame on; half a decibel is more than noise and less than any motion makes
SHIFT_DB = 0.5
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class External:
    """Frames that somebody else made: under which name they are shown, and where they lie."""

    name: str
    folder: Path

    @property
    def source(self) -> str:
        """A digest of where they lie: two folders called `results` are two methods."""
        return manifest.place_of(str(self.folder))


def make(spec: RunSpec) -> Plan:
    """The plan of scoring a folder: its cells; no method is built and nothing is subtracted."""
    found = cells(spec)
    return Plan({}, found, [], sum(len(cell.clips) * len(cell.protocols) for cell in found), 0)


def execute(spec: RunSpec, plan: Plan, folder: Path, on_outcome: OnOutcome) -> Result:
    """Score every clip of the plan; rows carry the name `spec.methods[0]`.

    Raises:
        UsageError: the folder does not exist or holds nothing that belongs to a split.
        NotRunnableError: the run folder is in use or cannot be written.
    """
    external = External(spec.methods[0], folder)
    made = scored_by()

    def scored(env: str) -> Iterator[Outcome]:
        for cell in plan.cells:
            yield from outcomes(external, cell, Wanted(cell.protocols, spec.all_metrics, env=env, made=made))

    return write_outcomes(spec, plan, scored, on_outcome)


def outcomes(external: External, cell: Cell, wanted: Wanted) -> Iterator[Outcome]:
    """Rows or a failure for each clip of a split.

    Raises:
        UsageError: the folder does not exist or holds nothing that belongs to the split.
    """
    if not external.folder.is_dir():
        raise UsageError(f"{external.folder} is no folder; write stvsr-bench score FOLDER --against DATASET")
    clips = cell.source or datasets.clips(cell.dataset, cell.split, lists=cell.protocols[0].lists)
    if not any(find(external.folder, cell.split, name) for name in cell.clips):
        raise UsageError(
            f"{external.folder} holds no frames of {cell.dataset}/{cell.split}; wanted are folders or videos named "
            f"like its clips, e.g. {cell.clips[0]}/00000.png or {cell.clips[0]}.mp4"
        )
    card = MethodCard(name="external", title=external.name, kind="stvsr", net="", learned=False, bit_exact=True)
    for name in cell.clips:
        names = tuple(protocol.name for protocol in cell.protocols)
        place = (cell.label, cell.split, name)
        keys = tuple(job(external.name, external.source, place, protocol.key).key for protocol in cell.protocols)
        task = Task(external.name, external.name, "", cell.dataset, *place, names, keys, external.name)
        start = time.perf_counter()
        try:
            rows = _rows(external, clips.read(name), wanted, cell.split, card)
            yield Outcome(task, tuple(rows), seconds=time.perf_counter() - start)
        except BenchError as error:
            yield Outcome(task, error=str(error), seconds=time.perf_counter() - start)


def find(folder: Path, split: str, clip: str) -> Path | None:
    """Where the frames of a clip lie: `[split/]clip/` with pictures, or `[split/]clip.mp4`."""
    for base in (folder, folder / split):
        for name in (clip, clip.replace("/", "_")):
            if (base / name).is_dir():
                return base / name
            for suffix in sorted(VIDEOS):
                path = base / f"{name}{suffix}"
                if path.is_file():
                    return path
    return None


def read_frames(place: Path) -> dict[int, Path] | list[np.ndarray]:
    """Frames of a clip by index: files by the last number in their names (from the smallest), or a decoded video."""
    if place.is_file():
        return list(video.decode(place))
    paths = [path for path in sorted(place.iterdir()) if path.suffix.lower() in PICTURES]
    numbers = {int(found[-1]): path for path in paths if (found := _NUMBER.findall(path.stem))}
    if len(numbers) != len(paths):
        raise DataError(f"{place}: {len(paths)} pictures, but only {len(numbers)} different numbers in their names")
    return numbers


def _rows(external: External, clip: Clip, wanted: Wanted, split: str, card: MethodCard) -> list[Row]:
    protocol = wanted.protocols[0]
    clip = mod_crop(clip, protocol.scale)
    place = find(external.folder, split, clip.name)
    if place is None:
        raise ClipError(f"no folder or video named {clip.name} in {external.folder}")
    windows = windows_of(len(clip.hr_SCHW), protocol)
    sr_SCHW = _aligned(place, windows.frames, clip)
    flags = ["external", *_suspicions(sr_SCHW, clip.hr_SCHW[list(windows.frames)], windows.is_given, clip.name)]
    flags += [flag for flag in video.flags(place) if flag not in clip.flags]
    method = Method(spec=external.name, card=card, net=nn.Identity())
    data = Digests(digest_of(clip.hr_SCHW), digest_of(sr_SCHW))
    return [
        _external(row, external, flags) for row in measure(method, clip, Restored(windows, sr_SCHW), wanted, data, {})
    ]


def _external(row: Row, external: External, flags: list[str]) -> Row:
    """A row of frames, without what belongs to a network. `input` is the digest of the frames that were handed in."""
    of = job(row.method, external.source, (row.dataset, row.split, row.clip), row.protocol_key)
    return replace(
        row,
        key=of.key,
        source=external.source,
        flags=[*row.flags, *flags],
        params=None,
        how={**row.how, "device": "", "precision": "external"},
    )


def _aligned(place: Path, indices: Sequence[int], clip: Clip) -> Frames:
    """sr_SCHW of the wanted indices, all there and of the right size."""
    found = read_frames(place)
    if isinstance(found, list):
        if len(found) not in (len(indices), len(clip.hr_SCHW)):
            raise ClipError(f"{place.name} has {len(found)} frames, {clip.name} has {len(clip.hr_SCHW)}")
        pixels = np.stack([found[index] for index in indices])
    else:
        first = min(found, default=0)
        missing = [index for index in indices if index + first not in found]
        if missing:
            listed = ", ".join(map(str, missing[:10])) + (" ..." if len(missing) > 10 else "")
            raise ClipError(f"{clip.name}: {len(missing)} of {len(indices)} frames are missing: {listed}")
        pixels = pictures.read([found[index + first] for index in indices])
    height, width = clip.hr_SCHW.shape[-2:]
    if pixels.shape[1:3] != (height, width):
        raise ClipError(f"{clip.name}: frames are {pixels.shape[2]}x{pixels.shape[1]}, the truth is {width}x{height}")
    return pictures.from_bytes(pixels)


def _suspicions(sr_SCHW: Frames, hr_SCHW: Frames, given: list[bool], name: str) -> list[str]:
    """Flags for what looks wrong; a clip that fits the truth better one or two frames on is refused.

    Raises:
        ClipError: the frames are shifted in time.
    """
    mse = metrics.mse_y(sr_SCHW, hr_SCHW)
    here = float(np.mean(mse))
    for shift in SHIFTS:
        ours, theirs = (sr_SCHW[shift:], hr_SCHW[:-shift]) if shift > 0 else (sr_SCHW[:shift], hr_SCHW[-shift:])
        # two frames left say nothing about an order
        if len(ours) < 3:
            continue
        there = float(np.mean(metrics.mse_y(ours, theirs)))
        if there < here * 10 ** (-SHIFT_DB / 10):
            gain = 10 * np.log10(here / max(there, 1e-12))
            raise ClipError(
                f"{name}: the frames fit the truth better when moved by {-shift} ({gain:.1f} dB); "
                "are they numbered from another start, or is one missing or doubled?"
            )
    copied = sum(1 for value, is_given in zip(mse, given, strict=True) if is_given and value == 0)
    return [f"given-copied:{copied}"] if copied else []
