"""Frames turned and mirrored as a video's header says: phones store them as the sensor lies, players turn them.

Axes: H W size, C channels.
"""

from typing import Any, Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from stvsr_bench.data import sidedata
from stvsr_bench.errors import DataError

# which way the first row and the first column of a stored frame point: a, b, c, d of ffmpeg's display matrix, of which
# a column x and a row y become a x + c y and b x + d y
Turn = tuple[int, int, int, int]
UPRIGHT: Final[Turn] = (1, 0, 0, 1)
_ONE = 1 << 16  # the matrix is in fixed point
_NAMES: Final[dict[Turn, str]] = {
    (1, 0, 0, 1): "",
    (0, -1, 1, 0): "turned-90-left",
    (-1, 0, 0, -1): "turned-180",
    (0, 1, -1, 0): "turned-90-right",
    (-1, 0, 0, 1): "mirrored",
    (1, 0, 0, -1): "mirrored-turned-180",
    (0, 1, 1, 0): "mirrored-turned-90-left",
    (0, -1, -1, 0): "mirrored-turned-90-right",
}


def turn_of(frame: VideoFrame) -> Turn:
    """How a decoded frame must be turned to be upright.

    Raises:
        DataError: by an angle that is no quarter of a turn; the message names no file.
    """
    matrix = sidedata.of(frame).get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    # a b u / c d v / x y w
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5] / _ONE
    turn = tuple(int(np.sign(round(value, 2))) for value in (a, b, c, d))
    if turn not in _NAMES:
        if not any(turn):  # some writers leave the matrix empty
            return UPRIGHT
        raise DataError(
            f"its header turns the picture by another angle than 90, 180 or 270 degrees (matrix {a:g} {b:g} {c:g} "
            f"{d:g}); write a turned copy first (ffmpeg does so by itself)"
        )
    return turn


def name(turn: Turn) -> str:
    """`turned-90-right` and so on, what was done to a frame; "" where nothing was."""
    return _NAMES[turn]


def swaps(turn: Turn) -> bool:
    """Whether width and height change places."""
    return turn[0] == 0


def upright(frame_HWC: NDArray[Any], turn: Turn) -> NDArray[Any]:
    """The frame as it is to be seen; the same array where nothing is to be done."""
    if turn == UPRIGHT:
        return frame_HWC
    a, b, c, d = turn
    if swaps(turn):
        frame_HWC = frame_HWC.transpose(1, 0, 2)
        a, d = c, b  # of the new columns (old rows) and the new rows (old columns)
    return np.ascontiguousarray(frame_HWC[:: d or 1, :: a or 1])
