"""The part of a stored frame that is to be seen, where the container says so: clean aperture of mov, crop of Matroska.

Axes: H W size, C channels. PyAV does not hand out what the container says. It hands it on, to a file that is written
from the track: there Matroska's header says it (elements PixelCropBottom, Top, Left and Right, RFC 9559).
"""

import io
import re
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

Crop = tuple[int, int, int, int]  # rows above and below, columns at the left and right that are not seen
WHOLE: Final[Crop] = (0, 0, 0, 0)
_CONTAINERS: Final = ("mov", "matroska")  # whose names begin so
# the element of a track's picture, which begins with its width
_PICTURE: Final = re.compile(rb"\xe0(?:[\x81-\xfe]|[\x40-\x7f].|\x01.{7})(?=\xb0[\x81-\x84])", re.DOTALL)
_SIDES: Final = (b"\x54\xbb", b"\x54\xaa", b"\x54\xcc", b"\x54\xdd")  # above, below, left, right


def crop_of(container: Any, stream: Any) -> Crop:
    """What is not seen of a track's frames, before they are turned."""
    if not container.format.name.startswith(_CONTAINERS):
        return WHOLE
    written = io.BytesIO()
    try:
        with av.open(written, "w", format="matroska") as header:
            header.add_stream_from_template(stream, opaque=True)
            header.start_encoding()
    except (av.FFmpegError, ValueError):  # a codec that Matroska does not take
        return WHOLE
    above, below, left, right = _read(written.getvalue())
    about = stream.codec_context
    if above + below >= about.height or left + right >= about.width:  # nothing would be left
        return WHOLE
    return above, below, left, right


def cropped(frame_HWC: NDArray[Any], crop: Crop) -> NDArray[Any]:
    """The part of a frame that is to be seen; the same array where that is all of it."""
    if crop == WHOLE:
        return frame_HWC
    above, below, left, right = crop
    height, width = frame_HWC.shape[:2]
    return np.ascontiguousarray(frame_HWC[above : height - below, left : width - right])


def _read(header: bytes) -> Crop:
    """The crop that a header of Matroska says, which has one track."""
    found = _PICTURE.search(header)
    sides = dict.fromkeys(_SIDES, 0)
    at = found.end() if found else len(header)
    while at + 2 < len(header):
        # of the element's name and of its length the first byte says how many bytes they have
        named = header[at : at + 9 - header[at].bit_length()]
        at += len(named)
        if at >= len(header) or header[at] < 0x80:  # longer than any number of a picture
            break
        length = header[at] & 0x7F
        if named in sides:
            sides[named] = int.from_bytes(header[at + 1 : at + 1 + length], "big")
        at += 1 + length
    above, below, left, right = (sides[side] for side in _SIDES)
    return above, below, left, right
