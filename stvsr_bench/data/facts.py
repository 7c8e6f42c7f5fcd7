"""What a video file is, found by decoding it once without converting a pixel: frames, times, how it must be shown.

Headers are not asked: an edit list, a stream cut between key frames or a download that broke off make them wrong.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from numpy.typing import NDArray

from stvsr_bench import hashes, plugins
from stvsr_bench.data import cache, carried, colours, cropping, times, tracks, upright
from stvsr_bench.data.frames import MAX_PIXELS
from stvsr_bench.errors import DataError, counted
from stvsr_bench.schema import digest

UNEVEN: Final = 0.25  # of the usual distance of frames: from here on a rate is variable
HDR: Final = {16: "PQ", 18: "HLG"}  # transfer characteristics of H.273
# intra codecs that say nothing of fields in a frame; the container may
_NO_FIELDS: Final = ("rawvideo", "v210", "huffyuv", "ffvhuff", "utvideo", "qtrle", "png")
_DURATION: Final = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_NEAR_S: Final = 0.25  # between a track's end and what its header says: duration of the last frame, a start
_REMEMBERED_S: Final = 1.0  # a video that takes longer to go through is looked up the next time
_VERSION: Final = 4  # of what is remembered
# H.264, HEVC, AV1 and VP9 can be without loss too; only what the encoder wrote into the stream says so
_LOSSLESS: Final = frozenset(
    ("rawvideo", "wrapped_avframe", "v210", "r210", "v410", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv",
     "qtrle", "png", "apng", "bmp", "tiff", "gif", "flashsv", "zmbv")
)  # fmt: skip
_SETTINGS: Final = 8192  # bytes of the first packet; x264 and x265 write their settings there
_QUALITY: Final = re.compile(rb"\b(crf|qp|bitrate)=([0-9.]+)")


@dataclass(frozen=True)
class Facts:
    """A video's track as it is decoded.

    `width`, `height` and `sar` (of a pixel: width to height) are those of the picture as it is to be seen. `ticks` are
    the times of its frames in `tick` seconds; empty where the file has none. `matrix`, `range_`, `primaries` and
    `transfer` are the first frame's numbers in H.273, `mastering` and `light` how bright its HDR was made. `damage`
    says what is wrong with the file after `whole` frames; "" where it can be decoded to its end.
    """

    width: int
    height: int
    count: int
    rate: Fraction
    tick: Fraction
    ticks: NDArray[np.int64] = field(compare=False)
    last: int = 0  # ticks that the last frame is shown
    turn: upright.Turn = upright.UPRIGHT
    crop: cropping.Crop = cropping.WHOLE  # of the stored frame, before it is turned
    sar: Fraction = Fraction(1)
    pixels: str = ""
    bits: int = 8
    matrix: int = 2
    range_: int = 0
    primaries: int = 2
    transfer: int = 2
    assumed: str = ""  # the matrix that had to be
    interlaced: int = 0  # frames that are two fields
    lossy: str = ""  # codec, and what it says of its quality (h264/crf=23.0); "" where nothing was lost
    start: int = 0  # of the file's clock, in microseconds: where its first track begins
    container: str = ""  # ffmpeg's name of the file's format
    mastering: str = ""
    light: str = ""
    by_frame: str = ""  # what some frames carry and an encoder is not given, e.g. closed captions
    shapes: str = ""  # of pixels, where that changes within the video
    whole: int = 0
    damage: str = ""

    @property
    def hdr(self) -> str:
        """ "PQ" or "HLG"; "" for a video of the usual brightness."""
        return HDR.get(self.transfer, "")

    @property
    def colours(self) -> str:
        """Which matrix and range its colours are read by, and how these were chosen, e.g. `bt709 stated, limited`."""
        if self.pixels.startswith(("gray", "gbr", "rgb", "bgr", "pal")):
            return f"{self.pixels}, no matrix"
        matrix = f"{self.assumed} assumed by size" if self.assumed else f"{colours.name_of(self.matrix)} stated"
        said = {colours.FULL: "full range stated", colours.LIMITED: "limited range stated"}
        full = self.pixels.startswith("yuvj")
        return f"{matrix}, {said.get(self.range_, 'full range of yuvj' if full else 'limited range, not stated')}"

    @property
    def fps(self) -> float:
        """Frames in a second, by the file's header."""
        return float(self.rate)

    @property
    def times(self) -> NDArray[np.int64]:
        """When each frame is shown, in ticks; by the rate where the file has no times."""
        if len(self.ticks):
            return self.ticks
        return np.round(np.arange(self.count) / float(self.rate * self.tick)).astype(np.int64)

    def uneven(self, start: int = 0, stop: int | None = None) -> int | None:
        """The first frame from `start` on that is too near to the frame before or too far; None where all are even.

        Containers round times to their clock, Matroska to a millisecond: a difference of one tick says nothing.
        """
        distances = np.diff(self.ticks[start:stop])
        if len(distances) < 2:
            return None
        usual = float(np.median(distances))
        away = np.abs(distances - usual)
        found = np.flatnonzero((away > UNEVEN * usual) & (away > times.A_TICK))
        return start + int(found[0]) + 1 if len(found) else None

    def flags(self, start: int = 0, stop: int | None = None) -> tuple[str, ...]:
        """What a row should say of how the frames are read."""
        return tuple(
            flag
            for flag in (
                f"matrix-assumed:{self.assumed}" if self.assumed else "",
                "cropped" if self.crop != cropping.WHOLE else "",
                upright.name(self.turn),
                f"sar:{self.sar.numerator}/{self.sar.denominator}" if self.sar != 1 else "",
                f"bits:{self.bits}" if self.bits > 8 else "",
                f"hdr:{self.hdr}" if self.hdr else "",
                "vfr" if self.uneven(start, stop) is not None else "",
                f"lossy-truth:{self.lossy}" if self.lossy else "",
            )
            if flag
        )


