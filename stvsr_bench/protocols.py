"""The named, versioned protocols: what each paper's own scripts do, to the frame, and `suite-1`, ours.

A protocol is a frozen value; its `key` stands in every row and rows of different keys are never averaged or ranked
together. What is known of each published procedure, with file and line, is in `docs/protocols.md`.

Every protocol is a family: `suite-1:scale=5/2:time_scale=4` is `suite-1` at another scale and time, a protocol of its
own with the name `suite-1-x5_2-t4`.
"""

import math
import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from stvsr_bench.errors import UnknownNameError, UsageError, counted
from stvsr_bench.schema import EvalProtocol, MethodCard, canonical, digest

DEFAULT = "suite-1"

_SUITE = EvalProtocol(
    name=DEFAULT,
    version=1,
    source="ours: every frame that lies between given frames is scored once, held-out frames are never an input, "
    "methods pad as their own papers do, infinite PSNR is left out of means and counted by name",
)
_ZSM = EvalProtocol(
    name="zsm-2020",
    version=1,
    tail="drop",  # its test for a rest never holds: 160 of Vid4's 171 frames are scored
    pad_multiple=4,
    inf_policy="keep",  # one infinite frame makes the mean of its split infinite, in the papers' scripts, too
    source="Zooming Slow-Mo test scripts: zero pad to x4, windows of 7 every 6 frames, tail frames never scored",
)
_VIDEOINR = EvalProtocol(
    name="videoinr-2022",
    version=2,  # 1 averaged clips, scored frame 8 as the end of the window before, clipped, and took MATLAB's bicubic
    time_scale=8,
    window=9,
    tail="drop",
    pad_multiple=4,
    overlap="last",  # a frame that two windows share is frame 0 of the later one
    round_8bit=False,
    clip=False,  # MoTIF and BF-STVSR clip inside, VideoINR does not
    degradation="pil",
    frames="all-but-last",
    inf_policy="keep",
    average="windows",
    source="test scripts of the continuous task (MoTIF, BF-STVSR): frames 0 and 8 of each window of 9 given, unrounded "
    "floats; Average of frames 0 to 7, mean over all windows. LR by Pillow, as BF-STVSR's released maker",
)
# the continuous tables' own points at x4; all others are "out of distribution" and are made by another loader
_VIDEOINR_TABLE = ((Fraction(4), 8), (Fraction(4), 2))
_BASICVSR = EvalProtocol(
    name="basicvsr-2021",
    version=1,
    time_scale=1,
    window=0,
    inf_policy="keep",
    source="BasicSR test options of BasicVSR: video super-resolution; the whole clip at once, all frames scored, mean "
    "of frames, then of clips; no crop, no padding. LR by MATLAB bicubic (BI)",
)
_CENTRE = ("Average of frames 0 to 7", "Center: only the middle frame of each window is scored")
_MATLAB = ("LR by Pillow, as BF-STVSR's released maker", "LR by MATLAB bicubic")
_MOST_TIME = 128
Task = tuple[int | str, int]  # scale as protocols hold it, time scale
USUAL: Task = (4, 2)  # the field's task for ten years: titles name all others


def _told(family: EvalProtocol, *other: tuple[str, str]) -> str:
    """What a relative of a protocol does, in words: what is said of the family with the parts that differ replaced."""
    text = family.source
    for old, new in other:
        assert old in text
        text = text.replace(old, new)
    return text


