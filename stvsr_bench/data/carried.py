"""What a video's frames carry beside the picture: how bright its HDR was made, closed captions, moving metadata.

Brightness is written in the words of x264 and x265 (SMPTE ST 2086 and CTA-861.3). Formats: libavutil's
`mastering_display_metadata.h`.
"""

from fractions import Fraction
from typing import Any, Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from stvsr_bench.data import sidedata

_WITH_ALPHA: Final = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr")  # names of pixel formats begin so
_CHROMA, _LUMA = 50_000, 10_000  # units of a chromaticity, and of a candela per square metre
# kinds of side data that belong to one frame, and that an encoder here is not given
_BY_FRAME: Final = {
    "A53_CC": "closed captions",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
}


def mastering(frame: VideoFrame) -> str:
    """The display that HDR was made on: `G(x,y)B(x,y)R(x,y)WP(x,y)L(most,least)`; "" where the frame does not say."""
    found = _bytes(frame, "MASTERING_DISPLAY_METADATA")
    if len(found) < 88:
        return ""
    numbers = np.frombuffer(found[:88], np.int32)
    has_primaries, has_luminance = numbers[20:22]
    if not (has_primaries and has_luminance) or not numbers[1:20:2].all():
        return ""
    values = [Fraction(int(above), int(below)) for above, below in numbers[:20].reshape(10, 2)]
    red, green, blue, white = (
        "({},{})".format(*(round(value * _CHROMA) for value in values[at : at + 2])) for at in (0, 2, 4, 6)
    )
    least, most = (round(value * _LUMA) for value in values[8:10])
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"


def light(frame: VideoFrame) -> str:
    """The brightest pixel and the brightest frame on average, in candela per square metre: `1000,400`; or ""."""
    found = _bytes(frame, "CONTENT_LIGHT_LEVEL")
    most, average = np.frombuffer(found[:8], np.uint32) if len(found) >= 8 else (0, 0)
    return f"{most},{average}" if most or average else ""


def by_frame(frame: VideoFrame) -> frozenset[str]:
    """What belongs to this frame and cannot be written: closed captions, HDR10+, Dolby Vision."""
    kinds = {data.type.name for data in sidedata.of(frame)}
    return frozenset(_BY_FRAME[kind] for kind in kinds & _BY_FRAME.keys())


def is_transparent(frame: VideoFrame) -> bool:
    """Whether something of this frame can be seen through."""
    name = frame.format.name
    if not name.startswith(_WITH_ALPHA):  # at once: this is asked of every frame
        return False
    bits = max(component.bits for component in frame.format.components)
    dtype = "u1" if bits == 8 else ">u2" if name.endswith("be") else "<u2"
    if name.startswith(("yuva", "gbrap")) and bits <= 16:
        alpha_HW = _rows(frame, frame.planes[-1], dtype)
    elif name.startswith(("rgba", "bgra")) and bits <= 16:
        alpha_HW = _rows(frame, frame.planes[0], dtype, 4)[:, 3::4]
    elif name in ("argb", "abgr"):
        alpha_HW = _rows(frame, frame.planes[0], dtype, 4)[:, 0::4]
    else:
        return False
    # ProRes makes 12 bits of 8 or 16, so that opaque is not always the highest number
    return bool(alpha_HW.min() < 0.98 * (2**bits - 1))


def _rows(frame: VideoFrame, plane: Any, dtype: str, channels: int = 1) -> NDArray[Any]:
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : frame.width * channels]


def _bytes(frame: VideoFrame, kind: str) -> bytes:
    found = sidedata.of(frame).get(kind)
    return b"" if found is None else bytes(found)
