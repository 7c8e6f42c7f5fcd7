"""Between the stored planes of a video's frame and 8-bit RGB: one conversion for all that reads or writes video.

Axes: H W size, C channels. swscale (the part of ffmpeg that converts) does it with accurate rounding and full chroma
interpolation: its default makes most 4:2:0 and 4:2:2 video 0.8 to 1.9 levels too dark, by another amount on another
processor. What it does not convert well even so (10 bits and more in full range, deep RGB, grey) is computed here.
Standard: ITU-T H.273.
"""

from typing import Any, Final, Literal

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from stvsr_bench.data.frames import Bytes
from stvsr_bench.errors import DataError

VERSION: Final = 2  # of the pixels that come out; 1, until November 2026, was swscale's default

# SWS_BICUBIC, _FULL_CHR_H_INT, _FULL_CHR_H_INP, _ACCURATE_RND and _BITEXACT: numbers, because PyAV 17 has a name for
# the first alone. Bicubic chroma is 0.4 to 1.1 dB nearer to the RGB that was encoded than bilinear (three photographs)
FLAGS: Final = 0x4 | 0x2000 | 0x4000 | 0x40000 | 0x80000
HD_LINES, HD_COLUMNS = 720, 1280  # from either on a video that states no matrix is BT.709, as players take it

Matrix = Literal["bt601", "bt709", "bt2020", "fcc", "smpte240m"]
H273: Final[dict[Matrix, int]] = {"bt709": 1, "fcc": 4, "bt601": 6, "smpte240m": 7, "bt2020": 9}
# 5 is PAL's, 6 NTSC's: one matrix
_STATED: Final[dict[int, Matrix]] = {**{number: matrix for matrix, number in H273.items()}, 5: "bt601"}
_NOT_STATED: Final = (0, 2, 3)  # 0 is RGB, which says nothing of luma and chroma
_SWSCALE: Final[dict[Matrix, int]] = H273 | {"bt601": 5}
_RED_BLUE: Final[dict[Matrix, tuple[float, float]]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}
# what `stored` makes: bits, and how many pixels of a row and a column share a chroma
WRITTEN: Final = {
    "yuv420p": (8, 2, 2), "yuv422p": (8, 2, 1), "yuv444p": (8, 1, 1),
    "yuv420p10le": (10, 2, 2), "yuv422p10le": (10, 2, 1), "yuv444p10le": (10, 1, 1),
}  # fmt: skip
LIMITED, FULL = 1, 2  # ffmpeg's numbers of ranges; 0 is not stated, which is limited for luma and chroma, full for grey


class MatrixError(DataError):
    """A video's luma and chroma were made with a matrix that is not known here; the message names no file."""


def rgb(frame: VideoFrame) -> Bytes:
    """A decoded frame as 8-bit RGB (H, W, C), equal on every processor; transparency is left out.

    Raises:
        MatrixError: its matrix is none that is known here.
    """
    kind, bits = _kind(frame), depth(frame)
    deep = 8 < bits <= 16
    if kind == "grey" and bits <= 16 and (deep or frame.color_range == LIMITED):
        return _bytes(_of_grey(frame, bits))
    if kind == "rgb" and deep:
        return _bytes(_of_deep_rgb(frame, bits))
    if kind != "yuv":
        return _array(frame.reformat(format="rgb24", interpolation=FLAGS, threads=1))
    matrix = matrix_of(frame)
    if deep and frame.color_range == FULL:
        # swscale divides it by 2^(bits - 8), so that white is 255.75 and all is too bright
        return _bytes(_of_deep_yuv(frame, matrix, bits))
    return _array(frame.reformat(format="rgb24", src_colorspace=_SWSCALE[matrix], interpolation=FLAGS, threads=1))


def usual_rgb(frame: VideoFrame) -> Bytes:
    """A decoded frame as 8-bit RGB (H, W, C) as swscale makes it by default: fast, too dark, other on other processors.

    The one use of it is to know frames again that somebody took out of a video with ffmpeg.
    """
    return _array(frame.reformat(format="rgb24", threads=1))