_ALL = (
    _SUITE,
    replace(
        _ZSM,
        name="stdan-2023",
        tail="always",
        pad_multiple=8,
        lists="stdan",  # nine clips more than Zooming Slow-Mo's, which hold black frames (datasets/vimeo90k/reader.py)
        source="STDAN test scripts: zero pad to x8, a last window over the final 7 frames always added, its own lists",
    ),
    _ZSM,
    replace(
        _ZSM,
        name="tmnet-2021",
        tail="long",
        source="TMNet evaluation_single_frame.py: as Zooming Slow-Mo, with a last window for clips longer than 7",
    ),
    replace(
        _ZSM,
        name="tmnet-2021-multi",
        time_scale=6,
        tail="always",
        source="TMNet multi-frame script: frames 0 and 6 of each window of 7 given, times 1/6 to 5/6",
    ),
    replace(
        _ZSM,
        name="rstt-2022",
        version=2,  # 1 padded to a multiple of 4, as Zooming Slow-Mo does; RSTT pads nothing
        tail="always",
        pad_multiple=0,
        average="folders",
        source="RSTT eval scripts: mean of clips in a top-level folder, then of folders; the last window is the last 7 "
        "frames, so all 171 frames of Vid4 are scored and held-out frames of `city` are given",
    ),
    _VIDEOINR,
    replace(_VIDEOINR, name="videoinr-2022-centre", frames="centre", source=_told(_VIDEOINR, _CENTRE)),
    replace(_VIDEOINR, name="videoinr-2022-bicubic", degradation="bicubic", source=_told(_VIDEOINR, _MATLAB)),
    replace(
        _VIDEOINR,
        name="videoinr-2022-bicubic-centre",
        degradation="bicubic",
        frames="centre",
        source=_told(_VIDEOINR, _CENTRE, _MATLAB),
    ),
    _BASICVSR,
    replace(_BASICVSR, name="basicvsr-2021-bd", degradation="bd-2021", source=_BASICVSR.source.replace("(BI)", "BD")),
)
PROTOCOLS: dict[str, EvalProtocol] = {protocol.name: protocol for protocol in _ALL}
_MEMBER = re.compile(r"(?P<base>.+?)-x(?P<scale>\d+(_\d+)?)-t(?P<time_scale>\d+)")  # no slash: names are parts of paths


def get(name: str) -> EvalProtocol:
    """The protocol of that name: `suite-1`, or a member of its family, as typed (`suite-1:scale=2`) or named.

    Raises:
        UnknownNameError: no such protocol.
        UsageError: a scale or time scale that is not possible, or that the family does not have.
    """
    return PROTOCOLS[name] if name in PROTOCOLS else _of_family(name)


@lru_cache(maxsize=256)
def _of_family(name: str) -> EvalProtocol:
    base, *typed = name.split(":")
    named = _MEMBER.fullmatch(name)
    if not typed and named is not None:
        base, typed = named["base"], [f"scale={named['scale'].replace('_', '/')}", f"time_scale={named['time_scale']}"]
    if base not in PROTOCOLS:
        raise UnknownNameError("protocol", base, PROTOCOLS)
    family = PROTOCOLS[base]
    asked: dict[str, int | str] = {"scale": family.scale, "time_scale": family.time_scale}
    fields = [part.partition("=") for part in typed]
    for field, _, value in fields:
        if field not in asked or not value or [of[0] for of in fields].count(field) > 1:
            raise UsageError(f"protocol {name}: write NAME:scale=S:time_scale=T, e.g. {base}:scale=5/2:time_scale=4")
        asked[field] = value.strip()
    try:
        scale = canonical(asked["scale"])
    except ValueError as error:
        raise UsageError(f"protocol {name}: {error}") from None
    return member(family, scale, _time_scale(name, str(asked["time_scale"])))


def family(name: str) -> str:
    """The name of the protocol that a protocol is a member of: `suite-1` of `suite-1-x5_2-t4`, and of itself.

    Raises:
        UnknownNameError, UsageError: as `get`.
    """
    found = get(name).name
    named = None if found in PROTOCOLS else _MEMBER.fullmatch(found)
    return found if named is None else named["base"]


def words(name: str) -> str:
    """The scale and time scale of a protocol for a title; "" where they are x4 and x2, or not known."""
    protocol = known(name)
    return "" if protocol is None else task_words(task(protocol))


def task_words(of: Task) -> str:
    """A scale and time scale for a title; "" for x4 and x2."""
    scale, time_scale = of
    if of == USUAL:
        return ""
    space = "frames keep their size" if scale == 1 else f"x{scale} in space"
    return f"{space}, {f'x{time_scale} in time' if time_scale > 1 else 'no frames between'}"


def task(protocol: EvalProtocol) -> Task:
    """What a protocol asks for, whatever its rules: scale and time scale. Means of two tasks are never one number."""
    return protocol.scale, protocol.time_scale


def known(name: str) -> EvalProtocol | None:
    """The protocol that a row names; None where this version has none of that name."""
    try:
        return get(name)
    except UsageError:
        return None


