"""Whether frames are in the truth's order: none moved, exchanged or doubled, and red and blue in their places.

What each frame shows is compared in `picture.py`.

All is judged by the change of the truth from frame to frame, never by how well a frame is restored: a still clip, or
one whose first frame is worse than the others, says nothing about its order. Axes: S frames, C channels, H W size.

Measured on 45 clips (`mini`, `openclips`) restored by blend+bicubic, dis+bicubic, rife+bicubic and stdan@mini: frames
in their places fit every shift of 1 to 4 worse by at least 0.44 dB, and their `step` is at least 0.09 between
neighbours; a copy of a frame has a step of 0 +- 0.006, frames that are exchanged a negative one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data.motion import luma
from stvsr_bench.errors import ClipError, counted
from stvsr_bench.runner.external import picture
from stvsr_bench.schema import Frames

REACH = 6  # frames further apart are not compared
SHIFTS = (-4, -3, -2, -1, 1, 2, 3, 4)
LEAST = 3  # two frames say nothing about an order
GAIN_DB = 0.3
AGREE = 0.75  # of the frames that had an input
MOTION = 0.25  # mean squared change of the truth, in levels squared: half a level, below which nothing is judged
CERTAIN = 4.0  # so much motion, and frames that are equal in every pixel are copies whatever else they look like
# of `step`; COPIED is divided by the time scale, as blended neighbours are more alike
EXCHANGED, EXCHANGED_BETWEEN, COPIED = -0.1, -0.3, 0.06
LIKE_GIVEN, LIKE_BETWEEN = 0.5, 0.6
# of `_along`; no right pair of 1,680 clips at time scale 8 (noise, flicker, blur, H.264) is so (docs/measured.md)
AGAINST, AGAINST_END = -0.35, -0.5
USUAL_TIMES = 2.0
CUT, CUT_TIMES = 400.0, 9.0  # a change so large, and so many times the median one, is a cut
RED, BLUE = 0, 2
COLOURS, TURNED = 1.0, -0.3  # mean squared red minus blue, in levels squared, and how much of it must be turned round


@dataclass(frozen=True)
class Facts:
    """What is known of the frames of a clip besides their pixels, in order: their names, and which had an input."""

    clip: str
    names: tuple[str, ...]
    given: Sequence[bool]
    time_scale: int

    def tells(self, k: int) -> bool:
        """Whether frame k can be expected to look more like its own true frame than like a neighbour.

        In a gap of seven interpolated frames, a right one may look like any of them.
        """
        return self.given[k] or self.time_scale == 2


@dataclass(frozen=True)
class _Fit:
    """Mean squared errors of luma, (S, S), infinite beyond REACH.

    `error[i, j]` of frame i against true frame j, `moved` of two true frames, `same` of two frames.
    """

    error: NDArray[np.float64]
    moved: NDArray[np.float64]
    same: NDArray[np.float64]

    def step(self, i: int, j: int) -> float:
        """How far the frames move from i to j along the way of the truth: 1 as far, 0 not at all, -1 back."""
        gained = self.error[i, j] + self.error[j, i] - self.error[i, i] - self.error[j, j]
        return float(gained / (2 * self.moved[i, j]))

    def turns_back(self, i: int) -> bool:
        """Whether frames i and i + 1 go against the way of the frames around them, and the true ones do not.

        Frames of any method lie on a way from one input frame to the next, however badly they fit the truth.
        """
        if self.moved[i, i + 1] < CERTAIN or self.step(i, i + 1) >= 0:
            return False
        own = _along(self.same, i)
        if i == 0 or i + 2 == len(self.same):  # one neighbour instead of two
            return own < AGAINST_END
        return own < AGAINST and _along(self.moved, i) > 0

    def likeness(self, i: int, j: int) -> float:
        """Where frame i lies on the way from true frame i (0) to true frame j (1)."""
        return float((self.error[i, i] - self.error[i, j] + self.moved[i, j]) / (2 * self.moved[i, j]))


def _along(table: NDArray[np.float64], i: int) -> float:
    """Cosine of the step from frame i to the next with that from the one before to the one after both; 0 of a copy.

    `table` has squared distances. Where a clip begins or ends, the step beside it is taken.
    """
    j = i + 1
    first, last = (i - 1 if i else j), (j + 1 if j + 1 < len(table) else i)
    length = float(np.sqrt(table[i, j] * table[first, last]))
    along = table[j, first] + table[i, last] - table[j, last] - table[i, first]
    return float(along) / (2 * length) if length else 0.0


def check(sr_SCHW: Frames, hr_SCHW: Frames, facts: Facts) -> list[str]:
    """Flags for what should be known: `given-copied:4` (equal to the truth), `held:3` (interpolated frames are copies).

    And those of `picture.py`.

    Raises:
        ClipError: red and blue are exchanged; frames are turned or of other levels, moved in time, exchanged, doubled.
    """
    _check_colours(sr_SCHW, hr_SCHW, facts)
    sr_SHW, hr_SHW = luma(sr_SCHW), luma(hr_SCHW)
    seen = picture.check(sr_SHW, hr_SHW, facts.given, facts.clip)
    fit = _fit(sr_SHW, hr_SHW)
    _check_reversed(sr_SHW, hr_SHW, fit, facts)
    _check_shift(fit, facts)
    _check_exchanged(fit, facts)
    held = _check_doubled(fit, facts)
    pairs = zip(sr_SCHW, hr_SCHW, facts.given, strict=True)
    copied = sum(given and np.array_equal(sr_CHW, hr_CHW) for sr_CHW, hr_CHW, given in pairs)
    return [f"{kind}:{count}" for kind, count in (("given-copied", copied), ("held", held)) if count] + seen


def _fit(sr_SHW: NDArray[np.uint8], hr_SHW: NDArray[np.uint8]) -> _Fit:
    count, pixels = len(sr_SHW), sr_SHW[0].size
    fit = _Fit(*(np.full((count, count), np.inf) for _ in range(3)))
    for table, first, second in ((fit.error, sr_SHW, hr_SHW), (fit.moved, hr_SHW, hr_SHW), (fit.same, sr_SHW, sr_SHW)):
        for i in range(count):
            for j in range(max(0, i - REACH), min(count, i + REACH + 1)):
                # exact: whole numbers
                table[i, j] = cv2.norm(first[i], second[j], cv2.NORM_L2SQR) / pixels
    return fit


def _check_colours(sr_SCHW: Frames, hr_SCHW: Frames, facts: Facts) -> None:
    along = colour = here = turned = 0.0
    for sr_CHW, hr_CHW in zip(sr_SCHW, hr_SCHW, strict=True):
        hue_HW = hr_CHW[RED] - hr_CHW[BLUE]
        along += float(np.vdot(sr_CHW[RED] - sr_CHW[BLUE], hue_HW))
        colour += float(np.vdot(hue_HW, hue_HW))
        here += float(np.square(sr_CHW - hr_CHW).sum(dtype=np.float64))
        turned += float(np.square(sr_CHW[::-1] - hr_CHW).sum(dtype=np.float64))
    if colour * 255**2 > COLOURS * hr_SCHW[:, 0].size and along < TURNED * colour:
        raise ClipError(
            f"{facts.clip}: the frames fit the truth better with red and blue exchanged ({_db(here, turned):.1f} dB); "
            "write them as RGB. cv2.imwrite takes BGR: cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) first"
        )


def _check_reversed(sr_SHW: NDArray[np.uint8], hr_SHW: NDArray[np.uint8], fit: _Fit, facts: Facts) -> None:
    """The last frame first: every input frame fits the other end of the truth better, where that differs."""
    count = len(sr_SHW)
    back = [cv2.norm(sr_SHW[count - 1 - i], hr_SHW[i], cv2.NORM_L2SQR) / sr_SHW[0].size for i in range(count)]
    apart = [cv2.norm(hr_SHW[count - 1 - i], hr_SHW[i], cv2.NORM_L2SQR) / sr_SHW[0].size for i in range(count)]
    told = [i for i in range(count) if facts.given[count - 1 - i] and apart[i] >= MOTION]
    gain = _db(float(np.trace(fit.error)), sum(back))
    if count >= LEAST and len(told) > 1 and gain > GAIN_DB and all(back[i] < fit.error[i, i] for i in told):
        raise ClipError(
            f"{facts.clip}: the frames fit the truth better in reverse order ({gain:.1f} dB); {facts.names[0]} looks "
            "like the last true frame; write the frames in order of time"
        )


def _check_shift(fit: _Fit, facts: Facts) -> None:
    """Frames that are moved, all of them or from one on: there one was left out, or is there twice."""
    found = [
        (float(sum(fit.error[i, i] - fit.error[i, i + shift] for i in _overlap(fit, start, shift))), -start, shift)
        for shift in SHIFTS
        for start in range(len(fit.error) - LEAST + 1)
        if _gain(fit, facts, start, shift) > GAIN_DB
    ]
    if not found:
        return
    _, start, shift = max(found)
    gain, first = _gain(fit, facts, -start, shift), _overlap(fit, -start, shift)[0]
    moved = f"fit the truth better when moved by {shift} ({gain:.1f} dB)"
    if start:
        raise ClipError(
            f"{facts.clip}: from {facts.names[first]} on the frames {moved}; "
            f"is a frame {'missing' if shift > 0 else 'doubled'} before it?"
        )
    raise ClipError(
        f"{facts.clip}: the frames {moved}: {facts.names[first]} looks like true frame {first + shift}, counted from "
        f"0, and not like {first}; are they numbered from another start, or is one missing or doubled?"
    )


def _check_exchanged(fit: _Fit, facts: Facts) -> None:
    found = []
    for i, j in _pairs(fit):
        gain = _db(fit.error[i, i] + fit.error[j, j], fit.error[i, j] + fit.error[j, i])
        if fit.step(i, j) < EXCHANGED and gain > GAIN_DB and _tell(fit, facts, i, j):
            found.append((-fit.step(i, j) * fit.moved[i, j], gain, i, j))
    # what is exchanged moves its neighbours too: (2, 4) also looks like (2, 3) and (3, 4)
    chosen: list[tuple[float, int, int]] = []
    for _, gain, i, j in sorted(found, reverse=True):
        if not {i, j} & {k for _, *pair in chosen for k in pair}:
            chosen.append((gain, i, j))
    if not chosen and facts.time_scale > 2:
        _check_turned(fit, facts)
    if chosen:
        gain, i, j = chosen[0]
        more = f", and {counted(len(chosen) - 1, 'more pair')}" if len(chosen) > 1 else ""
        raise ClipError(
            f"{facts.clip}: {facts.names[i]} and {facts.names[j]} fit the truth better exchanged ({gain:.1f} dB){more};"
            " write the frames in order of time"
        )


def _check_turned(fit: _Fit, facts: Facts) -> None:
    """Neighbours in a gap of many frames, of which each fits the truth of the others nearly as well as its own."""
    turned = [i for i in range(len(fit.error) - 1) if fit.turns_back(i)] if len(fit.error) >= LEAST else []
    # a method whose frames alternate, sharp and blurred, seems to turn back everywhere; two exchanged frames do so once
    alone = [i for i in turned if not {i - 1, i + 1} & set(turned)]
    if alone:
        i, more = alone[0], f", and {counted(len(alone) - 1, 'more pair')}" if len(alone) > 1 else ""
        raise ClipError(
            f"{facts.clip}: {facts.names[i]} and {facts.names[i + 1]} seem to be exchanged{more}: between them the "
            "motion turns back, and in the truth it does not; write the frames in order of time"
        )


def _tell(fit: _Fit, facts: Facts, i: int, j: int) -> bool:
    """Whether a frame of a pair is found in the other's place, as good as frames of its kind usually are.

    A frame that was interpolated badly may look a little like any other by chance: two of them must be neighbours.
    """
    between = not (facts.given[i] or facts.given[j])
    if between and not (facts.tells(i) and j - i == facts.time_scale and fit.step(i, j) < EXCHANGED_BETWEEN):
        return False
    usual = np.median([fit.error[k, k] for k, given in enumerate(facts.given) if given is not between])
    exchanged = sorted((fit.error[i, j], fit.error[j, i]))
    return bool(exchanged[1 if between else 0] < USUAL_TIMES * usual)


def _check_doubled(fit: _Fit, facts: Facts) -> int:
    """The number of interpolated frames that are copies by the method's own rule; a single doubled frame is refused.

    A method may repeat input frames in every gap, or, as `infer` does, across a cut.
    """
    held: set[int] = set()
    faults = []
    for i, j in _pairs(fit):
        if not _is_copy(fit, facts, i, j):
            continue
        between = {k for k in (i, j) if not facts.given[k]}
        if between and not any(facts.given[i + 1 : j]):
            held |= between
        if not (between and _is_cut(fit, facts, i, j)):
            faults.append((i, j))
    moving = {k for k in range(len(fit.error)) if not facts.given[k] and _moves(fit, k)}
    if faults and not (moving <= held and len(moving) > 1 and all({i, j} & held for i, j in faults)):
        i, j = faults[0]
        raise ClipError(
            f"{facts.clip}: {facts.names[i]} and {facts.names[j]} show the same, and the truth moves between them; "
            "is one doubled?"
        )
    return len(held)


def _is_copy(fit: _Fit, facts: Facts, i: int, j: int) -> bool:
    if fit.same[i, j] == 0 and fit.moved[i, j] >= CERTAIN:
        return True
    if j > i + 1 or abs(fit.step(i, j)) > COPIED / facts.time_scale:
        return False
    return any(
        facts.tells(k)
        and fit.likeness(k, other) > (LIKE_GIVEN if facts.given[k] else LIKE_BETWEEN)
        and _db(fit.error[k, k], fit.error[k, other]) > GAIN_DB
        for k, other in ((i, j), (j, i))
    )


def _is_cut(fit: _Fit, facts: Facts, i: int, j: int) -> bool:
    """Whether the truth cuts to another scene in the gap between input frames that i and j lie in."""
    first = max((k for k in range(i + 1) if facts.given[k]), default=0)
    last = min((k for k in range(j, len(facts.given)) if facts.given[k]), default=len(facts.given) - 1)
    steps = np.diagonal(fit.moved, 1)
    return bool((steps[first:last] > max(CUT, CUT_TIMES * float(np.median(steps)))).any())


def _moves(fit: _Fit, k: int) -> bool:
    return any(fit.moved[k, j] >= MOTION for j in (k - 1, k + 1) if 0 <= j < len(fit.moved))


def _pairs(fit: _Fit) -> list[tuple[int, int]]:
    """Pairs of frames, the near ones first, between which the truth moves."""
    every = combinations(range(len(fit.error)), 2)
    near = [(i, j) for i, j in every if j - i <= REACH and fit.moved[i, j] >= MOTION]
    return sorted(near, key=lambda pair: (pair[1] - pair[0], pair))


def _overlap(fit: _Fit, start: int, shift: int) -> list[int]:
    """The frames from `start` on that have a true frame `shift` further."""
    return [i for i in range(start, len(fit.error)) if 0 <= i + shift < len(fit.error)]


def _gain(fit: _Fit, facts: Facts, start: int, shift: int) -> float:
    """How much better the frames from `start` on fit the truth when moved, in dB; -inf where they do not.

    Against the same frames where they are, and against the same true frames where those are: a first frame that is
    worse than the others drops out of one of the two alone. Frames with an input must agree: an interpolated one may
    look like its neighbour by the method's own rule, and at a cut it outweighs all others.
    """
    mine = _overlap(fit, start, shift)
    given = [i for i in mine if facts.given[i] and fit.moved[i, i + shift] >= MOTION]
    agree = sum(fit.likeness(i, i + shift) > LIKE_GIVEN for i in given)
    if len(mine) < LEAST or not given or agree < AGREE * len(given):
        return -np.inf
    here = min(sum(fit.error[i, i] for i in mine), sum(fit.error[i + shift, i + shift] for i in mine))
    return _db(here, sum(fit.error[i, i + shift] for i in mine))


def _db(before: float, after: float) -> float:
    """How much smaller the second error is, in dB; at most 99."""
    return float(min(10 * np.log10(max(before, 1e-12) / max(after, 1e-12)), 99.0))
