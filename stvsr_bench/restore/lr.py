"""What a network is given: the clip cut to a multiple of the scale, and its low-resolution frames.

Axes: S frames, h w low and H W high resolution.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from stvsr_bench.data.degrade import lr_cached, lr_unrounded
from stvsr_bench.errors import ClipError
from stvsr_bench.schema import Clip, EvalProtocol, Frames


def mod_crop(clip: Clip, scale: Fraction, largest: tuple[int, int] | None = None) -> Clip:
    """The clip cut at the right and bottom to a multiple of the scale, as every script of the field does first.

    At a scale of p/q sides become multiples of p, so that those of the low-resolution frames are whole. `largest` is
    the (height, width) that a protocol uses of larger frames.
    """
    most = largest or clip.hr_SCHW.shape[-2:]
    sides = (min(size, limit) for size, limit in zip(clip.hr_SCHW.shape[-2:], most, strict=True))
    height, width = (size // scale.numerator * scale.numerator for size in sides)
    if clip.hr_SCHW.shape[-2:] == (height, width):
        return clip
    flow_FHW2 = None if clip.flow_FHW2 is None else clip.flow_FHW2[:, :height, :width]
    return replace(clip, hr_SCHW=np.ascontiguousarray(clip.hr_SCHW[..., :height, :width]), flow_FHW2=flow_FHW2)


def low_resolution(clip: Clip, protocol: EvalProtocol) -> Frames:
    """lr_SChw of every frame of a clip: shipped with the data set, or made and cached by content.

    Raises:
        ClipError: the protocol wants shipped frames and the clip has none.
    """
    if protocol.degradation == "shipped":
        if clip.lr_SChw is None:
            raise ClipError(f"{clip.name}: the protocol wants shipped low-resolution frames, the data set has none")
        return clip.lr_SChw
    if not protocol.lr_8bit:
        return lr_unrounded(clip.hr_SCHW, protocol.degradation, protocol.ratio)
    # rounded to 8 bits, as the published generators write their LR files (imwrite of 8-bit PNG)
    return lr_cached(clip.hr_SCHW, protocol.degradation, protocol.ratio)
