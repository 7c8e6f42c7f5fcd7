"""Restored frames and a protocol make rows: one clip, one pass through the network, one row a protocol."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stvsr_bench import __version__, metrics
from stvsr_bench.data.degrade import lr_cached
from stvsr_bench.data.windows import index_windows, leaks, select
from stvsr_bench.errors import ClipError
from stvsr_bench.protocols import restoring_key
from stvsr_bench.restore.clip import Restored, restore
from stvsr_bench.schema import Clip, EvalProtocol, Frames, Job, Method, Row, Settings


@dataclass(frozen=True)
class Wanted:
    """What is asked of one clip: protocols that share one restoring half, metrics, and how to run the network."""

    protocols: tuple[EvalProtocol, ...]
    metrics: tuple[str, ...] = metrics.CORE
    settings: Settings = field(default_factory=Settings)
    threads: int = 0
    env: str = ""


def low_resolution(clip: Clip, protocol: EvalProtocol) -> Frames:
    """lr_SChw of every frame of a clip: shipped with the data set, or made and cached by content.

    Raises:
        ClipError: the protocol wants shipped frames and the clip has none.
    """
    if protocol.degradation == "shipped":
        if clip.lr_SChw is None:
            raise ClipError(f"{clip.name}: the protocol wants shipped low-resolution frames, the data set has none")
        return clip.lr_SChw
    return lr_cached(clip.hr_SCHW, protocol.degradation, protocol.scale)


def mod_crop(clip: Clip, scale: int) -> Clip:
    """The clip cut at the right and bottom to a multiple of the scale, as every script of the field does first."""
    height, width = (size // scale * scale for size in clip.hr_SCHW.shape[-2:])
    if clip.hr_SCHW.shape[-2:] == (height, width):
        return clip
    flow_FHW2 = None if clip.flow_FHW2 is None else clip.flow_FHW2[:, :height, :width]
    return replace(clip, hr_SCHW=np.ascontiguousarray(clip.hr_SCHW[..., :height, :width]), flow_FHW2=flow_FHW2)


def evaluate(
    method: Method,
    clip: Clip,
    wanted: Wanted,
    read_s: float = 0.0,
    keep: Callable[[Restored], None] | None = None,
) -> list[Row]:
    """The rows of one clip, one for each protocol; `keep` is handed the restored frames (to save them).

    Raises:
        ClipError: the clip is too short or small, or the network returned something that cannot be scored.
    """
    protocol = wanted.protocols[0]
    start = time.perf_counter()
    clip = mod_crop(clip, protocol.scale)
    lr_SChw = low_resolution(clip, protocol)
    lr_s = time.perf_counter() - start
    start = time.perf_counter()
    restored = restore(method, lr_SChw, protocol, wanted.settings)
    restore_s = time.perf_counter() - start
    if keep is not None:
        keep(restored)
    seconds = {"read": read_s, "lr": lr_s, "restore": restore_s}
    return score(method, clip, restored, wanted, seconds)


def score(method: Method, clip: Clip, restored: Restored, wanted: Wanted, seconds: dict[str, float]) -> list[Row]:
    """Rows of frames that are already restored, one for each protocol; nothing is computed twice."""
    tables: dict[tuple[int, bool], dict[str, np.ndarray]] = {}
    rows = []
    for protocol in wanted.protocols:
        start = time.perf_counter()
        variant = (protocol.crop, protocol.round_8bit)
        if variant not in tables:
            tables[variant] = metrics.score_frames(
                restored.sr_SCHW,
                true_frames(clip, restored),
                [name for name in wanted.metrics if metrics.METRICS[name].per == "frame"],
                crop=protocol.crop,
                round_8bit=protocol.round_8bit,
            )
        spent = {**seconds, "score": time.perf_counter() - start}
        rows.append(_row(method, clip, restored, wanted, protocol, tables[variant], spent))
    return rows


def true_frames(clip: Clip, restored: Restored) -> Frames:
    """The true frames beside the restored ones; not copied where they are all of the clip's."""
    if restored.frames == list(range(len(clip.hr_SCHW))):
        return clip.hr_SCHW
    return clip.hr_SCHW[restored.frames]


def _row(
    method: Method,
    clip: Clip,
    restored: Restored,
    wanted: Wanted,
    protocol: EvalProtocol,
    table: dict[str, np.ndarray],
    seconds: dict[str, float],
) -> Row:
    windows = index_windows(len(clip.hr_SCHW), protocol)
    given = {index for index, is_given in zip(restored.frames, restored.given, strict=True) if is_given}
    scored = select(restored.frames, protocol, given)
    positions = [restored.frames.index(index) for index in scored]
    name = wanted.settings.name(method.spec)
    weights = method.weights_sha256 or method.weights_tag
    job = Job(name, weights, clip.dataset, clip.split, clip.name, protocol.key)
    flags = list(clip.flags)
    if leaked := leaks(windows, protocol.time_scale):
        flags.append(f"leak:{','.join(map(str, leaked))}")
    left_out = len(clip.hr_SCHW) - len(restored.frames)
    if left_out:
        flags.append(f"unscored:{left_out}")
    scalars = _scalars(clip, restored, wanted.metrics)
    not_had = sorted(set(wanted.metrics) - table.keys() - scalars.keys())
    return Row(
        key=job.key,
        method=job.method,
        weights=method.weights_tag,
        dataset=clip.dataset,
        split=clip.split,
        clip=clip.name,
        protocol=protocol.name,
        protocol_key=protocol.key,
        restoring_key=restoring_key(protocol),
        frames=scored,
        given=[index in given for index in scored],
        values={name: [float(values[p]) for p in positions] for name, values in table.items()},
        size=(clip.hr_SCHW.shape[-2], clip.hr_SCHW.shape[-1]),
        kind=method.card.kind,
        weights_sha256=method.weights_sha256,
        untrained=method.untrained,
        bit_exact=method.card.bit_exact and wanted.settings.bits_stay and protocol.round_8bit,
        scalars=scalars,
        params=sum(p.numel() for p in method.net.parameters()),
        motion_px=clip.motion_px,
        seconds=seconds,
        flags=flags,
        how={**_how(wanted), **restored.how, **({"left_out": ",".join(not_had)} if not_had else {})},
        env=wanted.env,
        suite=__version__,
    )


def _scalars(clip: Clip, restored: Restored, names: Sequence[str]) -> dict[str, float]:
    per_clip = [name for name in names if metrics.METRICS[name].per == "clip"]
    if not per_clip:
        return {}
    first, last = restored.frames[0], restored.frames[-1]
    gapless = last - first + 1 == len(restored.frames)
    flow_FHW2 = clip.flow_FHW2[first:last] if clip.flow_FHW2 is not None and gapless else None
    return metrics.score_clip(restored.sr_SCHW, true_frames(clip, restored), per_clip, flow_FHW2=flow_FHW2)


def _how(wanted: Wanted) -> dict[str, str]:
    """Device, precision, CPU threads, and the programs that made the numbers of extras."""
    made_by = {name: program for name in wanted.metrics if (program := metrics.made_by(name))}
    threads = {"threads": str(wanted.threads)} if wanted.threads else {}
    return {"device": wanted.settings.device, "precision": wanted.settings.precision, **threads, **made_by}
