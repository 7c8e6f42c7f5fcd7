"""Everything passed on or written down: cards, protocols, clips, methods, jobs, rows.

All frozen. Cards, protocols and rows are pydantic dataclasses: what a person or a file wrote is checked
when it is read, unknown keys included. Clips and methods hold arrays and networks and are plain dataclasses.
Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

if TYPE_CHECKING:
    from torch import nn

SCHEMA_VERSION = 1

Frames = NDArray[np.float32]  # (S, C, H, W), RGB in [0, 1]
OptionValue = bool | int | float | str
Kind = Literal["stvsr", "vfi", "sr"]
TimeControl = Literal["midpoint", "any"]
Degradation = Literal["bicubic", "bd", "pil", "cv2", "shipped"]

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="strings")


@checked(frozen=True, config=_STRICT)
class Paper:
    """Where a method or data set was described."""

    title: str = ""
    authors: str = ""
    year: int | None = None
    venue: str = ""
    arxiv: str = ""
    url: str = ""
    bibtex: str = ""


@checked(frozen=True, config=_STRICT)
class Weights:
    """One trained state of a method: where it comes from and how it is read.

    `file` is a path relative to the method's folder; `package` (`name==version`) with `file` names a file inside an
    installed package, read as data; `url` is for a person to follow. `rename`/`export` ("module:function") map a
    foreign state dict to ours and back; `reader` ("module:function": Path -> state dict) reads what is no torch file.
    `options` are option values that these weights were trained with (they override the card's defaults).
    """

    origin: Literal["authors", "ours", "package"] = "authors"
    url: str = ""
    file: str = ""
    package: str = ""
    sha256: str = ""
    licence: str = ""
    rename: str = ""
    export: str = ""
    reader: str = ""
    options: dict[str, OptionValue] = field(default_factory=dict)
    notes: str = ""


@checked(frozen=True, config=_STRICT)
class MethodCard:
    """What a method is and what it can take; read from `methods/<name>/card.toml`.

    `net` is "module:callable" inside the method's folder (or the callable's name in a one-file method). With
    `call = "factory"` it is called with the options as keywords and returns an `nn.Module`; with `call = "function"` it
    is itself the function of the clip; with `call = "process"` `net` is a command that speaks JSON lines
    (`methods/README.md`). The contract of each kind:
    stvsr: net(lr_BTChw, times=None) -> sr_BSCHW; vfi: net(frames_BTCHW, times=None) -> frames_BSCHW (given frames
    kept); sr: net(frames_BTChw) -> frames_BTCHW. Frames are RGB in [0, 1].
    `bit_exact`: the same 8-bit frames on every x86 processor (a test holds it to that); networks are not.
    """

    name: str
    title: str
    kind: Kind
    net: str
    call: Literal["factory", "function", "process"] = "factory"
    options: dict[str, OptionValue] = field(default_factory=dict)
    choices: dict[str, list[OptionValue]] = field(default_factory=dict)
    scale: int = 4
    time: TimeControl = "midpoint"
    frames_in: tuple[int, int] = (2, 1000)
    multiple_of: int = 1
    pad: Literal["zeros", "replicate", "reflect"] = "zeros"
    learned: bool = True
    time_symmetric: bool = False
    bit_exact: bool = False
    group: str = ""
    paper: Paper = field(default_factory=Paper)
    weights: dict[str, Weights] = field(default_factory=dict)
    licence: str = ""
    needs: list[str] = field(default_factory=list)
    notes: str = ""


@checked(frozen=True, config=_STRICT)
class SplitList:
    """One published list of clips of a data set."""

    url: str = ""
    sha256: str = ""
    count: int = 0
    by: str = ""
    notes: str = ""


@checked(frozen=True, config=_STRICT)
class Contents:
    """What a complete copy of a split holds, as far as is known: `data check` compares. Size is width, height."""

    clips: list[int] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=dict)
    frames_each: int = 0
    size: tuple[int, int] | None = None


@checked(frozen=True, config=_STRICT)
class DatasetCard:
    """What a data set is and where its frames lie; read from `datasets/<name>/card.toml`."""

    name: str
    title: str
    reader: str
    splits: list[str]
    source: str = ""
    licence: str = ""
    fps: float | None = None
    root_env: str = ""
    lr: Literal["made", "shipped"] = "made"
    default_splits: list[str] = field(default_factory=list)
    lists: dict[str, dict[str, SplitList]] = field(default_factory=dict)
    downloads: dict[str, SplitList] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    layout: str = ""
    convention: str = ""
    paper: Paper = field(default_factory=Paper)
    needs: list[str] = field(default_factory=list)
    notes: str = ""


@checked(frozen=True, config=_STRICT)
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


@dataclass(frozen=True)
class Clip:
    """One test item. `hr_SCHW` are the true frames, float32 RGB in [0, 1]; even ones are given at low resolution.

    `lr_SChw` holds the low-resolution frames where the data set ships its own; otherwise the suite makes them.
    `flow_FHW2` is the exact forward flow (frame i to i+1, x then y, pixels) where a data set knows it. `flags` are what
    a reader of the clip's rows should know (`black`, `list-3f2a9c01`: not one of the published lists).
    """

    dataset: str
    split: str
    name: str
    hr_SCHW: Frames
    lr_SChw: Frames | None = None
    flow_FHW2: NDArray[np.float32] | None = None
    motion_px: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """A method ready to run: its card, the identity of its weights, and the network in eval mode."""

    spec: str
    card: MethodCard
    net: "nn.Module"
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    weights_tag: str = ""
    weights_sha256: str = ""
    untrained: bool = False


@dataclass(frozen=True)
class How:
    """Choices that no protocol states but that may move a number; what differs from these defaults is in every row.

    `tile` and `tile_overlap` are low-resolution pixels; 0 means whole frames.
    """

    device: str = "cpu"
    precision: str = "fp32"
    tile: int = 0
    tile_overlap: int = 16
    compile: bool = False
    channels_last: bool = False
    fall_back: bool = True

    @property
    def label(self) -> str:
        """What belongs to a result's identity: "" for plain float32 on whole frames."""
        parts = [] if self.precision == "fp32" else [self.precision]
        if self.tile:
            parts.append(f"tile{self.tile}-{self.tile_overlap}")
        if self.compile:
            parts.append("compile")
        return ",".join(parts)

    @property
    def bits_stay(self) -> bool:
        """Whether a bit-exact method stays so: float32 on the CPU, as written."""
        return self.device == "cpu" and self.precision == "fp32" and not self.compile

    def name(self, method: str) -> str:
        """A method's name in rows: what may move its numbers (precision, tiles) is part of it."""
        return f"{method} [{self.label}]" if self.label else method


