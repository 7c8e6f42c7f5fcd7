"""Where a row comes from: the spec, file of weights, data set and settings that would make it again on this machine."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from stvsr_bench import datasets, methods, metrics, protocols
from stvsr_bench.errors import BenchError, NotRunnableError, UnknownNameError
from stvsr_bench.methods import Identity
from stvsr_bench.restore import pick_device
from stvsr_bench.rows import manifest
from stvsr_bench.rows.identity import name_of
from stvsr_bench.runner.plan import RunSpec
from stvsr_bench.runner.replay import load_all, with_files
from stvsr_bench.schema import Reading, Row, Settings

_NAME = re.compile("[:@+]")
# of a command that named none: run.toml did not say which it was until November 2026
MAYBE = ("vimeo90k", "mini")


@dataclass(frozen=True)
class Origin:
    """What a row is made from: as typed (`method`, `dataset`), and as rows name it (`spec`)."""

    method: str
    spec: str
    dataset: str
    root: Path | None
    settings: Settings
    reading: Reading

    @property
    def way(self) -> tuple[object, ...]:
        """What rows must share to come from one pass of a network."""
        return self.method, self.dataset, self.root, self.settings, self.reading


class Origins:
    """The commands of a run folder, asked for the origin of each row; `weights` are the files that may be read.

    Raises:
        CardError: a command of the folder cannot be read.
    """

    def __init__(self, run: Path, root: Path | None = None, weights: tuple[Path, ...] = (), device: str = "") -> None:
        self.device = device
        self.run = run
        self.root = root
        self.weights = weights
        self.commands = [sent.spec for sent in load_all(run)]
        self._identities: dict[str, Identity | BenchError] = {}
        self._labels = lru_cache(maxsize=None)(self._labels_of)

    def of(self, row: Row) -> Origin:
        """The origin of one row.

        Raises:
            BenchError: it cannot be computed here; the sentence says why.
        """
        self._check(row)
        why: BenchError | None = None
        for command in self.commands:
            if (dataset := self._labels(command).get(row.dataset)) is None:
                continue
            for text in command.methods:
                identity = self._identity(text)
                if isinstance(identity, BenchError):
                    # a name that score gave to somebody's frames is no method, and says nothing of this row
                    why = why or (identity if row.method.startswith(_NAME.split(text)[0]) else None)
                elif (settings := _settings(command, identity, row)) is not None:
                    settings = replace(settings, device=pick_device(self.device or settings.device))
                    root = self.root or command.root
                    return Origin(
                        with_files(text, self.weights), identity.spec, dataset, root, settings, command.reading
                    )
        raise why or NotRunnableError(
            f"no command of this folder (commands/*.toml, run.toml) asks for {row.method}"
            f"{row.weights and '@'}{row.weights} on {row.dataset} with the weights that the row names"
        )

    def data_set(self, label: str) -> tuple[str, Path | None] | None:
        """What was typed for a data set of that name in rows, and where it lies; None where no command names it."""
        for command in self.commands:
            if label in (known := self._labels(command)):
                return known[label], self.root or command.root
        return None

    def _check(self, row: Row) -> None:
        if (key := protocols.get(row.protocol).key) != row.protocol_key:
            raise NotRunnableError(f"{row.protocol} is {key} here, the row was measured by {row.protocol_key}")
        for name in (*row.values, *row.scalars):
            if name not in metrics.METRICS:
                raise UnknownNameError("metric", name, metrics.METRICS)
            if why := metrics.missing(name):
                raise NotRunnableError(f"metric {name}: {why}")

    def _labels_of(self, command: RunSpec) -> dict[str, str]:
        """The data sets of a command, as typed, by their names in rows."""
        names = command.datasets or MAYBE
        paths = manifest.labels_then(self.run, [name for name in names if datasets.is_path(name)])
        found = {}
        for name in names:
            try:
                found[paths.get(name) or datasets.card(name).name] = name
            except BenchError:  # a data set that is not known here: its rows say so
                continue
        return found

    def _identity(self, text: str) -> Identity | BenchError:
        if text not in self._identities:
            try:
                self._identities[text] = methods.resolve(with_files(text, self.weights))
            except BenchError as error:
                self._identities[text] = error
        return self._identities[text]


def _settings(command: RunSpec, identity: Identity, row: Row) -> Settings | None:
    """The settings under which a method of a command makes this row; None where it would make another."""
    settings = command.settings
    name = name_of(identity.spec, identity.card, settings, protocols.get(row.protocol))
    if name != row.planned or (identity.sha256 or identity.weights) != (row.weights_sha256 or row.weights):
        return None
    made, how = row.made, row.how
    # a command with --device auto, and one of a folder that was measured on two devices
    device = made.get("device") or how.get("device", "").partition(":")[0] or settings.device
    return replace(settings, device=device, channels_last=made.get("layout", "") == "channels_last")
