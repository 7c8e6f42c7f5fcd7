"""What a network is given: the clip cut to a multiple of the scale, and its low-resolution frames.

Axes: S frames, h w low and H W high resolution.
"""

from dataclasses import replace

import numpy as np

from stvsr_bench.data.degrade import lr_cached
from stvsr_bench.errors import ClipError
from stvsr_bench.schema import Clip, EvalProtocol, Frames


def mod_crop(clip: Clip, scale: int) -> Clip:
    """The clip cut at the right and bottom to a multiple of the scale, as every script of the field does first."""
    height, width = (size // scale * scale for size in clip.hr_SCHW.shape[-2:])
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
    # rounded to 8 bits, as the published generators write their LR files (imwrite of 8-bit PNG)
    return lr_cached(clip.hr_SCHW, protocol.degradation, protocol.scale)
