"""Rows, the unit of every table, and the jobs that they are made by."""

import dataclasses
from dataclasses import field

from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.strict import STRICT

# 2, November 2026: rows say what made them (`made`, `stamp`, `truth`, `input`, `source`); 1 is read, and shown apart
SCHEMA_VERSION = 2


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


@checked(frozen=True, kw_only=True, config=STRICT)
class Row:
    """One method on one clip under one protocol: the unit of every table. One JSON line in `rows-<worker>.jsonl`.

    `key` and what the row says of its content are *what* was measured: `weights_sha256` (or `source`, for frames that
    somebody else made), `truth` and `input` (digests of the true and of the low-resolution frames), and the settings in
    `made` that may move a number (`seed`, `threads`, `device`). The rest of `made` says what it was *made by*: digests
    of the method's code and card, of the suite's restoring and scoring code, and of the libraries. `stamp` is a digest
    of sizes and times of the clip's files: where it is as before, nothing is decoded to know that the data are.
    Where memory ran out, `method` names the tiles that were used, and `asked` the method as it was asked for.

    `values` holds per-frame lists (`mse_y`, `psnr_y` in dB, `ssim_y`, ...) in the order of `frames`, the indices of
    the frames that the protocol scores; `given` says which of them had an input frame. `scalars` are per-clip numbers
    (temporal metrics). `bit_exact` rows must be equal on every CPU. `how` says what may move a number and is no part of
    the protocol (device, precision, threads). `seconds` are wall seconds of this clip by phase (`read`, `restore`,
    `score`). An infinite PSNR is written as the string "Infinity".
    """

    key: str
    # second and third in every line, so that resuming reads them without parsing values
    made: dict[str, str] = field(default_factory=dict)
    stamp: str = ""
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
    source: str = ""
    truth: str = ""
    input: str = ""
    asked: str = ""
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

    @property
    def contents(self) -> str:
        """What tells two networks, or two folders of frames, of one name apart; "" where there is nothing to tell."""
        return self.weights_sha256 or self.source

    @property
    def planned(self) -> str:
        """The method's name as it was asked for: where memory ran out, `method` says what was done instead."""
        return self.asked or self.method

    @property
    def own_key(self) -> str:
        """The key that its method, weights, clip and protocol give: what `key` is in a row that nobody edited."""
        contents = self.contents or self.weights
        return Job(self.planned, contents, self.dataset, self.split, self.clip, self.protocol_key).key

    @property
    def incomplete(self) -> bool:
        """Whether the row was measured before rows said what made them: its code and data are not known."""
        return not self.made
