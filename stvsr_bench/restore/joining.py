"""The final file: the packets of the parts, and beside them the sound, subtitles, chapters and tags of the source."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from stvsr_bench.data import atomic, tracks
from stvsr_bench.restore.beside import Beside, Plan, copy_tags
from stvsr_bench.restore.parts import Part, Parts


def join(given: Any, film: Any, target: Path, parts: Parts, found: Plan, limited: bool) -> None:
    """Write the target among its parts and move it into its place when it is whole.

    `given` is the open source and `film` its video track; `limited` ends all tracks where the picture ends.
    """
    # the suffix stays the last part of the name: the container is chosen by it
    partial = parts.folder / f"whole{target.suffix}"
    clock, start = parts.clock, Fraction(given.start_time or 0, 1_000_000)
    end = clock.tick * clock.at(parts.frames)
    first = next(path for part in parts.done if (path := parts.folder / part.name).is_file())
    try:
        with av.open(tracks.url(partial), "w") as made:
            with av.open(tracks.url(first)) as one:
                stream = made.add_stream_from_template(one.streams.video[0], opaque=True)
                if one.streams.video[0].codec_context.name == "hevc":
                    stream.codec_context.codec_tag = "hvc1"  # the name that Apple's players want
            stream.time_base = clock.tick
            # Matroska's default duration; the one of the parts is a tick, by which players show 10000 frames a second
            uneven = clock.constant is None and clock.variable
            stream.codec_context.framerate = Fraction(0) if uneven else clock.constant or clock.rate
            copy_tags(film, stream, made)
            beside = Beside(found, given, made, start, end if limited else None)
            made.start_encoding()  # from here on tracks have the ticks of the container
            picture = _packets(parts, stream)
            held = next(picture, None)
            for time, packets in beside.packets():
                # in step: the muxer holds back what comes too early
                while held is not None and clock.tick * held.dts <= time:
                    made.mux(held)
                    held = next(picture, None)
                for packet in packets:
                    beside.mux(packet)
            while held is not None:
                made.mux(held)
                held = next(picture, None)
        atomic.put(partial, target)
        found.left_out += beside.refused()
    finally:
        partial.unlink(missing_ok=True)


def _packets(parts: Parts, stream: Any) -> Iterator[Any]:
    """The packets of all parts in the order of decoding, with decoding times made anew.

    Each part's own decoding times begin before its first frame, by as much as the encoder looks ahead; where frames
    are at uneven times that may lie before the last of the part before.
    """
    clock = parts.clock
    late = max(_reordered(_times(parts, part)) for part in parts.done)
    shown: deque[int] = deque()
    for part in parts.done:
        times = _times(parts, part)
        if not times:
            continue
        if not shown:
            ahead = (sorted(times)[1] - min(times)) if len(times) > 1 else 1
            shown.extend(min(times) - ahead * (late - place) for place in range(late))
        shown.extend(sorted(times))
        with av.open(tracks.url(parts.folder / part.name)) as container:
            number = 0
            for packet in container.demux(video=0):
                if not packet.size:
                    continue
                duration = Fraction(packet.time_base) * (packet.duration or 0)
                packet.stream, packet.time_base = stream, clock.tick
                packet.pts, packet.dts = times[number], shown.popleft()
                packet.duration = round(duration / clock.tick)
                yield packet
                number += 1


def _times(parts: Parts, part: Part) -> list[int]:
    """When the packets of a part are shown, in the order of decoding, in ticks of the clock."""
    path = parts.folder / part.name
    if not path.is_file():
        return []
    with av.open(tracks.url(path)) as container:
        return [
            part.base + round((packet.pts or 0) * Fraction(packet.time_base) / parts.clock.tick)
            for packet in container.demux(video=0)
            if packet.size
        ]


def _reordered(times: list[int]) -> int:
    """By how many packets a frame may be decoded after its turn, because later ones are needed for it."""
    place = {time: rank for rank, time in enumerate(sorted(times))}
    return max((number - place[time] for number, time in enumerate(times)), default=0)
