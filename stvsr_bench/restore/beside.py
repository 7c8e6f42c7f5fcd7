"""What lies beside the picture in a video file: sound, subtitles, chapters, tags. All that the target can hold is kept.

Whatever is left out is named, with a container that can hold it.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import av
from av.stream import Discard, Disposition

from stvsr_bench.errors import UsageError

Sound = Literal["copy", "aac", "none"]
FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# tags of a file or track that are of its bytes, not of its content
_OF_BYTES = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "rotate", "bps", "number_of_",
             "_statistics", "handler_name", "vendor_id")  # fmt: skip
# still pictures that an mp4 or a Matroska file takes as a cover
_COVERS: Final = {"mjpeg": ("image/jpeg", ".jpg"), "png": ("image/png", ".png"), "bmp": ("image/bmp", ".bmp")}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)  # of AAC
_KINDS = {"audio": "sound track", "subtitle": "subtitle track", "data": "data track", "attachment": "attachment"}


@dataclass
class Plan:
    """Which tracks go where: `copied` and `encoded` as they are in the source, `left_out` in words."""

    copied: list[Any] = field(default_factory=list)
    encoded: list[Any] = field(default_factory=list)
    attached: list[Any] = field(default_factory=list)
    covers: list[Any] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def plan(given: Any, film: Any, target: Path, sound: Sound) -> Plan:
    """What can be kept of an open source in a target.

    Raises:
        UsageError: a sound track cannot be stored; said before hours of work, with what would work.
    """
    found, kind = Plan(), FORMATS[target.suffix.lower()]
    seen: dict[str, int] = {}
    for stream in given.streams:
        if stream.index == film.index:
            continue
        if _is_of_chapters(stream, given):
            continue
        number = seen[stream.type] = seen.get(stream.type, 0) + 1
        name, codec = f"{_KINDS.get(stream.type, 'track')} {number}", _codec(stream)
        if stream.type == "video":
            _plan_picture(stream, target.suffix, found)
        elif stream.type == "audio" and sound == "none":
            found.left_out.append(f"{name} ({codec}): left out, as asked")
        elif stream.type == "attachment":
            if kind == "matroska" and stream.data and stream.mimetype:
                found.attached.append(stream)
            else:
                found.left_out.append(f"{name} ({stream.name or codec}): {target.suffix} cannot store it, .mkv can")
        elif takes(stream, kind):
            found.copied.append(stream)
        elif stream.type == "audio" and sound == "aac" and codec != "unknown":
            found.encoded.append(stream)
        elif stream.type == "audio":
            others = f"write {' or '.join(where)}, or " if (where := _where(stream)) else ""
            raise UsageError(
                f"{name} is {codec}{_of_listed(stream, kind)}, which {target.suffix} cannot store: {others}--audio aac "
                "encodes it anew, --audio none leaves it out"
            )
        else:
            found.left_out.append(_left_out(name, stream, target.suffix))
    return found


def _is_of_chapters(stream: Any, given: Any) -> bool:
    """Whether a track is how mp4 and mov store the names of chapters: it is written anew with them."""
    return bool(stream.type == "data" and stream.discard == Discard.all and given.chapters())


def _plan_picture(stream: Any, suffix: str, found: Plan) -> None:
    """What becomes of a video track that is not the film: a cover is kept where there is room for it."""
    if not stream.disposition & Disposition.attached_pic:
        found.left_out.append(f"a video track besides, stream {stream.index}: not restored, left out")
    elif FORMATS[suffix.lower()] != "mov" and _codec(stream) in _COVERS:
        found.covers.append(stream)
    else:
        where = ", .mp4 and .mkv can" if _codec(stream) in _COVERS else ""
        found.left_out.append(f"a cover picture ({_codec(stream)}): left out, {suffix} cannot store it{where}")


def takes(stream: Any, kind: str) -> bool:
    """Whether a container can hold a copy of a track, tried by beginning such a file.

    Its list of codecs is not enough: mov has Opus only in the list, mp4 no MP3 of 8 kHz and no 6 nameless channels.
    """
    if _codec(stream) not in _listed(kind):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=kind) as container:
            made = container.add_stream_from_template(stream, opaque=True)
            container.start_encoding()
            if _codec(stream).startswith("pcm_"):  # whose channels mp4 asks for with the first samples
                packet = av.Packet(bytes(24 * stream.codec_context.layout.nb_channels))
                packet.stream, packet.pts, packet.dts = made, 0, 0
                container.mux(packet)
    except (av.FFmpegError, ValueError):
        return False
    return True


@lru_cache(maxsize=8)
def _listed(kind: str) -> frozenset[str]:
    """The codecs that a container has a name for, by ffmpeg's names."""
    with av.open(io.BytesIO(), "w", format=kind) as container:
        return frozenset(container.supported_codecs)


