"""Results made from frames that ffmpeg took out of the true video: compared with the truth in that same RGB.

ffmpeg, PyAV and OpenCV convert video to RGB fast and inexactly by default: about a level too dark, with errors of its
own in every pixel (docs/measured.md). Compared with the exact conversion, frames copied out of the video are no longer
equal to it, and results made from them lose up to tenths of a decibel. Which conversion it was shows where the results
contain input frames as they were given: these are equal to the byte then, which no restored frame ever is.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stvsr_bench.data.frames import from_bytes
from stvsr_bench.data.windows import Windows
from stvsr_bench.datasets import Clips
from stvsr_bench.errors import BenchError
from stvsr_bench.schema import Clip, Frames

FLAG = "truth-as-ffmpeg"
_NEAR = 12 / 255  # the conversions differ by less on average, whatever the video


def as_given(clips: Clips, clip: Clip, sr_SCHW: Frames, windows: Windows, cut: Callable[[Clip], Clip]) -> Clip:
    """The truth as ffmpeg's default converts it, flagged, if the input frames among results are equal to that.

    Otherwise the clip as it is. `sr_SCHW` are the frames of `windows`; `cut` cuts a clip as the truth was cut.
    """
    find = getattr(clips.reader, "find", None)
    true = np.array([index for index in windows.frames if index in windows.given], int)
    made = np.flatnonzero(windows.is_given)
    if find is None or not len(true) or sr_SCHW.shape[1:] != clip.hr_SCHW.shape[1:]:
        return clip
    away = max(float(np.abs(clip.hr_SCHW[t] - sr_SCHW[m]).mean()) for t, m in zip(true, made, strict=True))
    if away == 0 or away > _NEAR:
        return clip
    try:
        stretch = find(clips.split, clip.name).stretch
        if stretch is None:
            return clip
        usual = replace(stretch, reading=replace(stretch.reading, conversion="usual"))
        first = stretch.start + int(true[0])
        # one frame settles it for nearly all results; only of those left is the video decoded once more
        (one_CHW,) = cut(replace(clip, hr_SCHW=from_bytes(replace(usual, start=first, stop=first + 1).read()))).hr_SCHW
        if not np.array_equal(one_CHW, sr_SCHW[made[0]]):
            return clip
        other = cut(replace(clip, hr_SCHW=from_bytes(usual.read()), flags=(*clip.flags, FLAG)))
    except BenchError:  # the clip itself was read: what this would say of it is said elsewhere
        return clip
    return other if np.array_equal(other.hr_SCHW[true], sr_SCHW[made]) else clip
