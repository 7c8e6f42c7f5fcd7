"""One report on disk: rows in, a folder of tables and figures out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench import store
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.report import csvjson, markdown, plots
from stvsr_bench.report.build import build
from stvsr_bench.report.tables import Options, Table
from stvsr_bench.report.tidy import read, tidy
from stvsr_bench.schema import Row

LATEST = Path("runs/latest")


@dataclass(frozen=True)
class Measured:
    """Everything a report is made of."""

    runs: tuple[Path, ...]
    rows: list[Row]
    tidy: pd.DataFrame
    profiles: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    manifests: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The name of the report: that of its runs."""
        return "+".join(run.name for run in self.runs)


@dataclass
class Written:
    """What a report left on disk."""

    folder: Path
    files: list[Path] = field(default_factory=list)

    def text(self, name: str, text: str) -> None:
        """One text file, whole or not at all."""
        store.write_atomic(self.folder / name, text)
        self.files.append(self.folder / name)

    def figure(self, name: str, figure: Figure | None) -> None:
        """One figure in all its formats; a figure that has nothing to show is not written."""
        if figure is not None:
            self.files += plots.save(figure, self.folder / name)


def load(runs: Sequence[Path]) -> Measured:
    """The rows, profiles and failures of runs.

    Raises:
        NotRunnableError: a run does not exist or holds no row.
    """
    for run in runs:
        if not run.is_dir():
            hint = " Measure something first: stvsr-bench run --methods ..." if run == LATEST else ""
            raise NotRunnableError(f"no run at {run}.{hint}")
    real = tuple(run.resolve() for run in runs)
    rows = read(real)
    return Measured(
        runs=real,
        rows=rows,
        tidy=tidy(rows),
        profiles=[profile for run in real for profile in store.profiles(run)],
        failures=[failure for run in real for failure in store.read_failures(run)],
        manifests=[store.manifest(run) for run in real],
    )


def write(measured: Measured, folder: Path, options: Options) -> tuple[list[Table], Written]:
    """The tables, and the files that were written into `folder`."""
    tables = build(measured.tidy, measured.profiles, options)
    written = Written(folder)
    written.text("table.md", markdown.document(measured.name, facts(measured), tables))
    written.text("table.csv", csvjson.tables_csv(tables))
    written.text("table.json", csvjson.tables_json(tables, facts(measured)))
    for table in tables:
        for fact in ("seconds", "runtime_ms", "params", "gmacs"):
            figure = plots.quality_against_cost(table, fact)
            written.figure(f"figures/psnr-{fact.split('_')[0]}-{table.protocol}", figure)
    return tables, written


def facts(measured: Measured) -> dict[str, Any]:
    """What stands at the head of every report: which run, when, where, how much of it failed."""
    manifests = [manifest for manifest in measured.manifests if manifest]
    return {
        "run": measured.name,
        "started": [str(manifest.get("started", "")) for manifest in manifests],
        "commit": [str(manifest.get("commit", "")) for manifest in manifests],
        "device": [_text(manifest.get("device", "")) for manifest in manifests],
        "suite": sorted({row.suite for row in measured.rows if row.suite}),
        "rows": len(measured.rows),
        "clips": int(measured.tidy[["dataset", "split", "clip"]].drop_duplicates().shape[0]),
        "failed": len(measured.failures),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
