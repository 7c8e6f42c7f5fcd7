"""A video file in, a video file of larger and more frames out: what `stvsr-bench infer` does.

The source is gone through once before (`data/facts.py`), so that what cannot be done is said before hours of work.
Then frames are read ahead of the network and encoded behind it, part by part; the parts and what lies beside the
picture make the target. Memory does not grow with length.
"""

import errno
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from stvsr_bench import protocols
from stvsr_bench.data import colours, cropping, facts, tracks, upright, video
from stvsr_bench.data.facts import Facts
from stvsr_bench.errors import CannotWriteError, DataError, StoppedError, UsageError, counted
from stvsr_bench.restore.ahead import ahead
from stvsr_bench.restore.beside import FORMATS, Sound, plan
from stvsr_bench.restore.clock import check_clock, clock_of
from stvsr_bench.restore.joining import join
from stvsr_bench.restore.parts import Look, Parts
from stvsr_bench.restore.video import restored
from stvsr_bench.schema import EvalProtocol, Method, MethodCard, Reading, Settings, canonical, ratio

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Asked:
    """How a video is to be written; `limit` 0 takes all frames, `pix_fmt` "" as many bits as the source has."""

    protocol: EvalProtocol = field(default_factory=lambda: protocols.get(protocols.DEFAULT))
    reading: Reading = field(default_factory=Reading)
    crf: int = 16
    limit: int = 0
    fps: Fraction | None = None
    pix_fmt: str = ""
    sound: Sound = "copy"
    overwrite: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Done:
    """What was written. `left_out` names tracks that are not there, `trouble` what is wrong with the source.

    `lossy` is how the source was coded with loss ("" where it was not), `colours` how its colours were read. `fps` is
    the mean where the rate is `variable`.
    """

    frames_in: int
    frames_out: int
    cuts: list[int]
    size: tuple[int, int]
    fps: float
    audio: int
    subtitles: int
    pix_fmt: str
    tile: str
    left_out: list[str]
    trouble: str
    seconds: float
    lossy: str = ""
    colours: str = ""
    variable: bool = False


def upscale(
    method: Method,
    source: Path,
    target: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    asked: Asked | None = None,
) -> Done:
    """The restored video, written beside its place and moved there when it is whole.

    Raises:
        UsageError: what is asked cannot be done with this target or these options.
        DataError: the source is no video that can be read, or has fields or HDR and that was not allowed.
        CannotWriteError: the disk is full or the folder cannot be written; what was restored is kept in parts.
        StoppedError: Ctrl-C; what was restored is kept in parts.
    """
    asked = asked or Asked()
    protocols.check(method.card, asked.protocol)
    target = Path(os.path.realpath(target)) if target.is_symlink() else target  # perhaps to a larger disk
    check(source, target, asked)
    begun = time.perf_counter()
    found = facts.of(source, asked.reading.track)
    video.check_fields(source, found, asked.reading)
    video.check_brightness(source, found.transfer, asked.reading)
    count = min(found.count, asked.limit or found.count)
    check_clock(source, found)
    clock = clock_of(found, count, asked.protocol.time_scale, asked.fps)
    look = _look(source, found, asked)
    cuts: list[int] = []
    parts = Parts(target, _made_from(method, source, settings, asked), look, clock)
    with tracks.opened(source, asked.reading.track) as (given, film):
        beside = plan(given, film, target, asked.sound)
        kinds = [stream.type for stream in (*beside.copied, *beside.encoded)]  # a stream of a closed file crashes
        how: dict[str, str] = {}
        with _said(target, parts), parts.held():
            check(source, target, asked)  # again: another command may have written it meanwhile
            parts.begin(asked.resume, asked.overwrite)
            with parts:
                frames = ahead(_frames(source, found, count, asked.reading))
                for sr_CHW, read in restored(method, frames, settings, cuts, asked.protocol, parts.frames, how):
                    parts.add(sr_CHW)
                    on_frame(read)
            join(given, film, target, parts, beside, limited=count < found.count)
            parts.remove()
    return Done(
        frames_in=count,
        frames_out=clock.written,
        cuts=cuts,
        size=parts.size,
        fps=float(asked.fps or clock.rate),
        audio=kinds.count("audio"),
        subtitles=kinds.count("subtitle"),
        pix_fmt=look.pix_fmt,
        tile=how.get("tile", "") if "fall_back" in how else "",
        left_out=[*beside.left_out, *_not_written(found)],
        trouble=f"{source} {found.damage}" if found.damage and count == found.count else "",
        seconds=time.perf_counter() - begun,
        lossy=found.lossy,
        colours=found.colours,
        variable=asked.fps is None and clock.variable,
    )


def protocol_for(card: MethodCard, scale: str, time_scale: int) -> EvalProtocol:
    """`suite-1` at a scale ("" is the method's own) and time scale.

    Raises:
        UsageError: the scale is none, or the method makes another one, or other times.
    """
    try:
        wanted = ratio(canonical(scale)) if scale else card.usual
    except ValueError as error:
        raise UsageError(f"--scale: {error}") from None
    if card.kind == "sr" and time_scale > 1:
        raise UsageError(
            f"{card.name} only upscales; join it with another, e.g. dis+{card.name}, or write --time-scale 1"
        )
    if card.kind != "sr" and time_scale == 1:
        raise UsageError(f"{card.name} makes frames between; for larger frames alone take a method such as bicubic")
    if card.kind == "vfi" and wanted != 1:
        raise UsageError(f"{card.name} only interpolates; join it with another, e.g. {card.name}+bicubic")
    if card.kind != "vfi" and not card.makes(wanted):
        makes = " to ".join(f"x{each}" for each in (card.scale if isinstance(card.scale, tuple) else (card.scale,)))
        raise UsageError(f"{card.name} makes {makes}, not x{wanted}; change --scale")
    if card.time == "midpoint" and time_scale > 2:
        raise UsageError(f"{card.name} makes one frame between two; --time-scale {time_scale} wants {time_scale - 1}")
    return protocols.get(f"{protocols.DEFAULT}:scale={wanted}:time_scale={time_scale}")


