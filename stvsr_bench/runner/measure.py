"""Restored frames and the truth make rows: metrics once for each way of scoring, one row a protocol."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from stvsr_bench import __version__, metrics
from stvsr_bench.data.windows import Windows, windows_of
from stvsr_bench.metrics.time_axis import Luma
from stvsr_bench.protocols import restoring_key
from stvsr_bench.restore import Restored
from stvsr_bench.rows.frames import Place, load
from stvsr_bench.rows.identity import job, name_of
from stvsr_bench.runner.gaps import gaps_of
from stvsr_bench.schema import SCHEMA_VERSION, Clip, EvalProtocol, Frames, Method, Row, Settings


@dataclass(frozen=True)
class Wanted:
    """What is asked of one clip: protocols that share one restoring half, metrics, and how to run the network.

    `made` is what makes its rows (see `runner.made`); `save` is where the restored frames are kept, or were; None keeps
    none. `warming` is told when a first call begins, which compiles, and when it ends.
    """

    protocols: tuple[EvalProtocol, ...]
    metrics: tuple[str, ...] = metrics.CORE
    settings: Settings = field(default_factory=Settings)
    threads: int = 0
    env: str = ""
    made: Mapping[str, str] = field(default_factory=dict)
    save: Place | None = None
    warming: Callable[[bool], None] = lambda begins: None


class Digests(NamedTuple):
    """Of the true frames of a clip, and of those that the network was given."""

    truth: str
    input: str


class Scores(NamedTuple):
    """What is measured under one protocol: the frames of `frames`, the clip, and what is `told` of missing metrics.

    `flags` are what the restored frames look like, whatever the protocol scores of them.
    """

    frames: list[int]
    values: dict[str, list[float]]
    scalars: dict[str, float]
    told: dict[str, str]
    flags: list[str]
    seconds: float


def measure(
    method: Method, clip: Clip, restored: Restored, wanted: Wanted, data: Digests, seconds: dict[str, float]
) -> list[Row]:
    """Rows of frames that are already restored, one for each protocol; nothing is computed twice.

    `clip` is the cropped one, `data` the digests of its frames, `seconds` the wall seconds of the steps so far.
    """
    return [
        _row(method, clip, restored, wanted, protocol, scores, data, seconds)
        for protocol, scores in zip(wanted.protocols, _scores(clip, restored, wanted), strict=True)
    ]


def rescore(before: Sequence[Row], clip: Clip, wanted: Wanted) -> list[Row] | None:
    """Rows that exist, scored again or by more metrics from the frames that were saved of them.

    A row keeps what it has where the same code scored it, and gains what is new. None where the frames are not there
    or are not those of the rows.
    """
    windows = windows_of(len(clip.hr_SCHW), wanted.protocols[0])
    size = (clip.hr_SCHW.shape[-2], clip.hr_SCHW.shape[-1])
    sr_SCHW = None if wanted.save is None else load(wanted.save, windows.frames, size)
    if sr_SCHW is None:
        return None
    rows = []
    for row, scores in zip(before, _scores(clip, Restored(windows, sr_SCHW), wanted), strict=True):
        same_code = all(row.made.get(name) == wanted.made.get(name) for name in ("scoring", "libraries"))
        # without its squared error nothing says whose frames they are
        if "mse_y" not in row.values or (same_code and row.values["mse_y"] != scores.values.get("mse_y")):
            return None
        how = {name: value for name, value in row.how.items() if name not in metrics.TOLD}
        rows.append(
            replace(
                row,
                made=dict(wanted.made),
                stamp=clip.stamp,
                values={**(row.values if same_code else {}), **scores.values},
                scalars={**(row.scalars if same_code else {}), **scores.scalars},
                flags=[*_without_looks(row.flags), *scores.flags],
                how={**how, **_made_by_programs(wanted), **scores.told},
                seconds={**row.seconds, "score": scores.seconds},
                env=wanted.env,
                suite=__version__,
                schema_version=SCHEMA_VERSION,
            )
        )
    return rows


def _scores(clip: Clip, restored: Restored, wanted: Wanted) -> Iterator[Scores]:
    """What each protocol measures; protocols that ask for the same computation share it."""
    windows, gaps = restored.windows, gaps_of(restored.windows)
    truth_SCHW = true_frames(clip, windows)
    looks = metrics.frozen.flags(restored.sr_SCHW, truth_SCHW, windows.frames, gaps)
    tables: dict[Luma, tuple[metrics.Found, metrics.Found]] = {}
    for protocol in wanted.protocols:
        start = time.perf_counter()
        # all that changes a per-frame value; averages and choices of frames come after
        luma = Luma(protocol.crop, protocol.round_8bit, protocol.clip)
        if luma not in tables:
            names, between = _of(wanted.metrics, "frame"), _of(wanted.metrics, "interpolated frame")
            tables[luma] = (
                metrics.of_frames(restored.sr_SCHW, truth_SCHW, names, **asdict(luma)),
                metrics.of_interpolated(restored.sr_SCHW, clip.hr_SCHW, between, windows.frames, gaps, luma),
            )
        scored = windows.scored(protocol)
        # values are of all restored frames; the row has those that its protocol scores
        positions, given = [windows.frames.index(i) for i in scored], [i in windows.given for i in scored]
        parts = [found.scored(positions, given) for found in tables[luma]]
        of_clip = _scalars(clip, restored, wanted.metrics, protocol)
        values = {name: of.tolist() for part in parts for name, of in part.values.items()}
        told = metrics.told(*parts, of_clip)
        yield Scores(scored, values, of_clip.scalars, told, looks, time.perf_counter() - start)


def _of(names: Sequence[str], per: metrics.Per) -> list[str]:
    return [name for name in names if metrics.METRICS[name].per == per]


def _without_looks(flags: Sequence[str]) -> list[str]:
    return [flag for flag in flags if flag.partition(":")[0] not in metrics.frozen.FLAGS]


def true_frames(clip: Clip, windows: Windows) -> Frames:
    """The true frames beside the restored ones; not copied where they are all of the clip's."""
    if len(windows.frames) == len(clip.hr_SCHW):
        return clip.hr_SCHW
    return clip.hr_SCHW[list(windows.frames)]


