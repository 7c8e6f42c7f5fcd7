"""What is wrong with a clip as it lies on disk: order, repeats, black frames, cuts, sizes, shipped low resolution.

An `error` is something that makes every number of that clip wrong; a `warning` something that may be meant but should
be known. Frames are compared as small grey pictures, mean absolute difference in 8-bit levels.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data import order
from stvsr_bench.data.degrade import identify_degradation
from stvsr_bench.data.frames import to_bytes
from stvsr_bench.data.motion import luma
from stvsr_bench.errors import UsageError, counted
from stvsr_bench.schema import Clip, Contents

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)

REPEAT_LEVELS = 0.3  # a repeated frame of a compressed video differs by less, a moving one by more
STILL_LEVELS = 0.3
CUT_LEVELS, CUT_TIMES = 20.0, 3.0  # a step this large, and this many times the clip's median step


# flags of a clip that was read from a video, and what they mean
READ_AS = {
    "matrix-assumed": "does not state the matrix of its colours; read as {}, by size",
    "bits": "has {} bits; rounded to 8",
    "cropped": "has a border that its header says is not to be seen; it is cut off",
    "sar": "has pixels that are not square ({}); they are measured as they are stored",
    "hdr": "is HDR ({}); its stored values are measured as they are",
    "deinterlaced": "is interlaced; fields were made whole frames",
    "vfr": "has a variable frame rate; its frames are measured as if they were even",
    "lossy-truth": "was coded with loss ({}): scores compare with lossy frames",
    "track": "has several tracks; this is number {}",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was found: how bad, in which clip, what."""

    level: Level
    clip: str
    what: str


def check_clip(clip: Clip, wanted: Contents | None = None) -> list[Finding]:
    """What is wrong with one clip; nothing for a good one."""
    hr_SHWC = to_bytes(clip.hr_SCHW)
    grey_SHW = luma(clip.hr_SCHW)
    says = [*_shape(clip, wanted), *_black(hr_SHWC)]
    if len(grey_SHW) > 1:
        small_SHW = order.small(grey_SHW)
        away_SS = order.distances(small_SHW)
        repeats = list(_repeats(hr_SHWC, away_SS))
        says += [*repeats, *_cuts(away_SS)]
        if not repeats:
            says += _order(small_SHW, away_SS)
    says += [*_shipped(clip), *_of_video(clip)]
    return [Finding(level, clip.name, what) for level, what in says]


def check_names(names: Iterable[str], split: str, wanted: Contents | None) -> list[Finding]:
    """Whether a split has as many clips as a complete copy."""
    count = len(list(names))
    if wanted is None or not wanted.clips or count in wanted.clips:
        return []
    known = " or ".join(str(number) for number in wanted.clips)
    return [Finding("error", "", f"{split} has {counted(count, 'clip')}, a complete copy has {known}")]


def grouped(findings: Iterable[Finding]) -> list[tuple[Level, str, list[str]]]:
    """Equal findings of several clips once, with the clips: the errors first, then warnings, then notes."""
    clips_of: dict[tuple[Level, str], list[str]] = defaultdict(list)
    for finding in findings:
        clips_of[finding.level, finding.what].append(finding.clip)
    return [(level, what, clips) for each in LEVELS for (level, what), clips in clips_of.items() if level == each]


def _shape(clip: Clip, wanted: Contents | None) -> Iterator[tuple[Level, str]]:
    count, _, height, width = clip.hr_SCHW.shape
    if wanted is not None:
        frames = wanted.frames.get(clip.name, wanted.frames_each)
        if frames and count != frames:
            yield "error", f"has {counted(count, 'frame')}, a complete copy has {frames}"
        size = wanted.sizes.get(clip.name, wanted.size)
        if size is not None and (width, height) != size:
            yield "error", f"is {width}x{height}, a complete copy is {size[0]}x{size[1]}"
    if count < 3:
        yield "error", f"has {counted(count, 'frame')}; 3 are the least that something can be interpolated in"
    if width % 4 or height % 4:
        yield "note", f"is {width}x{height}: cut to a multiple of 4 before it is made smaller"