def member(family: EvalProtocol, scale: int | str, time_scale: int) -> EvalProtocol:
    """A protocol at another scale and time; the frames given in a window stay as many.

    Raises:
        UsageError: the family is not defined there.
    """
    if (scale, time_scale) == (family.scale, family.time_scale):
        return family
    window = time_scale * (family.given - 1) + 1 if family.window and time_scale > 1 else family.window
    made = replace(
        family,
        name=f"{family.name}-x{scale}-t{time_scale}".replace("/", "_"),
        scale=scale,
        time_scale=time_scale,
        window=window,
        source=f"{family.source}; at scale {scale} and time scale {time_scale}",
    )
    if family.average == "windows":
        made = _continuous(made)
    if made.degradation in ("bd-2021", "bd-stdan") and made.ratio != family.ratio:
        raise UsageError(f"{family.name} is defined for x{family.scale} alone: {made.degradation} has no other scale")
    return made


def _continuous(made: EvalProtocol) -> EvalProtocol:
    """A member of VideoINR's family, as its scripts do it there."""
    if made.time_scale == 1:
        raise UsageError(f"{made.name}: windows of two given frames need frames between; use basicvsr-2021 for none")
    if made.frames == "centre" and made.time_scale % 2:
        raise UsageError(f"{made.name}: an odd number of steps has no centre; choose an even time_scale")
    if (made.ratio, made.time_scale) in _VIDEOINR_TABLE:
        return made
    # MoTIF's loader for other scales and times: LR stays in floats, of the part of the picture that all scales divide
    return replace(made, degradation="bicubic", lr_8bit=False, hr_crop=(720, 1248))


def _time_scale(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_TIME:
        raise UsageError(f"protocol {name}: time_scale {text} is not a whole number from 1 to {_MOST_TIME}")
    return int(text)


def consecutive(protocol: EvalProtocol) -> bool:
    """Whether it is defined on every frame of a high-speed video, and means nothing on some of them."""
    return protocol.average == "windows"


def grid(card: MethodCard, protocol: EvalProtocol) -> int:
    """The pixels that each side of what the network is given must be a multiple of."""
    # the protocol pads as its paper does, the card as its network must: both have to fit
    return math.lcm(card.grid(protocol.ratio), protocol.pad_multiple or 1)


def restoring_key(protocol: EvalProtocol) -> str:
    """A digest of the half that decides what the network sees: equal keys share one restoration pass."""
    return digest(protocol.restoring)[:12]


def check(card: MethodCard, protocol: EvalProtocol) -> None:
    """Refuses a method that cannot do what the protocol asks.

    Raises:
        UsageError: another scale, times that it cannot make, or a method that only upscales or only interpolates.
    """
    _check_kind(card, protocol)
    if card.kind != "vfi" and not card.makes(protocol.ratio):
        does = f"x{card.scale[0]} to x{card.scale[1]}" if isinstance(card.scale, tuple) else f"x{card.scale}"
        raise UsageError(f"{card.name} makes {does}, {protocol.name} wants x{protocol.scale}")
    if card.kind == "sr":
        return
    if protocol.time_scale != 2 and card.time == "midpoint":
        raise UsageError(
            f"{card.name} makes only the midpoint between two frames; {protocol.name} wants "
            f"{counted(protocol.time_scale - 1, 'frame')} in each gap"
        )
    if card.frames_in[1] < 2:
        raise UsageError(f"{card.name} takes one frame at a time, so it cannot make frames between two")


def _check_kind(card: MethodCard, protocol: EvalProtocol) -> None:
    if protocol.time_scale == 1 and protocol.ratio == 1:
        raise UsageError(f"{protocol.name} wants neither larger frames nor more of them: there is nothing to do")
    if card.kind == "sr" and protocol.time_scale != 1:
        raise UsageError(
            f"{card.name} only upscales; join it with a partner, e.g. blend+{card.name}, "
            "or use a protocol without frames between, e.g. basicvsr-2021"
        )
    if card.kind == "vfi" and protocol.ratio != 1:
        raise UsageError(
            f"{card.name} only interpolates; join it with a partner, e.g. {card.name}+bicubic, "
            "or use a protocol at scale 1, e.g. suite-1:scale=1"
        )
    if card.kind == "stvsr" and protocol.time_scale == 1:
        upscaler = card.name.rpartition("+")[2] if "+" in card.name else "bicubic"
        raise UsageError(
            f"{card.name} makes frames between given ones, and {protocol.name} has none; "
            f"use a method that only upscales, e.g. {upscaler}"
        )
