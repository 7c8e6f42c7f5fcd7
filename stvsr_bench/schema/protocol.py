"""Protocols: everything that must be equal for two numbers to be comparable."""

import dataclasses
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.scale import Scale, ratio
from stvsr_bench.schema.strict import STRICT

# old name: new name. `bd` was one of two things that papers call BD, and not the one that most of them mean
RENAMED = {"bd": "bd-stdan"}
_KEYED = {new: old for old, new in RENAMED.items()}  # keys are made of the old name, so that rows stay comparable
Degradation = Annotated[
    Literal["bicubic", "bd-2021", "bd-stdan", "pil", "cv2", "shipped"],
    BeforeValidator(lambda name: RENAMED.get(name, name) if isinstance(name, str) else name),
]

# fields that protocols gained later: left out of digests where they have their defaults, so that keys of rows that
# exist do not move
_LATER_RESTORING = ("overlap", "lr_8bit", "hr_crop")
_LATER = (*_LATER_RESTORING, "clip")
Average = Literal["clips", "folders", "windows"]


@checked(frozen=True, config=STRICT)
class EvalProtocol:
    """Everything that must be equal for two numbers to be comparable.

    The restoring half decides what the network sees, the scoring half what is made of its frames. Two rows are
    comparable when their `key` is equal.

    `scale` is a fraction in lowest terms, `time_scale` the frames made for each one given (1: all are given). `window`
    counts the frames of one forward pass, 0 for the whole clip; `overlap` says whose result a frame keeps that two
    windows return. `hr_crop` (height, width) is the largest part of the truth that is used, from its top left corner;
    `lr_8bit` whether low-resolution frames are rounded to 8 bits. `clip` says whether restored values are clipped to
    [0, 1] before they are scored. `average` is what the mean is taken over after the frames: clips, top-level folders,
    or windows, which weigh a clip by the number of its windows.
    """

    name: str
    version: int
    # restoring: a change needs the network again
    scale: Scale = 4
    time_scale: int = 2
    window: int = 7
    tail: Literal["drop", "always", "long", "clean"] = "clean"
    pad_multiple: int = 0
    pad: Literal["zeros", "replicate", "reflect"] = "zeros"
    degradation: Degradation = "bicubic"
    flip_test: bool = False
    overlap: Literal["first", "last"] = "first"
    lr_8bit: bool = True
    hr_crop: tuple[int, int] | None = None
    # scoring: a change needs only the frames or the rows
    lists: str = "zsm"
    frames: Literal["all", "given", "between", "centre", "all-but-last"] = "all"
    round_8bit: bool = True
    clip: bool = True
    channel: Literal["y", "rgb"] = "y"
    crop: int = 0
    inf_policy: Literal["exclude", "keep"] = "exclude"
    average: Average = "clips"
    source: str = ""

    @property
    def ratio(self) -> Fraction:
        """The scale as a number."""
        return ratio(self.scale)

    @property
    def given(self) -> int:
        """Frames given in one window; 0 where the whole clip is one."""
        return (self.window - 1) // self.time_scale + 1 if self.window else 0

    @property
    def restoring(self) -> dict[str, Any]:
        """The fields that decide what the network sees; a degradation by its first name, for digests."""
        names = ("scale", "time_scale", "window", "tail", "pad_multiple", "pad", "degradation", "flip_test")
        fields = {name: getattr(self, name) for name in (*names, *self._stated(_LATER_RESTORING))}
        return {**fields, "degradation": _KEYED.get(self.degradation, self.degradation)}

    @property
    def key(self) -> str:
        """A short digest of every field but `source`: `suite-1.1-3f2a9c01`."""
        silent = {"source", *_LATER} - set(self._stated(_LATER))
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in silent}
        return f"{self.name}.{self.version}-{digest({**fields, **self.restoring})[:8]}"

    def _stated(self, names: tuple[str, ...]) -> list[str]:
        """Those of the later fields that differ from their defaults."""
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        return [name for name in names if getattr(self, name) != defaults[name]]