def of(path: Path, track: int = 1) -> Facts:
    """The facts of a video's track.

    Raises:
        DataError: it is missing or no video, or no frame of it can be decoded.
        UsageError: it has no such track.
    """
    tracks.check_file(path)
    return _remembered(path.resolve(), track, hashes.trace(path.stat()))


@lru_cache(maxsize=256)
def _remembered(path: Path, track: int, trace: tuple[int, int, int]) -> Facts:
    key = digest([str(path), track, *trace, _VERSION])[:16]
    file = plugins.home() / "videos" / f"{key}.npz"
    if (kept := _load(file)) is not None:
        return kept
    start = time.perf_counter()
    found = _look(path, track)
    if time.perf_counter() - start > _REMEMBERED_S:
        about = {name: value for name, value in asdict(found).items() if name != "ticks"}
        written = json.dumps(about, default=str)
        cache.store(file, ticks=found.ticks, about=np.frombuffer(written.encode(), np.uint8))
    return found


def _load(file: Path) -> Facts | None:
    kept = cache.load(file) if file.is_file() else None
    if kept is None:
        return None
    try:
        about = json.loads(kept["about"].tobytes())
        fractions = {name: Fraction(about[name]) for name in ("rate", "tick", "sar")}
        places = {name: tuple(about[name]) for name in ("turn", "crop")}
        return Facts(**{**about, **fractions, **places}, ticks=kept["ticks"])
    except (KeyError, ValueError, TypeError, ArithmeticError):  # of another version, or of somebody else: made again
        return None


def has_fields(stream: Any) -> bool:
    """Whether the container says that frames are two fields, and the codec could not."""
    context = stream.codec_context
    return context.field_order in (2, 3, 4, 5) and context.name in _NO_FIELDS


