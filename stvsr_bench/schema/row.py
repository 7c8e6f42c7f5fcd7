"""Rows, the unit of every table, and the jobs that they are made by."""

import dataclasses
from dataclasses import field

from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.strict import STRICT

SCHEMA_VERSION = 1


@checked(frozen=True, config=STRICT)
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


@checked(frozen=True, config=STRICT)
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
