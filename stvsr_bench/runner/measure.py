"""Restored frames and the truth make rows: metrics once for each way of scoring, one row a protocol."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stvsr_bench import __version__, metrics
from stvsr_bench.data.windows import Windows
from stvsr_bench.protocols import restoring_key
from stvsr_bench.restore import Restored
from stvsr_bench.rows.identity import job
from stvsr_bench.schema import Clip, EvalProtocol, Frames, Method, Row, Settings


@dataclass(frozen=True)
class Wanted:
    """What is asked of one clip: protocols that share one restoring half, metrics, and how to run the network.

    `frames_dir` is where the restored frames are kept; None keeps none.
    """

    protocols: tuple[EvalProtocol, ...]
    metrics: tuple[str, ...] = metrics.CORE
    settings: Settings = field(default_factory=Settings)
    threads: int = 0
    env: str = ""
    frames_dir: Path | None = None


def measure(method: Method, clip: Clip, restored: Restored, wanted: Wanted, seconds: dict[str, float]) -> list[Row]:
    """Rows of frames that are already restored, one for each protocol; nothing is computed twice.

    `clip` is the cropped one, `seconds` the wall seconds of the steps so far.
    """
    truth_SCHW = true_frames(clip, restored.windows)
    tables: dict[tuple[int, bool], metrics.Found] = {}
    rows = []
    for protocol in wanted.protocols:
        start = time.perf_counter()
        # all that changes a per-frame value; averages and choices of frames come after
        variant = (protocol.crop, protocol.round_8bit)
        if variant not in tables:
            tables[variant] = metrics.of_frames(
                restored.sr_SCHW,
                truth_SCHW,
                [name for name in wanted.metrics if metrics.METRICS[name].per == "frame"],
                crop=protocol.crop,
                round_8bit=protocol.round_8bit,
            )
        spent = {**seconds, "score": time.perf_counter() - start}
        rows.append(_row(method, clip, restored, wanted, protocol, tables[variant], spent))
    return rows


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
    table: metrics.Found,
    seconds: dict[str, float],
) -> Row:
    windows = restored.windows
    scored = windows.scored(protocol)
    # values are of all restored frames; the row has those that its protocol scores
    positions = [windows.frames.index(index) for index in scored]
    weights = method.weights_sha256 or method.weights_tag
    of = job(method.spec, weights, wanted.settings, (clip.dataset, clip.split, clip.name), protocol.key)
    flags = [*clip.flags, *method.flags]
    if windows.leaked:
        flags.append(f"leak:{','.join(map(str, windows.leaked))}")
    if windows.left_out:
        flags.append(f"unscored:{windows.left_out}")
    of_clip = _scalars(clip, restored, wanted.metrics, protocol)
    return Row(
        key=of.key,
        method=of.method,
        weights=method.weights_tag,
        dataset=clip.dataset,
        split=clip.split,
        clip=clip.name,
        protocol=protocol.name,
        protocol_key=protocol.key,
        restoring_key=restoring_key(protocol),
        frames=scored,
        given=[index in windows.given for index in scored],
        values={name: [float(values[p]) for p in positions] for name, values in table.values.items()},
        size=(clip.hr_SCHW.shape[-2], clip.hr_SCHW.shape[-1]),
        kind=method.card.kind,
        weights_sha256=method.weights_sha256,
        untrained=method.untrained,
        bit_exact=method.card.bit_exact and wanted.settings.bits_stay and protocol.round_8bit,
        scalars=of_clip.scalars,
        params=sum(p.numel() for p in method.net.parameters()),
        motion_px=clip.motion_px,
        seconds=seconds,
        flags=flags,
        how={**_how(wanted), **restored.how, **metrics.told(table, of_clip)},
        env=wanted.env,
        suite=__version__,
    )


def _scalars(clip: Clip, restored: Restored, names: Sequence[str], protocol: EvalProtocol) -> metrics.Found:
    per_clip = [name for name in names if metrics.METRICS[name].per == "clip"]
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


def _how(wanted: Wanted) -> dict[str, str]:
    """Device, precision, CPU threads, and the programs that made the numbers of extras."""
    made_by = {name: program for name in wanted.metrics if (program := metrics.made_by(name))}
    threads = {"threads": str(wanted.threads)} if wanted.threads else {}
    return {"device": wanted.settings.device, "precision": wanted.settings.precision, **threads, **made_by}
