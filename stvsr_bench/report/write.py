"""One report on disk: rows in, a folder of tables and figures out.

What is written stands in two lists: `formats.FORMATS` (texts) and `figures.catalogue.FIGURES`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench import environment
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.report import formats, provenance
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.figures import catalogue, drawing
from stvsr_bench.report.figures.scenes import most_apart, most_apart_by_split, write_scenes
from stvsr_bench.report.formats import Content
from stvsr_bench.report.frames import Saved, saved
from stvsr_bench.report.page.document import document
from stvsr_bench.report.page.frames import frame_urls, write_frames
from stvsr_bench.report.page.render import html
from stvsr_bench.report.plane import planes
from stvsr_bench.report.published.values import read_published
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.response import responses
from stvsr_bench.report.select import choose, of_protocol
from stvsr_bench.report.tables import latex
from stvsr_bench.report.tables.claims import Claim, claims_of, provenance_csv
from stvsr_bench.report.tables.failures import distinct_clips
from stvsr_bench.report.tables.notes import Coverage
from stvsr_bench.report.tables.ranking import main_table
from stvsr_bench.report.tables.table import Options, Table
from stvsr_bench.report.tidy import read, tidy
from stvsr_bench.rows import manifest, store
from stvsr_bench.schema import Row, SuiteFacts

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

    @property
    def coverage(self) -> Coverage:
        """How much of each split there is, and what failed."""
        cells = {key: cell for manifest in self.manifests for key, cell in manifest.get("cells", {}).items()}
        clips = {key: int(cell["clips"]) for key, cell in cells.items()}
        found = {name: of for run in self.runs for name, of in store.environments(run).items()}
        machines = {name: environment.runtime_id(of.get("machine", {})) for name, of in found.items()}
        stated = {name: of for manifest in self.manifests for name, of in manifest.get("protocols", {}).items()}
        return Coverage(clips, tuple(self.failures), machines, self.claims, stated)

    @property
    def claims(self) -> dict[str, tuple[Claim, ...]]:
        """The bundles that hold each row, by its key; nothing where the runs are of this machine alone."""
        return {key: claims for run in self.runs for key, claims in claims_of(run).items()}

    def chosen(self, options: Options) -> pd.DataFrame:
        """The tidy lines that the options ask for, over the frames that count for all of their methods."""
        return alike(choose(self.tidy, options))


@dataclass
class Written:
    """What a report left on disk."""

    folder: Path
    files: list[Path] = field(default_factory=list)

    def text(self, name: str, text: str) -> None:
        """One text file, whole or not at all."""
        store.write_atomic(self._place(name), text)
        self.files.append(self._place(name))

    def figure(self, name: str, figure: Figure | None) -> None:
        """One figure in all its formats; a figure that has nothing to show is not written."""
        if figure is not None:
            self.files += drawing.save(figure, self._place(name))

    def _place(self, name: str) -> Path:
        # names come out of rows that anybody wrote: `slug` keeps them here, and this notices where one was forgotten
        assert all(re.fullmatch(r"[a-z0-9_][a-z0-9_.-]{0,199}", part) for part in name.split("/")), name
        return self.folder / name


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
        manifests=[manifest.read(run) for run in real],
    )


@dataclass(frozen=True)
class Output:
    """What a report writes beside its tables: the manner of LaTeX, figures, and frames of so many clips a split."""

    style: latex.Style = "plain"
    figures: bool = True
    page: bool = True
    page_clips: int = 3
    frame_quality: int = 0
    embed: bool = False
    scenes: int = 3
    films: bool = True


def write(
    measured: Measured,
    folder: Path,
    options: Options,
    output: Output | None = None,
    suite: SuiteFacts | None = None,
) -> tuple[list[Table], Written]:
    """The tables, and the files that were written into `folder`: every format, figures, scenes, page.

    `suite` is the suite that was measured, where one was: its paper's tables are written too.
    """
    output = output or Output()
    tables, chosen = build(measured.tidy, measured.profiles, options, measured.coverage), measured.chosen(options)
    written = Written(folder)
    content = replace(
        content_of(measured, tables, output.style),
        planes=planes(tables),
        responses=responses(tables, chosen),
        suite=suite,
        provenance=provenance_csv(measured.rows, measured.claims) if measured.claims else "",
        chosen=chosen,
    )
    for name, text in formats.texts(content).items():
        written.text(name, text)
    if output.figures:
        source = source_of(measured, main_table(tables), chosen)
        for name, figure in catalogue.drawn(replace(source, planes=content.planes, responses=content.responses)):
            written.figure(f"figures/{name}", figure)
    if output.scenes and (found := saved_of(measured, tables)):
        mine = source_of(measured, main_table(tables), chosen).tidy
        written.files += write_scenes(folder / "figures", most_apart(found, mine, output.scenes), mine, output.films)
    if output.page:
        write_page(written, measured, tables, output, chosen)  # last: it offers the texts above for download
    return tables, written


def content_of(measured: Measured, tables: Sequence[Table], style: latex.Style) -> Content:
    """What the formats write down."""
    entries = ledger(alike(measured.tidy), read_published(), measured.coverage.clips)
    about = facts(measured)
    return Content(measured.name, about, tables, measured.profiles, entries, style, facts=doubts(measured, tables))


def doubts(measured: Measured, tables: Sequence[Table]) -> list[provenance.Fact]:
    """What a reader who doubts the numbers of these tables asks for."""
    used = set(measured.tidy["env"])
    found = {name: of for run in measured.runs for name, of in store.environments(run).items() if name in used}
    named = [(run.name, manifest) for run, manifest in zip(measured.runs, measured.manifests, strict=True)]
    return provenance.facts(tables, found, named)


def source_of(measured: Measured, table: Table, chosen: pd.DataFrame) -> catalogue.Source:
    """What figures of one table are drawn from: tidy lines of its protocol key alone."""
    return catalogue.Source(table, of_protocol(chosen, table.protocol_key), measured.profiles)


def write_page(
    written: Written, measured: Measured, tables: Sequence[Table], output: Output, lines: pd.DataFrame
) -> None:
    """`index.html`, and beside it (or in it) the frames of the saved clips of each split where methods differ most.

    `lines` are the tidy lines that the tables were made of.
    """
    mine = source_of(measured, main_table(tables), lines).tidy
    chosen = most_apart_by_split(saved_of(measured, tables), mine, output.page_clips)
    shown = document(tables, lines, chosen, facts(measured), output.frame_quality, doubts(measured, tables))
    downloads = {
        path.name: path.read_text("utf-8")
        for path in written.files
        if path.name in ("table.csv", "facts.csv", "plane.csv", "time-response.csv") or path.parent.name == "tex"
    }
    embedded = dict(frame_urls(chosen, output.frame_quality)) if output.embed else None
    written.text("index.html", html(shown, downloads, embedded))
    if not output.embed:
        write_frames(written.folder, chosen, output.frame_quality)


def saved_of(measured: Measured, tables: Sequence[Table]) -> list[Saved]:
    """The clips with saved frames, of the methods and under the protocol of the main table."""
    if not any((run / "frames").is_dir() for run in measured.runs):
        return []
    table = main_table(tables)
    shown = {(line.method, line.weights) for line in table.lines}
    lines = of_protocol(measured.tidy, table.protocol_key)
    of = lines[["method", "weights", "row"]].itertuples(index=False, name=None)
    rows = [replace(row, method=method, weights=weights) for method, weights, row in of if (method, weights) in shown]
    return saved(measured.runs, rows)


def asked(names: Sequence[str], name: str) -> bool:
    """Whether a name was asked for; nothing named asks for all."""
    return not names or name in names


def facts(measured: Measured) -> dict[str, Any]:
    """What stands at the head of every report: which run, when, where, how much of it failed."""
    environments = {name: of for run in measured.runs for name, of in store.environments(run).items()}
    used = [environments[name] for name in dict.fromkeys(row.env for row in measured.rows) if name in environments]
    return {
        "run": measured.name,
        "started": [str(manifest["started"]) for manifest in measured.manifests if manifest.get("started")],
        "commit": [str(of.get("commit", ""))[:10] + ("+" if of.get("dirty") else "") for of in used],
        "device": [str(of.get("machine", {}).get("gpu") or of.get("machine", {}).get("cpu", "")) for of in used],
        "suite": sorted({row.suite for row in measured.rows if row.suite}),
        "rows": len(measured.rows),
        "clips": int(measured.tidy[["dataset", "split", "clip"]].drop_duplicates().shape[0]),
        "failed": distinct_clips(measured.failures),
    }
