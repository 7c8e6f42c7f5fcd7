"""How video files may be read."""

from dataclasses import dataclass
from typing import Literal

Hdr = Literal["refuse", "as-is"]
Conversion = Literal["exact", "usual"]


@dataclass(frozen=True)
class Reading:
    """What may be done with a video that a plain reading would measure as something else than it shows.

    `track` counts the video tracks of a file from 1; cover pictures are none. `allow_vfr` measures uneven distances of
    frames as if they were even, `deinterlace` makes whole frames of fields (one a frame, bwdif), and `hdr` "as-is"
    takes the stored values of PQ and HLG as they are. `conversion` "usual" makes RGB as ffmpeg, PyAV and OpenCV do
    where nobody asks them for more; no option sets it, `score` finds out that results were made from such frames.
    """

    track: int = 1
    allow_vfr: bool = False
    deinterlace: bool = False
    hdr: Hdr = "refuse"
    conversion: Conversion = "exact"
