"""Protocols: everything that must be equal for two numbers to be comparable."""

import dataclasses
from typing import Any, Literal

from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.strict import STRICT

Degradation = Literal["bicubic", "bd", "pil", "cv2", "shipped"]


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
        """The fields that decide what the network sees."""
        names = ("scale", "time_scale", "window", "tail", "pad_multiple", "pad", "degradation", "flip_test")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> str:
        """A short digest of every field but `source`: `suite-1.1-3f2a9c01`."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "source"}
        return f"{self.name}.{self.version}-{digest(fields)[:8]}"
