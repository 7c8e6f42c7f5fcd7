"""A protocol in words, made of its fields: what a reader must know to measure the same number again.

No protocol has a text of its own here, so that a new one, or a member of a family, is described as soon as it is named.
"""

from collections.abc import Mapping
from typing import Any

from stvsr_bench import protocols
from stvsr_bench.schema import EvalProtocol

_DEGRADATIONS = {
    "bicubic": "MATLAB's antialiased bicubic",
    "bd-2021": "a Gaussian blur (sigma 1.6, 12x12 taps) centred on each 4x4 block, one sample per block",
    "bd-stdan": "a Gaussian blur (sigma 1.6, 7x7 taps), samples 2, 6, 10, ...",
    "pil": "Pillow's antialiased bicubic",
    "cv2": "OpenCV's bicubic, not antialiased",
    "shipped": "the frames that the data set contains",
}
_FRAMES = {
    "all": "every frame that a window returns",
    "given": "input frames only",
    "between": "interpolated frames only",
    "centre": "the first and the middle frame of each window",
    "all-but-last": "every frame of a window but its last, which is the first of the next window",
}
_AVERAGES = {
    "clips": "over the frames of a clip, then over clips",
    "folders": "over the frames of a clip, over the clips of a top-level folder, then over folders",
    "windows": "over frames, then over windows (a clip counts as often as it has windows)",
}


def words(of: EvalProtocol) -> dict[str, str]:
    """What a protocol does, by subject, in the order of the work; each text is a part of a sentence."""
    return {
        "task": _task(of),
        "windows": _windows(of),
        "tail": _tail(of),
        "low resolution": _low_resolution(of),
        "padding": f"{of.pad} to a multiple of {of.pad_multiple}" if of.pad_multiple else "as each method's card says",
        "frames scored": _FRAMES[of.frames] + _overlap(of),
        "rounding": _rounding(of),
        "colour": _colour(of),
        "infinite PSNR": "kept in the mean" if of.inf_policy == "keep" else "left out of the mean and counted",
        "mean": _AVERAGES[of.average],
        "clip lists": f"those called '{of.lists}' where authors have different lists",
    }


def sentence(of: Mapping[str, str]) -> str:
    """All of it in one line: `Task: x4 in space, x2 in time. Windows: ...`."""
    return " ".join(f"{subject[0].upper()}{subject[1:]}: {text}." for subject, text in of.items())


def of_key(name: str, key: str, stated: Mapping[str, Any]) -> dict[str, str]:
    """The words of the protocol with this name and key; empty where nobody knows its fields.

    `stated` are fields as a run's manifest has them: they count where this version's protocol of that name is another.
    """
    known = protocols.known(name)
    if known is not None and known.key == key:
        return words(known)
    try:
        fields = {field: value for field, value in stated.items() if field != "key"}
        made = EvalProtocol(**{**fields, "hr_crop": _pair(fields.get("hr_crop"))})
    except (TypeError, ValueError):  # of another version of the suite, or edited
        return {}
    return words(made) if made.key == key else {}


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _task(of: EvalProtocol) -> str:
    space = "frames keep their size" if of.scale == 1 else f"x{of.scale} in space"
    return f"{space}, {f'x{of.time_scale} in time' if of.time_scale > 1 else 'no frames between'}"


def _windows(of: EvalProtocol) -> str:
    given = "all given" if of.time_scale == 1 else f"every {_ordinal(of.time_scale)} frame given"
    if not of.window:
        return f"the whole clip at once, {given}"
    count = "" if of.time_scale == 1 else f" ({of.given} per window)"
    return f"{of.window} frames, a new window every {of.window - 1}, {given}{count}"


def _ordinal(number: int) -> str:
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"


def _tail(of: EvalProtocol) -> str:
    if not of.window:
        return "none" if of.time_scale == 1 else "frames after the last input frame are not scored"
    last = f"one more window over the last {of.window} frames"
    return {
        "drop": "frames after the last whole window are not scored",
        "always": f"{last}, always, even if held-out frames become inputs",
        "long": f"{last} in clips longer than {of.window}, even if held-out frames become inputs",
        "clean": "where frames are left, one more window that ends at the last input frame; held-out frames are never "
        "inputs",
    }[of.tail]


def _overlap(of: EvalProtocol) -> str:
    return "" if not of.window else f"; a frame of two windows counts once, from the {_which(of)} of them"


def _which(of: EvalProtocol) -> str:
    return "later" if of.overlap == "last" else "earlier"


def _low_resolution(of: EvalProtocol) -> str:
    if of.scale == 1:
        return "none, input frames have full size"
    bits = "rounded to 8 bits" if of.lr_8bit else "not rounded"
    cut = f"; the truth is cut to at most {of.hr_crop[0]}x{of.hr_crop[1]} (height x width)" if of.hr_crop else ""
    flips = "; each clip is restored in flipped copies too, and their results are averaged" if of.flip_test else ""
    return f"{_DEGRADATIONS[of.degradation]}, {bits}{cut}{flips}"


def _rounding(of: EvalProtocol) -> str:
    if of.round_8bit:
        return "restored frames are clipped to [0, 1] and rounded to 8 bits before they are scored"
    return f"restored frames are {'clipped to [0, 1]' if of.clip else 'not clipped'} and not rounded"


def _colour(of: EvalProtocol) -> str:
    main = "Y of BT.601 in [16, 235] (MATLAB's rgb2ycbcr)" if of.channel == "y" else "the three channels of RGB"
    border = f"a border of {of.crop} pixels is cut off" if of.crop else "no border is cut off"
    return f"the paper's metric is on {main}; metrics that name another channel are on that one; {border}"
