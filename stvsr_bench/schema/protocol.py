"""Protocols: everything that must be equal for two numbers to be comparable."""

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.strict import STRICT

# old name: new name. `bd` was one of two things that papers call BD, and not the one that most of them mean
RENAMED = {"bd": "bd-stdan"}
_KEYED = {new: old for old, new in RENAMED.items()}  # keys are made of the old name, so that rows stay comparable
Degradation = Annotated[
    Literal["bicubic", "bd-2021", "bd-stdan", "pil", "cv2", "shipped"],
    BeforeValidator(lambda name: RENAMED.get(name, name) if isinstance(name, str) else name),
]


@checked(frozen=True, config=STRICT)
class EvalProtocol:
    """Everything that must be equal for two numbers to be comparable.

    The restoring half decides what the network sees, the scoring half what is made of its frames. Two rows are
    comparable when their `key` is equal.
    """

    name: str
    version: int
    # restoring: a change needs the network again
    scale: int = 4
    time_scale: int = 2
    window: int = 7
    tail: Literal["drop", "always", "long", "clean"] = "clean"
    pad_multiple: int = 0
    pad: Literal["zeros", "replicate", "reflect"] = "zeros"
    degradation: Degradation = "bicubic"
    flip_test: bool = False
    # scoring: a change needs only the frames or the rows
    lists: str = "zsm"
    frames: Literal["all", "given", "between", "centre", "all-but-last"] = "all"
    round_8bit: bool = True
    channel: Literal["y", "rgb"] = "y"
    crop: int = 0
    inf_policy: Literal["exclude", "keep"] = "exclude"
    average: Literal["clips", "folders"] = "clips"
    source: str = ""

    @property
    def restoring(self) -> dict[str, Any]:
        """The fields that decide what the network sees; a degradation by its first name, for digests."""
        names = ("scale", "time_scale", "window", "tail", "pad_multiple", "pad", "degradation", "flip_test")
        fields = {name: getattr(self, name) for name in names}
        return {**fields, "degradation": _KEYED.get(self.degradation, self.degradation)}

    @property
    def key(self) -> str:
        """A short digest of every field but `source`: `suite-1.1-3f2a9c01`."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "source"}
        return f"{self.name}.{self.version}-{digest({**fields, **self.restoring})[:8]}"