@checked(frozen=True, config=_STRICT)
class Job:
    """The unit of resuming and of sharing out: one method on one clip under one restoring protocol."""

    method: str
    weights: str
    dataset: str
    split: str
    clip: str
    protocol: str

    @property
    def key(self) -> str:
        """A digest that does not depend on order, worker or time."""
        fields = (self.method, self.weights, self.dataset, self.split, self.clip, self.protocol)
        return digest(dict(zip(_JOB_FIELDS, fields, strict=True)))[:16]


_JOB_FIELDS = tuple(field.name for field in dataclasses.fields(Job))


@checked(frozen=True, config=_STRICT)
class Row:
    """One method on one clip under one protocol: the unit of every table. One JSON line in `rows-<worker>.jsonl`.

    `values` holds per-frame lists (`mse_y`, `psnr_y` in dB, `ssim_y`, ...) in the order of `frames`, the indices of
    the frames that the protocol scores; `given` says which of them had an input frame. `scalars` are per-clip numbers
    (temporal metrics). `bit_exact` rows must be equal on every CPU. `how` says what may move a number and is no part of
    the protocol (device, precision, threads). `seconds` are wall seconds of this clip by phase (`read`, `restore`,
    `score`). An infinite PSNR is written as the string "Infinity".
    """

    key: str
    method: str
    weights: str
    dataset: str
    split: str
    clip: str
    protocol: str
    protocol_key: str
    restoring_key: str
    frames: list[int]
    given: list[bool]
    values: dict[str, list[float]]
    size: tuple[int, int]
    kind: str = "stvsr"
    weights_sha256: str = ""
    untrained: bool = False
    bit_exact: bool = False
    scalars: dict[str, float] = field(default_factory=dict)
    params: int | None = None
    motion_px: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    how: dict[str, str] = field(default_factory=dict)
    env: str = ""
    suite: str = ""
    schema_version: int = SCHEMA_VERSION


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value made of plain types."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()