class Walk:
    """The frames of a track in order, past what is damaged; what was wrong is known when it has ended."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.container, self.stream = container, stream
        self._promised = len(stream.index_entries)  # of mp4 and AVI, edit lists respected; few of Matroska's
        self.count = 0
        self.settings = b""  # the start of the first packet
        self.whole: int | None = None  # frames before the first that is damaged
        self.why = ""

    def __iter__(self) -> Iterator[VideoFrame]:
        self.stream.thread_type = "AUTO"  # several frames at a time; PyAV's default is slices of one
        packets, number, end = self.container.demux(self.stream), 0, None
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError as error:
                self._damaged(error)
                return
            if packet is None:
                self._ended(number, end)
                return
            if packet.size:
                self.settings = self.settings or bytes(packet)[:_SETTINGS]
                number += 1
                end = max(end or 0, (packet.pts or packet.dts or 0) + (packet.duration or 0))
            try:
                decoded = packet.decode()
            except FFmpegError as error:
                # before the first frame: a stream that was cut between key frames, whose rest is sound
                if self.count:
                    self._damaged(error)
                continue
            for frame in decoded:
                if frame.is_corrupt:
                    self._damaged(None, "a frame lacks what it is made from")
                self.count += 1
                yield frame

    def _ended(self, number: int, end: int | None) -> None:
        """Whether that is all that the header promises: as packets (mp4, AVI), or as a time (Matroska)."""
        if number < self._promised:
            self._damaged(
                None, f"the file ends before its header says ({number} of {counted(self._promised, 'packet')})"
            )
        said = _DURATION.match(self.stream.metadata.get("DURATION", ""))
        if said is None or end is None:
            return
        hours, minutes, seconds = (float(part) for part in said.groups())
        promised_s, end_s = 3600 * hours + 60 * minutes + seconds, float(end * self.stream.time_base)
        if end_s < promised_s - _NEAR_S:
            self._damaged(None, f"the file ends at {end_s:.2f} s, its header says {promised_s:.2f} s")

    def _damaged(self, error: FFmpegError | None, why: str = "") -> None:
        if self.whole is None:
            self.whole, self.why = self.count, why if error is None else str(error.strerror)


def _look(path: Path, track: int) -> Facts:
    with tracks.opened(path, track) as (container, stream):
        walk = Walk(container, stream)
        first, last, interlaced, sizes = None, None, 0, None
        pts: list[int | None] = []
        extra: set[str] = {"transparency"} if stream.metadata.get("alpha_mode") == "1" else set()  # of VP8 and VP9
        shape, shapes = None, {}
        fields = has_fields(stream)
        damage = ""
        for frame in walk:
            if first is None:
                first, sizes = frame, (frame.width, frame.height)
            if (frame.width, frame.height) != sizes:
                damage = f"changes its size at frame {len(pts)}, from {_size(first)} to {_size(frame)}"
                break
            interlaced += frame.interlaced_frame or fields
            pts.append(frame.pts)
            extra |= carried.by_frame(frame)
            if "transparency" not in extra and carried.is_transparent(frame):
                extra.add("transparency")
            if (now := stream.codec_context.sample_aspect_ratio) != shape and now:
                shape = shapes[now] = now
            last = frame
        if first is None or last is None:
            if container.format.name == "webp_pipe":
                raise DataError(
                    f"{path} is an animated WebP, which is not read; convert it (ffmpeg -i IN.webp OUT.mkv)"
                )
            raise DataError(f"{path} is damaged: {walk.why or 'no frame of it can be decoded'}")
        if walk.whole is not None and not damage:
            damage = f"is damaged after {counted(walk.whole, 'frame')}: {walk.why}"
        tick = Fraction(first.time_base or stream.time_base)
        ticks = times.begun(path, container.format.name, times.ticks_of(pts), tick)
        rate = times.rate_of(stream, ticks, tick)
        made = _of_frame(path, first, stream, cropping.crop_of(container, stream))
        return replace(
            made,
            count=len(pts),
            rate=rate,
            tick=tick,
            ticks=ticks,
            last=int(last.duration or 0) or max(1, round(1 / (rate * tick))),
            interlaced=interlaced,
            lossy=_lossy(stream.codec_context, walk.settings),
            start=int(container.start_time or 0),
            container=container.format.name,
            by_frame=", ".join(sorted(extra)),
            shapes=", ".join(f"{shape.numerator}:{shape.denominator}" for shape in shapes) if len(shapes) > 1 else "",
            whole=len(pts) if walk.whole is None else walk.whole,
            damage=damage,
        )


def _lossy(context: Any, packet: bytes) -> str:
    """The codec and its quality, as far as the stream says it; nothing for a codec, or settings, without loss."""
    codec = str(context.codec.canonical_name)
    settings = bytes(context.extradata or b"") + packet
    found = _QUALITY.search(settings)
    if codec in _LOSSLESS or b" lossless " in settings or (found and found[1] == b"qp" and float(found[2]) == 0):
        return ""
    return f"{codec}/{found[1].decode()}={found[2].decode()}" if found else codec


def _of_frame(path: Path, frame: VideoFrame, stream: Any, crop: cropping.Crop) -> Facts:
    """What the first frame says; the numbers of all frames are not known yet."""
    if frame.width * frame.height > MAX_PIXELS:
        raise DataError(f"{path} says its frames are {_size(frame)}, which cannot be")
    try:
        turn = upright.turn_of(frame)
        assumed = colours.assumed(frame) or ""
    except colours.MatrixError:
        assumed = ""  # said when its colours are needed
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    sar = Fraction(stream.sample_aspect_ratio or 1)
    width, height = frame.width - sum(crop[2:]), frame.height - sum(crop[:2])
    if upright.swaps(turn):
        width, height, sar = height, width, 1 / sar
    context = stream.codec_context
    return Facts(
        width,
        height,
        0,
        Fraction(25),
        Fraction(1),
        np.zeros(0, np.int64),
        turn=turn,
        crop=crop,
        sar=sar,
        pixels=frame.format.name,
        bits=colours.depth(frame),
        matrix=int(frame.colorspace),
        range_=int(frame.color_range),
        primaries=int(context.color_primaries if frame.color_primaries in (0, 2) else frame.color_primaries),
        transfer=int(context.color_trc if frame.color_trc in (0, 2) else frame.color_trc),
        assumed=assumed,
        mastering=carried.mastering(frame),
        light=carried.light(frame),
    )


def _size(frame: VideoFrame) -> str:
    return f"{frame.width}x{frame.height}"