def check(source: Path, target: Path, asked: Asked) -> None:
    """Refuse a target that cannot be written, before anything is read or built.

    Raises:
        UsageError: another suffix, a file that is there, or a format that is not written.
    """
    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{target}: write a video, name it {', '.join(FORMATS)}")
    if asked.pix_fmt and asked.pix_fmt not in colours.WRITTEN:
        raise UsageError(f"--pix-fmt {asked.pix_fmt}: write one of {', '.join(colours.WRITTEN)}")
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the source itself; choose another name")
    if target.exists() and not target.is_file():  # it would be seen when all is restored, or be replaced
        raise UsageError(f"{target} is {'a folder' if target.is_dir() else 'no file'}; choose another name")
    if target.exists() and not asked.overwrite:
        raise UsageError(f"{target} exists already; choose another name, or replace it with --overwrite")
    if not target.parent.is_dir():
        raise UsageError(f"{target}: there is no folder {target.parent}; make it first")


def _look(source: Path, found: Facts, asked: Asked) -> Look:
    """How the target says its colours: as the source does, or, where that is silent, as players take the new size.

    Primaries and transfer are those of the source: its RGB values are restored as they are.
    """
    scale = asked.protocol.ratio
    width, height = int(found.width * scale), int(found.height * scale)
    try:
        matrix = colours.stated(found.matrix) or colours.usual(width, height)
    except colours.MatrixError as error:
        raise DataError(f"{source}: {error}") from None
    pix_fmt = asked.pix_fmt or ("yuv420p10le" if found.bits > 8 else "yuv420p")
    _, wide, high = colours.WRITTEN[pix_fmt]
    if width % wide or height % high:
        pix_fmt = pix_fmt.replace("420", "444").replace("422", "444")  # half a pixel of chroma cannot be stored
    full = found.range_ == colours.FULL and found.matrix != 0 and not found.pixels.startswith(("gray", "gbr", "rgb"))
    value_range = colours.FULL if full else colours.LIMITED
    bright = (found.mastering, found.light)
    return Look(pix_fmt, asked.crf, matrix, value_range, found.primaries, found.transfer, found.sar, *bright)


def _not_written(found: Facts) -> list[str]:
    """What the frames of the source carry and those of the target do not."""
    lines = []
    if found.by_frame:
        how = "; ffmpeg -f lavfi -i movie=IN[out+subcc] -map 0:s OUT.srt writes them"
        how = how if "captions" in found.by_frame else ""
        lines.append(f"{found.by_frame} in the frames: left out, encoders are not given them{how}")
    if found.shapes:
        sar = f"{found.sar.numerator}:{found.sar.denominator}"
        lines.append(f"the shape of pixels changes within the source ({found.shapes}): all frames have {sar}")
    return lines


def _made_from(method: Method, source: Path, settings: Settings, asked: Asked) -> dict[str, str]:
    """What restored frames depend on, in words for who changes it between two tries."""
    about = source.stat()
    return {
        "source": f"{source.resolve()} {about.st_size} {about.st_mtime_ns}",
        "method": f"{method.spec} {method.weights_sha256}",
        "device or tiles": str(settings),
        "protocol": asked.protocol.key,
        "way of reading": str(asked.reading),
        "limit, rate or encoding": f"{asked.limit} {asked.fps} {asked.crf} {asked.pix_fmt}",
    }


def _frames(source: Path, found: Facts, count: int, reading: Reading) -> Iterator[np.ndarray[Any, Any]]:
    """The first frames, upright: 8-bit, or float32 in [0, 1] where the source has more bits."""
    convert = colours.values if found.bits > 8 else colours.rgb
    with tracks.opened(source, reading.track) as (container, stream):
        walk = facts.Walk(container, stream)
        for frame in itertools.islice(video.frames(source, stream, walk, reading), count):
            yield upright.upright(cropping.cropped(convert(frame), found.crop), found.turn)


@contextmanager
def _said(target: Path, parts: Parts) -> Iterator[None]:
    """Errors of reading and writing as a sentence, with what was kept.

    Raises:
        CannotWriteError, DataError, StoppedError: see `upscale`.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"interrupted; {_kept(parts)}") from None
    except (av.FFmpegError, OSError) as error:
        why = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise CannotWriteError(f"{target}: no room left on the disk; make some; {_kept(parts)}") from None
        raise CannotWriteError(f"{target} cannot be written: {why}; {_kept(parts)}") from None


def _kept(parts: Parts) -> str:
    if not parts.frames:
        return "nothing was kept"
    return (
        f"{parts.frames} of {counted(len(parts.clock), 'frame')} kept in {parts.folder}: "
        "the same command with --resume continues there"
    )
