"""What an engine hands out and gets back. Plain values: planning needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stvsr_bench.schema import Reading, Row, Settings


@dataclass(frozen=True)
class Task:
    """One method on one clip under protocols that share one restoring half: one pass through the network.

    `dataset` is what was asked for (a name or a path), `label` the data set's name in rows; `identity` is the method's
    spec, `name` its name in rows, `contents` what tells its weights from others of their name. `made` is what would
    make its rows here. `before` are rows that exist and stay valid: where other metrics are asked for, or the scoring
    code changed, their saved frames may serve.
    """

    method: str
    identity: str
    weights: str
    dataset: str
    label: str
    split: str
    clip: str
    protocols: tuple[str, ...]
    keys: tuple[str, ...]
    name: str = ""
    contents: str = ""
    save: bool = False
    score: bool = True
    made: Mapping[str, str] = field(default_factory=dict, compare=False)
    before: tuple[Row, ...] = field(default=(), compare=False)

    @property
    def place(self) -> tuple[str, str, str]:
        """The clip, by its names in rows: data set, split, clip."""
        return self.label, self.split, self.clip


@dataclass(frozen=True)
class Setup:
    """What all tasks of a run share; `made_with` is the code and the libraries that a worker elsewhere must have."""

    metrics: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    root: Path | None = None
    out: Path | None = None
    included: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()
    threads: int = 1
    seed: int = 0
    trust_pickle: bool = False
    reading: Reading = field(default_factory=Reading)
    env: str = ""
    made_with: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a task: rows, or what went wrong. `fatal` ends the run: every later clip would fail alike."""

    task: Task
    rows: tuple[Row, ...] = ()
    error: str = ""
    detail: str = ""
    seconds: float = 0.0
    fatal: bool = False
