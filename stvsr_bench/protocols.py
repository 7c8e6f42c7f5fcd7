"""The named, versioned protocols: what each paper's own scripts do, to the frame, and `suite-1`, ours.

A protocol is a frozen value; its `key` stands in every row and rows of different keys are never averaged or ranked
together. What is known of each published procedure, with file and line, is in `docs/protocols.md`.
"""

import math
from dataclasses import replace

from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.schema import EvalProtocol, MethodCard, digest

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
    version=1,
    time_scale=8,
    window=9,
    tail="drop",
    pad_multiple=4,
    round_8bit=False,
    frames="all-but-last",
    inf_policy="keep",
    source="test scripts of the continuous task (MoTIF, BF-STVSR): frames 0 and 8 given, unrounded floats; "
    "average of a 9-frame sample without its last frame. VideoINR released no test script of its own",
)

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
        tail="always",
        average="folders",
        source="RSTT eval scripts: mean of clips in a top-level folder, then of folders. Its own tail rule also "
        "scores all 171 frames of Vid4; which frames its last window is given was not stated, ours is STDAN's",
    ),
    _VIDEOINR,
    replace(_VIDEOINR, name="videoinr-2022-centre", frames="centre"),
)
PROTOCOLS: dict[str, EvalProtocol] = {protocol.name: protocol for protocol in _ALL}


def get(name: str) -> EvalProtocol:
    """The protocol of that name.

    Raises:
        UnknownNameError: no such protocol.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def grid(card: MethodCard, protocol: EvalProtocol) -> int:
    """The pixels that each side of what the network is given must be a multiple of."""
    # the protocol pads as its paper does, the card as its network must: both have to fit
    return math.lcm(card.multiple_of, protocol.pad_multiple or 1)


def restoring_key(protocol: EvalProtocol) -> str:
    """A digest of the half that decides what the network sees: equal keys share one restoration pass."""
    return digest(protocol.restoring)[:12]


def check(card: MethodCard, protocol: EvalProtocol) -> None:
    """Refuses a method that cannot do what the protocol asks.

    Raises:
        UsageError: another scale, times that it cannot make, or a method that only upscales or only interpolates.
    """
    if card.kind != "stvsr":
        partner = f"blend+{card.name}" if card.kind == "sr" else f"{card.name}+bicubic"
        does = "upscales" if card.kind == "sr" else "interpolates"
        raise UsageError(f"{card.name} only {does}; join it with a partner, e.g. {partner}")
    if card.scale != protocol.scale:
        raise UsageError(f"{card.name} makes x{card.scale}, {protocol.name} wants x{protocol.scale}")
    if protocol.time_scale != 2 and card.time == "midpoint":
        raise UsageError(
            f"{card.name} makes only the midpoint between two frames; {protocol.name} wants "
            f"{protocol.time_scale - 1} frames in each gap"
        )