def values(frame: VideoFrame) -> NDArray[np.float32]:
    """A decoded frame as RGB in [0, 1] (H, W, C) with all the bits that it has; of 8 bits, `rgb` divided by 255.

    Raises:
        MatrixError: its matrix is none that is known here.
    """
    kind, bits = _kind(frame), depth(frame)
    if not 8 < bits <= 16 or kind == "other":
        return rgb(frame).astype(np.float32) / np.float32(255)
    if kind == "yuv":
        found = _of_deep_yuv(frame, matrix_of(frame), bits)
    else:
        found = _of_grey(frame, bits) if kind == "grey" else _of_deep_rgb(frame, bits)
    return np.clip(found, 0, 1).astype(np.float32)


def matrix_of(frame: VideoFrame) -> Matrix:
    """The matrix that turns a frame's luma and chroma into RGB: as stated, else as players take it, by size.

    Raises:
        MatrixError: the stated one is none that is known here.
    """
    return stated(frame.colorspace) or usual(frame.width, frame.height)


def stated(number: int) -> Matrix | None:
    """The matrix of this number in H.273; None where the number says that it is not known.

    Raises:
        MatrixError: it is none that is known here.
    """
    if number in _NOT_STATED:
        return None
    if number not in _STATED:
        raise MatrixError(
            f"its colours use matrix {int(number)} of H.273, which cannot be converted to RGB here; "
            "convert it to BT.709 first (ffmpeg -vf scale=out_color_matrix=bt709)"
        )
    return _STATED[number]


def name_of(number: int) -> str:
    """The matrix of this number in H.273 in words, also of one that is not read here."""
    try:
        return stated(number) or "no matrix"
    except MatrixError:
        return f"matrix {number}"


def usual(width: int, height: int) -> Matrix:
    """The matrix of a video of this size that states none."""
    return "bt709" if height >= HD_LINES or width >= HD_COLUMNS else "bt601"


def assumed(frame: VideoFrame) -> Matrix | None:
    """The matrix that had to be assumed; None where the frame states it, or has no chroma."""
    return matrix_of(frame) if _kind(frame) == "yuv" and frame.colorspace in _NOT_STATED else None