def _of_listed(stream: Any, kind: str) -> str:
    """The rate and channels of a sound, where the container has a name for its codec."""
    about = stream.codec_context
    return f" ({about.sample_rate} Hz, {about.layout.name})" if _codec(stream) in _listed(kind) else ""


def _where(stream: Any) -> list[str]:
    return [suffix for suffix in (".mkv", ".mov", ".mp4") if takes(stream, FORMATS[suffix])]


def _left_out(name: str, stream: Any, suffix: str) -> str:
    """Why a track that is no sound is not there, and what it is: of a track without a codec, its maker's name."""
    if code := stream.metadata.get("timecode"):
        return f"{name} (timecode {code}): left out, no track of the new frames' codes is made"
    codec = _codec(stream)
    what = stream.metadata.get("handler_name", "").strip("\t \x0b") or codec if codec == "unknown" else codec
    elsewhere = f", {' and '.join(where)} can" if (where := _where(stream)) else ""
    return f"{name} ({what}): left out, {suffix} cannot store it{elsewhere}"


def _codec(stream: Any) -> str:
    context = getattr(stream, "codec_context", None)
    return str(getattr(context, "name", None) or "unknown")


class Beside:
    """The tracks of a plan in a container that is written, moved so that the source's first track begins at 0."""

    def __init__(self, found: Plan, given: Any, made: Any, start: Fraction, end: Fraction | None) -> None:
        """`start` in seconds of the source's clock; what begins after `end` (of the moved clock) is left out."""
        self._given, self._made, self._start, self._end = given, made, start, end
        self._to: dict[int, Any] = {}
        self._encoders: dict[int, _Encoder] = {}
        self._pictures: list[Any] = []
        self._refused: dict[int, int] = {}  # packets that the container did not take, by track
        for stream in found.copied:
            self._to[stream.index] = made.add_stream_from_template(stream, opaque=True)
        for stream in found.encoded:
            self._encoders[stream.index] = _Encoder(stream, made)
            self._to[stream.index] = self._encoders[stream.index].stream
        for stream in (*found.copied, *found.encoded):
            copy_tags(stream, self._to[stream.index], made)
            self._to[stream.index].disposition = stream.disposition
        for stream in found.attached:
            made.add_attachment(stream.name or "attachment", stream.mimetype, stream.data)
        for stream, picture in _covers(found, given):
            self._add_cover(stream, picture)
        copy_tags(given, made, made)
        made.set_chapters([moved for chapter in given.chapters() if (moved := self._moved(chapter)) is not None])
        self._streams = [stream for stream in given.streams if stream.index in self._to]

    def _add_cover(self, given: Any, picture: Any) -> None:
        if self._made.format.name == "matroska":
            mime, suffix = _COVERS[_codec(given)]
            self._made.add_attachment(given.metadata.get("filename", f"cover{suffix}"), mime, bytes(picture))
            return
        stream = self._made.add_stream_from_template(given, opaque=True)
        stream.disposition = given.disposition
        picture.stream, picture.pts, picture.dts = stream, 0, 0
        self._pictures.append(picture)

    def packets(self) -> Iterator[tuple[Fraction, list[Any]]]:
        """(time in seconds, packets to be written), in the order of the source."""
        if self._pictures:
            yield Fraction(0), self._pictures
        if not self._streams:
            return
        last: dict[int, int] = {}  # when the packet before was decoded, in ticks of its track
        for packet in self._given.demux(self._streams):
            stream = packet.stream
            encoder = self._encoders.get(stream.index)
            if packet.dts is None and encoder is None:
                continue  # the packet that flushes a decoder has no time and no data
            if packet.dts is None:
                yield Fraction(0), encoder.push(packet, self._start) if encoder else []
                continue
            if self._hidden(packet):
                continue
            tick = Fraction(packet.time_base)
            time = packet.dts * tick - self._start
            if self._end is not None and (packet.pts or packet.dts) * tick - self._start >= self._end:
                continue
            if encoder is not None:
                yield time, encoder.push(packet, self._start)
                continue
            back = round(self._start / tick)
            packet.dts -= back
            packet.pts = None if packet.pts is None else packet.pts - back
            # joined files have two packets of one time, which mp4 does not take: in its own ticks, of a sample
            step = max(1, -(-Fraction(self._to[stream.index].time_base) // tick))
            if packet.dts < (least := last.get(stream.index, packet.dts - step) + step):
                packet.dts = least
                packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
            last[stream.index] = packet.dts
            packet.stream = self._to[stream.index]
            yield time, [packet]
        for encoder in self._encoders.values():
            yield Fraction(0), encoder.finish()

    def mux(self, packet: Any) -> None:
        """Write a packet, unless it is damaged so that the container cannot take it; see `refused`.

        Raises:
            av.FFmpegError: nothing can be written.
        """
        try:
            self._made.mux(packet)
        except av.error.InvalidDataError:  # sound of a broadcast that was disturbed has no header to rewrite
            self._refused[packet.stream.index] = self._refused.get(packet.stream.index, 0) + 1

    def refused(self) -> list[str]:
        """A line for each track with damaged packets."""
        types = {made.index: made.type for made in self._to.values()}
        return [
            f"{_KINDS.get(types[index], 'track')}: damaged packets are left out ({count})"
            for index, count in self._refused.items()
        ]

    def _hidden(self, packet: Any) -> bool:
        """Whether an edit list of the source hides a packet, and the target has none that could.

        The one before what is heard stays: a decoder of AAC begins with it.
        """
        if not packet.is_discard or packet.pts is None:
            return False
        copied_to_list = packet.stream.index not in self._encoders and self._made.format.name != "matroska"
        ends = (packet.pts + 2 * (packet.duration or 0)) * Fraction(packet.time_base)
        return not copied_to_list and ends <= self._start

    def _moved(self, chapter: Any) -> Any | None:
        tick = Fraction(chapter["time_base"])
        start, end = (max(0, round(chapter[name] - self._start / tick)) for name in ("start", "end"))
        if self._end is not None:
            end = min(end, round(self._end / tick))
        return {**chapter, "start": start, "end": end} if end > start else None


def _covers(found: Plan, given: Any) -> Iterator[tuple[Any, Any]]:
    """The covers of a plan, each with its one packet; of the file opened again, for other packets would be passed."""
    wanted = {stream.index: stream for stream in found.covers}
    if not wanted:
        return
    with av.open(given.name, metadata_errors="replace") as again:
        for packet in again.demux([again.streams[index] for index in wanted]):
            if packet.size and (stream := wanted.pop(packet.stream.index, None)) is not None:
                yield stream, packet
            if not wanted:
                return


class _Encoder:
    """A sound track decoded and encoded as AAC, at the times that it had."""

    def __init__(self, given: Any, made: Any) -> None:
        self._given = given
        rate = given.codec_context.sample_rate
        self.stream = made.add_stream("aac", rate=rate if rate in _RATES else 48000)
        # by number: the layout of plain PCM is often not stated
        self.stream.codec_context.layout = _LAYOUTS.get(given.codec_context.layout.nb_channels, "stereo")
        self._resampler: Any = None

    def push(self, packet: Any, start: Fraction) -> list[Any]:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return []  # a damaged packet of sound is a moment of silence
        made = []
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(start / Fraction(frame.time_base))
            made += self._encoded(frame)
        return made

    def finish(self) -> list[Any]:
        if self._resampler is None:
            return []
        return [*self._encoded(None), *self.stream.encode(None)]

    def _encoded(self, frame: Any) -> list[Any]:
        if self._resampler is None:
            context = self.stream.codec_context
            context.open(strict=False)
            self._resampler = av.AudioResampler(
                context.format, context.layout, context.sample_rate, frame_size=context.frame_size
            )
        return [packet for part in self._resampler.resample(frame) for packet in self.stream.encode(part)]


def copy_tags(given: Any, made: Any, container: Any) -> None:
    """Language, title and the like of a file, or of one of its tracks, for a container that is written."""
    # of a time code mp4 and mov make a track, which needs a rate that a copied track does not have
    not_taken = _OF_BYTES if container.format.name == "matroska" else (*_OF_BYTES, "timecode")
    tags = {name: value for name, value in given.metadata.items() if not name.lower().startswith(not_taken)}
    made.metadata.update(tags)