def _row(
    method: Method,
    clip: Clip,
    restored: Restored,
    wanted: Wanted,
    protocol: EvalProtocol,
    scores: Scores,
    data: Digests,
    seconds: dict[str, float],
) -> Row:
    windows = restored.windows
    planned = name_of(method.spec, method.card, wanted.settings, protocol)
    name = wanted.settings.name_after(method.spec, restored.how)
    contents = method.weights_sha256 or method.weights_tag
    return Row(
        key=job(planned, contents, (clip.dataset, clip.split, clip.name), protocol.key).key,
        made=dict(wanted.made),
        stamp=clip.stamp,
        method=name,
        asked=planned if name != planned else "",
        weights=method.weights_tag,
        dataset=clip.dataset,
        split=clip.split,
        clip=clip.name,
        protocol=protocol.name,
        protocol_key=protocol.key,
        restoring_key=restoring_key(protocol),
        frames=scores.frames,
        given=[index in windows.given for index in scores.frames],
        values=scores.values,
        size=(clip.hr_SCHW.shape[-2], clip.hr_SCHW.shape[-1]),
        kind=method.card.kind,
        weights_sha256=method.weights_sha256,
        truth=data.truth,
        input=data.input,
        untrained=method.untrained,
        bit_exact=method.card.bit_exact and wanted.settings.bits_stay and protocol.round_8bit,
        scalars=scores.scalars,
        params=sum(p.numel() for p in method.net.parameters()),
        motion_px=clip.motion_px,
        seconds={**seconds, "score": scores.seconds},
        flags=[
            *_flags(method, clip, windows, scores.frames, protocol),
            *scores.flags,
            *filter(None, [restored.how.get("tile_flag")]),
        ],
        how={**_how(wanted), **_context(method, windows), **restored.how, **scores.told},
        env=wanted.env,
        suite=__version__,
    )


def _flags(method: Method, clip: Clip, windows: Windows, scored: Sequence[int], protocol: EvalProtocol) -> list[str]:
    """What a reader of the row should know of its clip, its method and the protocol's frames."""
    flags = [*clip.flags, *method.flags]
    if method.changes:
        flags.append(f"changes:{','.join(sorted(method.changes))}")
    if not method.card.trained_for(protocol.ratio):
        flags.append("scale-untrained")
    # a pixel wanted lies exactly between two given ones if and only if q of the scale p/q is even (5/2, 7/2, 17/4)
    if method.card.ties and protocol.ratio.denominator % 2 == 0:
        flags.append("ties")
    if windows.leaked:
        flags.append(f"leak:{','.join(map(str, windows.leaked))}")
    if windows.left_out:
        flags.append(f"unscored:{windows.left_out}")
    # where there is nothing to see, a method that restores it to the last bit has an infinite PSNR, and one that does
    # not has some 80 dB: neither says how well it restores
    if flat := [index for index in scored if _is_flat(clip.hr_SCHW[index])]:
        flags.append(f"flat:{','.join(map(str, flat))}")
    return flags


def _is_flat(frame_CHW: Frames) -> bool:
    first = frame_CHW[:, :1, :1]
    # the first row settles it for nearly every frame
    return bool((frame_CHW[:, :1] == first).all()) and bool((frame_CHW == first).all())


def _scalars(clip: Clip, restored: Restored, names: Sequence[str], protocol: EvalProtocol) -> metrics.Found:
    per_clip = _of(names, "clip")
    if not per_clip:
        return metrics.Found()
    windows = restored.windows
    return metrics.of_clip(
        restored.sr_SCHW,
        true_frames(clip, windows),
        per_clip,
        windows.frames,
        windows.scored(protocol),
        flow_FHW2=clip.flow_FHW2,
        keep_infinite=protocol.inf_policy == "keep",
    )


def _context(method: Method, windows: Windows) -> dict[str, str]:
    """How many input frames a pass was given, for a method whose every frame depends on all of them."""
    if not method.card.stream.context:
        return {}
    counts = sorted({len(window.given) for window in windows.passes})
    some = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "no"
    return {"context": f"{some} input frames at once"}


def _how(wanted: Wanted) -> dict[str, str]:
    """Device, precision, CPU threads, and the programs that made the numbers of extras."""
    threads = {"threads": str(wanted.threads)} if wanted.threads else {}
    settings = wanted.settings
    return {"device": settings.device, "precision": settings.precision, **threads, **_made_by_programs(wanted)}


def _made_by_programs(wanted: Wanted) -> dict[str, str]:
    return {name: program for name in wanted.metrics if (program := metrics.made_by(name))}