def stored(frame_HWC: NDArray[np.float32], matrix: Matrix, value_range: int, pix_fmt: str) -> VideoFrame:
    """RGB in [0, 1] as planes of luma and chroma; chroma of 4:2:0 lies between its four pixels, of 4:2:2 its two.

    `value_range` is LIMITED or FULL, `pix_fmt` one of `WRITTEN`.
    """
    bits, wide, high = WRITTEN[pix_fmt]
    of_red, of_blue = (np.float32(part) for part in _RED_BLUE[matrix])
    red_HW, green_HW, blue_HW = cv2.split(np.ascontiguousarray(np.clip(frame_HWC, 0, 1), np.float32))
    luma_HW = of_red * red_HW + (1 - of_red - of_blue) * green_HW + of_blue * blue_HW
    size = (luma_HW.shape[1] // wide, luma_HW.shape[0] // high)
    chroma = [
        cv2.resize((colour_HW - luma_HW) / (2 - 2 * part), size, interpolation=cv2.INTER_AREA)
        for colour_HW, part in ((blue_HW, of_blue), (red_HW, of_red))
    ]
    more, most = 2 ** (bits - 8), 2**bits - 1
    limited = value_range != FULL
    frame = VideoFrame(luma_HW.shape[1], luma_HW.shape[0], pix_fmt)
    _fill(frame.planes[0], luma_HW * (219 * more if limited else most) + (16 * more if limited else 0), bits)
    for plane, values_hw in zip(frame.planes[1:], chroma, strict=True):
        _fill(plane, values_hw * (224 * more if limited else most) + 128 * more, bits)
    frame.colorspace, frame.color_range = H273[matrix], value_range
    return frame


def _fill(plane: Any, values_HW: NDArray[np.float32], bits: int) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    rows = np.zeros((plane.height, plane.line_size // np.dtype(dtype).itemsize), dtype)
    rows[:, : plane.width] = np.clip(np.rint(values_HW), 0, 2**bits - 1)
    plane.update(rows.tobytes().ljust(plane.buffer_size, b"\0"))


def _kind(frame: VideoFrame) -> Literal["yuv", "rgb", "grey", "other"]:
    form = frame.format
    if form.is_rgb:
        return "rgb"
    if form.has_palette or form.name.startswith(("mono", "xyz")):
        return "other"
    return "yuv" if len(form.components) >= 3 else "grey"


def depth(frame: VideoFrame) -> int:
    """Bits of a component, of the deepest."""
    return max(component.bits for component in frame.format.components)


def _of_deep_rgb(frame: VideoFrame, bits: int) -> NDArray[np.float64]:
    """RGB of 9 to 16 bits, which swscale only shifts: white would be reached early, all 0.4 levels too bright."""
    name = frame.format.name
    # planes stay with their alpha: from gbrap to gbrp swscale 9.5 leaves the last line of a slice as it finds it
    planar = f"gbrap{bits}le" if name.startswith(f"gbrap{bits}") else f"gbrp{bits}le"
    planes = frame.reformat(format=planar, interpolation=FLAGS, threads=1)
    return np.asarray(np.stack([_array(planes, plane) for plane in (2, 0, 1)], axis=2) / (2.0**bits - 1), np.float64)


def _of_grey(frame: VideoFrame, bits: int) -> NDArray[np.float64]:
    """Grey by its range, which swscale does not look at."""
    grey_HW = frame.reformat(format="gray" if bits == 8 else f"gray{bits}le", interpolation=FLAGS)
    luma_HW = _luma(_array(grey_HW), bits, limited=frame.color_range == LIMITED)
    return np.repeat(luma_HW[..., None], 3, axis=2)


def _of_deep_yuv(frame: VideoFrame, matrix: Matrix, bits: int) -> NDArray[np.float64]:
    """Luma and chroma of 9 to 16 bits."""
    limited = frame.color_range != FULL
    same = {"src_colorspace": _SWSCALE[matrix], "dst_colorspace": _SWSCALE[matrix]}
    same |= dict.fromkeys(("src_color_range", "dst_color_range"), LIMITED if limited else FULL)
    # chroma of every pixel, in the same depth and range: luma passes as it is
    whole = frame.reformat(format=f"yuv444p{bits}le", interpolation=FLAGS, threads=1, **same)
    y_HW, u_HW, v_HW = (_array(whole, plane) for plane in range(3))
    luma_HW = _luma(y_HW, bits, limited)
    span = 224 * 2.0 ** (bits - 8) if limited else 2.0**bits - 1
    blue_HW, red_HW = ((chroma - 2.0 ** (bits - 1)) / span for chroma in (u_HW, v_HW))
    of_red, of_blue = _RED_BLUE[matrix]
    red = luma_HW + 2 * (1 - of_red) * red_HW
    blue = luma_HW + 2 * (1 - of_blue) * blue_HW
    green = (luma_HW - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    return np.stack([red, green, blue], axis=2)


def _luma(stored_HW: NDArray[Any], bits: int, limited: bool) -> NDArray[np.float64]:
    """Stored luma as 0 (black) to 1 (white)."""
    black, white = (16.0 * 2 ** (bits - 8), 235.0 * 2 ** (bits - 8)) if limited else (0.0, 2.0**bits - 1)
    return np.asarray((stored_HW - black) / (white - black), np.float64)


def _bytes(picture: NDArray[np.float64]) -> Bytes:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _array(frame: VideoFrame, plane: int = 0) -> NDArray[Any]:
    """One plane, copied: (H, W), or (H, W, C) of a packed format; 16-bit integers where it has more than 8 bits."""
    rows = np.frombuffer(memoryview(frame.planes[plane]), np.uint16 if depth(frame) > 8 else np.uint8)
    packed = len(frame.planes) == 1
    channels = len(frame.format.components) if packed else 1
    picture = rows.reshape(frame.height, -1)[:, : frame.width * channels].copy()  # rows are padded
    return picture.reshape(frame.height, frame.width, channels) if channels > 1 else picture