def _black(hr_SHWC: NDArray[np.uint8]) -> Iterator[tuple[Level, str]]:
    black = [i for i, frame in enumerate(hr_SHWC) if not frame.any()]
    flat = [i for i, frame in enumerate(hr_SHWC) if i not in black and (frame == frame[0, 0]).all()]
    if len(black) == len(hr_SHWC):
        yield "error", "is totally black: an exact result has an infinite PSNR"
    elif black:
        yield "warning", f"has totally black frames ({_listed(black)}): an exact result has an infinite PSNR"
    if flat:
        yield "warning", f"has frames of one colour ({_listed(flat)})"


def _repeats(hr_SHWC: NDArray[np.uint8], away_SS: NDArray[np.float64]) -> Iterator[tuple[Level, str]]:
    """Frames that equal the one before, or nearly so while the clip moves."""
    steps = order.steps(away_SS)
    if steps.max() < STILL_LEVELS:
        yield "note", "hardly moves"
    moving = float(np.median(steps)) > 2 * REPEAT_LEVELS
    for i, step in enumerate(steps, start=1):
        # black frames are named by `_black`; a still scene may repeat a frame by right
        if step == 0 and np.array_equal(hr_SHWC[i], hr_SHWC[i - 1]) and hr_SHWC[i].any():
            yield "error" if moving else "warning", f"frame {i} repeats frame {i - 1} to the byte"
        elif step < REPEAT_LEVELS and moving:
            yield "warning", f"frame {i} nearly repeats frame {i - 1} ({step:.2f} levels)"
    for i, j in zip(*np.nonzero(away_SS == 0), strict=True):
        if j > i + 1 and np.array_equal(hr_SHWC[i], hr_SHWC[j]) and hr_SHWC[i].any() and moving:
            yield "error", f"frame {j} repeats frame {i} to the byte"


def _cuts(away_SS: NDArray[np.float64]) -> Iterator[tuple[Level, str]]:
    steps = order.steps(away_SS)
    usual = float(np.median(steps))
    for i, step in enumerate(steps, start=1):
        if step > CUT_LEVELS and step > CUT_TIMES * usual:
            yield "warning", f"a cut before frame {i} ({step:.0f} levels, the usual step is {usual:.0f})"


def _order(small_SHW: NDArray[np.uint8], away_SS: NDArray[np.float64]) -> Iterator[tuple[Level, str]]:
    """Two frames that seem to be exchanged: an error where two statistics agree, else a warning."""
    if len(away_SS) < 4 or np.median(order.steps(away_SS)) < STILL_LEVELS:
        return
    verdict = order.judge(small_SHW, away_SS)
    if not verdict.known:
        yield "note", "changes so much from frame to frame that their order cannot be judged"
    elif verdict.exchanged is not None:
        what = "frames {} and {} seem to be exchanged".format(*verdict.exchanged)
        yield ("error", what) if verdict.certain else ("warning", f"{what}; a camera that shakes looks so too")


def _shipped(clip: Clip) -> Iterator[tuple[Level, str]]:
    if clip.lr_SChw is None:
        return
    try:
        guess = identify_degradation(clip.lr_SChw, clip.hr_SCHW)
    except UsageError as error:
        yield "error", f"its low-resolution frames do not fit: {error}"
        return
    if guess.name == "bicubic":
        yield "note", "its low-resolution frames are MATLAB bicubic"
    else:
        nearest = max(guess.psnr_db, key=lambda name: guess.psnr_db[name])
        yield (
            "error" if guess.name == "unknown" else "warning",
            f"its low-resolution frames are not MATLAB bicubic but look like {guess.name} ({guess.description}; "
            f"nearest: {nearest}, {guess.psnr_db[nearest]:.1f} dB)",
        )


def _of_video(clip: Clip) -> Iterator[tuple[Level, str]]:
    """How its video is read, where that is not plainly as it is stored."""
    for flag in clip.flags:
        kind, _, value = flag.partition(":")
        if kind in READ_AS:
            yield "note", f"its video {READ_AS[kind].format(value)}"
        elif kind.startswith(("turned", "mirrored")):
            yield "note", f"its video is stored on its side or mirrored, and read as its header says ({kind})"


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8])
    return shown + (", ..." if len(numbers) > 8 else "")
