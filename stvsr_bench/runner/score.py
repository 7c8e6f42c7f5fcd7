"""Rows from anybody's output frames: a folder a clip, or a video a clip, under the same protocol as everything else.

What a folder of frames cannot say is checked against the truth (`runner/external/`): counts, sizes, order, colours. A
clip with frames missing is a failure that names them, never a smaller mean.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from stvsr_bench import datasets
from stvsr_bench.acquire.scan import ahead
from stvsr_bench.data import frames as pictures
from stvsr_bench.data import video
from stvsr_bench.data.frames import digest_of
from stvsr_bench.data.listing import Unused
from stvsr_bench.data.readers import Folders
from stvsr_bench.data.windows import Windows, windows_of
from stvsr_bench.errors import BenchError, ClipError, UsageError, counted
from stvsr_bench.restore import Restored, low_resolution, mod_crop
from stvsr_bench.rows import frames, manifest
from stvsr_bench.rows.identity import job
from stvsr_bench.runner.asked import check_metrics
from stvsr_bench.runner.engines.tasks import Outcome, Task
from stvsr_bench.runner.execute import OnOutcome, Result, write_outcomes
from stvsr_bench.runner.external import Facts, Handed, Others, Place, Places, as_given, check, cropped, in_no_clip
from stvsr_bench.runner.external import Reader as ResultReader
from stvsr_bench.runner.made import scored_by
from stvsr_bench.runner.measure import Digests, Wanted, measure
from stvsr_bench.runner.plan import Cell, Plan, RunSpec, cells, check_numbers, keep
from stvsr_bench.schema import Clip, EvalProtocol, Frames, Method, MethodCard, Reading, Row

_REACH = 32  # clips


@dataclass(frozen=True)
class External:
    """Frames that somebody else made: under which name they are shown, and where they lie."""

    name: str
    folder: Path

    @property
    def source(self) -> str:
        """A digest of where they lie: two folders called `results` are two methods."""
        return manifest.place_of(str(self.folder))


@dataclass(frozen=True)
class Saving:
    """Which clips have their frames saved for the report ("none", "all", "worst:K" of each split), in which run."""

    run: Path
    which: str = "none"

    def chosen(self, rows: Mapping[str, Row]) -> list[str]:
        """The clips, by their mean PSNR-Y."""
        if self.which == "none":
            return []
        means = {clip: sum(found) / len(found) for clip, row in rows.items() if (found := row.values.get("psnr_y"))}
        count = len(means) if self.which == "all" else int(self.which.partition(":")[2])
        return sorted(means, key=lambda clip: (means[clip], clip))[:count]


@dataclass(frozen=True)
class _Results:
    """The results of a split, and how they are read."""

    external: External
    clips: datasets.Clips
    places: Places
    reader: ResultReader
    reading: Reading
    others: Others


def make(spec: RunSpec) -> Plan:
    """The plan of scoring a folder: its cells; no method is built and nothing is subtracted.

    Raises:
        UsageError: `save_frames`, a metric or a number is not possible.
        NotRunnableError: a metric needs what is not here.
    """
    check_metrics(spec.metrics)
    keep(spec.save_frames)
    check_numbers(spec)
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
            wanted = Wanted(cell.protocols, spec.all_metrics, env=env, made=made)
            yield from outcomes(external, cell, wanted, spec.reading, spec.jobs, Saving(spec.out, spec.save_frames))

    return write_outcomes(spec, plan, scored, on_outcome)


def unused(spec: RunSpec, plan: Plan, folder: Path) -> list[Unused]:
    """What lies in a folder of results and is that of no clip, a kind at a time."""
    return in_no_clip([Places(folder, cell.split, _clips(cell, spec.reading)) for cell in plan.cells])


def outcomes(
    external: External,
    cell: Cell,
    wanted: Wanted,
    reading: Reading | None = None,
    jobs: int = 1,
    saving: Saving | None = None,
) -> Iterator[Outcome]:
    """Rows or a failure for each clip of a split, `jobs` clips at a time; then the frames of some are saved.

    Raises:
        UsageError: the folder does not exist or holds nothing that belongs to the split.
    """
    clips = _clips(cell, reading)
    of_results = replace(reading or Reading(), track=1, allow_vfr=True)
    # `track` is of the truth; results have uneven times where an encoder doubled or dropped frames, and are counted
    places = Places(external.folder, cell.split, clips)
    others = Others(clips.names, lambda name: _true(clips, name, cell.protocols[0]), _reach(clips))
    results = _Results(external, clips, places, ResultReader(of_results), of_results, others)
    if not external.folder.is_dir() and not results.places.has(cell.clips[0]):
        what = (
            f"is one file, but the data set has {counted(len(clips), 'clip')}"
            if external.folder.is_file()
            else "is not a folder"
        )
        raise UsageError(
            f"{external.folder} {what}; write stvsr-bench score FOLDER --dataset DATASET, with a folder or a video for "
            f"each clip in it, e.g. {cell.clips[0]}/00000.png or {cell.clips[0]}.mp4"
        )
    if not any(results.places.has(name) for name in cell.clips):
        raise UsageError(
            f"{external.folder} has no frames of {cell.dataset}/{cell.split}; it needs folders or videos named "
            f"like its clips, e.g. {cell.clips[0]}/00000.png or {cell.clips[0]}.mp4: "
            f"{results.places.missing(cell.clips[0])}"
        )
    card = MethodCard(name="external", title=external.name, kind="stvsr", net="", learned=False, bit_exact=True)
    method = Method(spec=external.name, card=card, net=nn.Identity())

    def one(name: str) -> Outcome:
        task = _task(external, cell, name)
        start = time.perf_counter()
        try:
            rows = _rows(results, clips.read(name), wanted, method)
            return Outcome(task, tuple(rows), seconds=time.perf_counter() - start)
        except BenchError as error:
            return Outcome(task, error=str(error), seconds=time.perf_counter() - start)

    # a video that serves several clips is decoded once, from its start to its end
    alone = any(place.whole for name in cell.clips if (place := results.places.known(name)))
    rows: dict[str, Row] = {}
    for outcome in ahead(one, cell.clips, 1 if alone else jobs):
        rows |= {row.clip: row for row in outcome.rows[:1]}
        yield outcome
    saving = saving or Saving(Path())
    for name in saving.chosen(rows):
        _save(results, clips.read(name), wanted.protocols[0], frames.place_of(saving.run, rows[name]))


def _task(external: External, cell: Cell, clip: str) -> Task:
    names = tuple(protocol.name for protocol in cell.protocols)
    place = (cell.label, cell.split, clip)
    keys = tuple(job(external.name, external.source, place, protocol.key).key for protocol in cell.protocols)
    return Task(external.name, external.name, "", cell.dataset, *place, names, keys, external.name)


def _clips(cell: Cell, reading: Reading | None) -> datasets.Clips:
    return cell.source or datasets.clips(cell.dataset, cell.split, lists=cell.protocols[0].lists, reading=reading)


def _save(results: _Results, clip: Clip, protocol: EvalProtocol, place: frames.Place) -> None:
    """Save the frames of a clip that was scored, with the truth and the input beside."""
    clip, _, windows, _, sr_SCHW = _read(results, clip, (protocol,))
    frames.save(place, clip, low_resolution(clip, protocol), windows.frames, sr_SCHW)


def _read(results: _Results, clip: Clip, wanted: Sequence[EvalProtocol]) -> tuple[Clip, Place, Windows, Handed, Frames]:
    """The truth as it is scored, where the results lie, which frames they are, and these as they were handed in."""
    protocol = wanted[0]
    full = clip.hr_SCHW.shape[-2:]
    clip = mod_crop(clip, protocol.ratio, protocol.hr_crop)
    place = results.places.find(clip.name)
    if place is None:
        raise ClipError(results.places.missing(clip.name))
    windows = _windows(place, len(clip.hr_SCHW), wanted)
    total = place.whole or len(clip.hr_SCHW)
    needed = range(_restored(total, protocol)) if place.whole else windows.frames
    handed = results.reader.read(place, [place.start + index for index in windows.frames], needed, total, clip.name)
    sr_SCHW = pictures.from_bytes(cropped(handed, full, clip.hr_SCHW.shape[-2:], clip.name))
    clip = as_given(results.clips, clip, sr_SCHW, windows, lambda of: mod_crop(of, protocol.ratio, protocol.hr_crop))
    return clip, place, windows, handed, sr_SCHW


def _rows(results: _Results, clip: Clip, wanted: Wanted, method: Method) -> list[Row]:
    protocol = wanted.protocols[0]
    clip, place, windows, handed, sr_SCHW = _read(results, clip, wanted.protocols)
    facts = Facts(clip.name, handed.names, windows.is_given, protocol.time_scale)
    given = [(place, true) for place, true in enumerate(windows.frames) if true in windows.given]
    results.others.check(sr_SCHW, clip.hr_SCHW, given, clip.name)
    flags = ["external", *check(sr_SCHW, clip.hr_SCHW[list(windows.frames)], facts)]
    flags += [f"whole-video:{place.start}"] if place.whole else []
    read_as = [flag.replace("lossy-truth:", "lossy-input:", 1) for flag in video.flags(place.path, results.reading)]
    flags += [flag for flag in read_as if flag not in clip.flags]
    data = Digests(digest_of(clip.hr_SCHW), digest_of(sr_SCHW))
    rows = measure(method, clip, Restored(windows, sr_SCHW), wanted, data, {})
    colours = {"colours": found} if (found := video.colours_of(place.path, results.reading)) else {}
    return [
        replace(made, how={**made.how, **colours})
        for made in (
            _external(row, results.external, [*flags, *_rounded(of)])
            for row, of in zip(rows, wanted.protocols, strict=True)
        )
    ]


def _reach(clips: datasets.Clips) -> int:
    """How many clips each way are read to find results of another one: of videos one, as it is decoded again."""
    reader = clips.reader
    of_pictures = isinstance(reader, Folders) and not any(
        reader.find(clips.split, each).stretch for each in clips.names
    )
    return _REACH if of_pictures else 1


def _true(clips: datasets.Clips, name: str, protocol: EvalProtocol) -> Frames | None:
    """The true frames of another clip, to compare with; None where it cannot be read, which is its own failure."""
    with suppress(BenchError):
        return mod_crop(clips.read(name), protocol.ratio, protocol.hr_crop).hr_SCHW
    return None


def _windows(place: Place, count: int, wanted: Sequence[EvalProtocol]) -> Windows:
    """Which frames are scored and were given; of a whole video these are counted from its start.

    Raises:
        ClipError: the protocol counts frames from the start of each clip.
    """
    protocol = wanted[0]
    windows = windows_of(count, protocol)
    if not place.whole:
        return windows
    if place.start % (protocol.window - 1) and any(of.frames == "centre" for of in wanted):
        raise ClipError(
            f"{place.path.name} is one video and the truth is cut before frame {place.start}: the centres of windows, "
            "which the protocol scores, are elsewhere; give a video for each clip, made from the clip's own frames"
        )
    end = _restored(place.whole, protocol) - place.start
    kept = tuple(index for index in windows.frames if index < end)
    return replace(
        windows,
        passes=(),  # nobody knows how the whole video was cut
        kept=(),
        frames=kept,
        given=frozenset(index for index in kept if (place.start + index) % protocol.time_scale == 0),
        left_out=windows.left_out + len(windows.frames) - len(kept),
    )


def _restored(count: int, protocol: EvalProtocol) -> int:
    """How many frames of a video of `count` can be restored: those up to the last that is given."""
    return (count - 1) // protocol.time_scale * protocol.time_scale + 1


def _rounded(protocol: EvalProtocol) -> list[str]:
    """A flag where the protocol scores a network's unrounded numbers: files have been rounded to 8 bits."""
    return [] if protocol.round_8bit else ["rounded-files"]


def _external(row: Row, external: External, flags: list[str]) -> Row:
    """A row of frames, without what belongs to a network. `input` is the digest of the frames that were handed in."""
    # held by the checks of external frames, which look closer, and by those of all frames: one finding, one flag
    held = any(flag.startswith("held:") for flag in flags)
    mine = [flag for flag in row.flags if not (held and flag.startswith("frozen:"))]
    of = job(row.method, external.source, (row.dataset, row.split, row.clip), row.protocol_key)
    return replace(
        row,
        key=of.key,
        source=external.source,
        flags=[*mine, *flags],
        params=None,
        how={**row.how, "device": "", "precision": "external"},
    )
