"""One report on disk: rows in, a folder of tables and figures out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench import protocols
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.report.build import Known, build, choose, method_keys
from stvsr_bench.report.figures import breakdown, pareto
from stvsr_bench.report.figures.scenes import most_apart, write_scenes
from stvsr_bench.report.frames import Saved, method_label, saved
from stvsr_bench.report.page import document as page
from stvsr_bench.report.published.text import ledger_csv, ledger_md
from stvsr_bench.report.published.verdicts import ledger, read_published
from stvsr_bench.report.tables import csvjson, latex, markdown
from stvsr_bench.report.tables.cost import costs_csv, costs_md
from stvsr_bench.report.tables.spread import spread, spread_figure, spread_md
from stvsr_bench.report.tables.table import Options, Table, display
from stvsr_bench.report.tidy import by_position, read, tidy
from stvsr_bench.rows import store
from stvsr_bench.schema import Row

LATEST = Path("runs/latest")
MOST_COLUMNS = 8  # of numbers in one LaTeX table: four splits of two metrics


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
    def known(self) -> Known:
        """What is known beside the rows: the size of each split, and what failed."""
        cells = {key: cell for manifest in self.manifests for key, cell in manifest.get("cells", {}).items()}
        clips = {key: int(cell["clips"]) for key, cell in cells.items()}
        return Known(clips, tuple(self.failures))


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
            self.files += pareto.save(figure, self.folder / name)


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
    measured: Measured, folder: Path, options: Options, output: Output | None = None
) -> tuple[list[Table], Written]:
    """The tables, and the files that were written into `folder`: Markdown, CSV, JSON, LaTeX, figures, page, ledger."""
    output = output or Output()
    tables = build(measured.tidy, measured.profiles, options, measured.known)
    written = Written(folder)
    written.text("table.md", markdown.document(measured.name, facts(measured), tables, costs_md(measured.profiles)))
    written.text("table.csv", csvjson.tables_csv(tables))
    written.text("table.json", csvjson.tables_json(tables, facts(measured)))
    if measured.profiles:
        written.text("cost.csv", costs_csv(measured.profiles))
    entries = ledger(measured.tidy, read_published())
    written.text("ledger.md", ledger_md(entries))
    written.text("ledger.csv", ledger_csv(entries))
    write_latex(written, tables, output.style)
    if output.figures:
        write_figures(written, measured, tables, options)
    if output.scenes and (found := saved_of(measured, tables)):
        rows = [row for row in measured.rows if row.protocol_key == main_table(tables).protocol_key]
        tidy_of = measured.tidy[measured.tidy["protocol_key"] == main_table(tables).protocol_key]
        chosen = most_apart(found, tidy_of, output.scenes)
        written.files += write_scenes(folder / "figures", chosen, rows, tidy_of, output.films)
    if output.page:
        write_page(written, measured, tables, output)
    return tables, written


def write_latex(written: Written, tables: Sequence[Table], style: latex.Style) -> None:
    """A file for each table (for each data set where one would be too wide to read), and a paper that has them all."""
    names = []
    for table in tables:
        alike = sum(other.protocol == table.protocol for other in tables) > 1
        protocol = table.protocol_key if alike else table.protocol
        main = table.of_frames("all")
        datasets = {f"{protocol}-{store.path_component(dataset)}": dataset for dataset in table.datasets}
        parts = {f"main-{protocol}": main}
        if len(main.columns) > MOST_COLUMNS:
            parts = {f"main-{name}": main.of_dataset(dataset) for name, dataset in datasets.items()}
        for name, dataset in datasets.items():  # given and between double the columns
            parts[f"apart-{name}"] = table.of_dataset(dataset).of_frames("given", "between")
        for name, part in parts.items():
            if part.columns:
                apart = name.startswith("apart")
                text = latex.table_tex(part, style, latex.caption_of(part, apart), f"tab:{name}", with_facts=not apart)
                written.text(f"tex/{name}.tex", text)
                names.append(name)
    written.text("tex/example.tex", latex.example(style, names))


def write_page(written: Written, measured: Measured, tables: Sequence[Table], output: Output) -> None:
    """`index.html`, and beside it (or in it) the frames of the saved clips of each split where methods differ most."""
    found = saved_of(measured, tables)
    kept: dict[tuple[str, str], list[Saved]] = {}
    for one in most_apart(found, measured.tidy, len(found)) if found else []:
        kept.setdefault((one.dataset, one.split), []).append(one)
    chosen = [one for of in kept.values() for one in of[: output.page_clips]]
    document = page.document(tables, measured.tidy, measured.rows, chosen, facts(measured), output.frame_quality)
    downloads = {
        path.name: path.read_text("utf-8")
        for path in written.files
        if path.name == "table.csv" or path.parent.name == "tex"
    }
    embedded = dict(page.frame_urls(chosen, output.frame_quality)) if output.embed else None
    written.text("index.html", page.html(document, downloads, embedded))
    if not output.embed:
        page.write_frames(written.folder, chosen, output.frame_quality)


def saved_of(measured: Measured, tables: Sequence[Table]) -> list[Saved]:
    """The clips with saved frames."""
    clips = measured.tidy[["dataset", "split", "clip"]].drop_duplicates().itertuples(index=False, name=None)
    named = list(dict.fromkeys((line.method, line.weights) for table in tables for line in table.lines))
    if not any((run / "frames").is_dir() for run in measured.runs):
        return []
    return saved(measured.runs, list(clips), named)


def write_spread(measured: Measured, folder: Path, options: Options) -> str:
    """One method under every protocol and variant of the metric, split by split, as Markdown; also written down.

    The method is the first of those asked for, else the best.
    """
    tables = build(measured.tidy, measured.profiles, options, measured.known)
    ranked = ranking(main_table(tables)) or [(line.method, line.weights) for line in main_table(tables).lines]
    head = method_keys(choose(measured.tidy, options), options.methods)[0] if options.methods else ranked[0]
    name = method_label(*head)
    mine = [row for row in measured.rows if (row.method, row.weights) == head]
    written = Written(folder)
    parts = [f"# {markdown.text_md(name)}: what the protocol is worth", ""]
    for dataset, split in dict.fromkeys((row.dataset, row.split) for row in mine if asked(options.splits, row.split)):
        rows = [row for row in mine if (row.dataset, row.split) == (dataset, split)]
        place, of = f"{dataset} {split}", spread(rows)
        parts += [spread_md(f"{place}, PSNR", of), spread_md(f"{place}, SSIM", spread(rows, "ssim"), "ssim")]
        written.figure(
            f"figures/spread-{store.path_component(dataset)}-{store.path_component(split)}",
            spread_figure(f"{name} on {place}", of),
        )
    text = "\n".join(parts)
    written.text("spread.md", text)
    return text


def asked(names: Sequence[str], name: str) -> bool:
    """Whether a name was asked for; nothing named asks for all."""
    return not names or name in names


def main_table(tables: Sequence[Table]) -> Table:
    """The table that figures are drawn from: the suite's own protocol where it was measured, else the first."""
    return next((table for table in tables if table.protocol == protocols.DEFAULT), tables[0])


def write_figures(written: Written, measured: Measured, tables: Sequence[Table], options: Options) -> None:
    """Figures of the main protocol; each that has nothing to show is left out."""
    table = main_table(tables)
    shown = {(line.method, line.weights) for line in table.lines}
    chosen = choose(measured.tidy, options)
    tidy = chosen[chosen["protocol_key"] == table.protocol_key]
    for fact in ("seconds", "runtime_ms", "params", "gmacs"):
        written.figure(f"figures/psnr-{fact.split('_')[0]}", pareto.quality_against_cost(table, fact))
    rows = [row for row in measured.rows if row.protocol_key == table.protocol_key]
    positions = by_position([row for row in rows if (row.method, row.weights) in shown], "psnr_y")
    written.figure("figures/psnr-position", breakdown.by_frame_position(positions))
    written.figure("figures/psnr-motion", breakdown.against_motion(tidy))
    written.figure("figures/motion", breakdown.motion_histogram(tidy))
    for along in get_args(breakdown.SweepAxis):
        written.figure(f"figures/sweep-{along}-runtime", breakdown.sweep(measured.profiles, "runtime_ms", along))
        written.figure(f"figures/sweep-{along}-memory", breakdown.sweep(measured.profiles, "memory_mib", along))
    written.figure("figures/top-t", breakdown.top_t(measured.profiles))
    for name, figure in breakdown.ablation(tidy).items():
        written.figure(f"figures/ablation-{name}", figure)
    if len(ranked := ranking(table)) > 1:
        written.figure("figures/clip-against-clip", breakdown.clip_against_clip(tidy, ranked[1], ranked[0]))


def ranking(table: Table) -> list[tuple[str, str]]:
    """The methods from best to worst by the mean of their first metric; untrained and partial ones are left out."""
    metric = table.columns[0].metric
    keep = [i for i, of in enumerate(table.columns) if of.metric == metric and of.frames == "all"]
    scored = [
        (sum(line.cells[i].value or 0.0 for i in keep), (line.method, line.weights))
        for line in table.lines
        if not {"untrained", "partial"} & set(line.badges) and all(line.cells[i].value is not None for i in keep)
    ]
    higher = display(metric).better != "lower"
    return [head for _, head in sorted(scored, reverse=higher)]


def facts(measured: Measured) -> dict[str, Any]:
    """What stands at the head of every report: which run, when, where, how much of it failed."""
    environments = {name: of for run in measured.runs for name, of in _environments(run).items()}
    used = [environments[name] for name in dict.fromkeys(row.env for row in measured.rows) if name in environments]
    return {
        "run": measured.name,
        "started": [str(manifest["started"]) for manifest in measured.manifests if manifest.get("started")],
        "commit": [str(of.get("commit", ""))[:10] + ("+" if of.get("dirty") else "") for of in used],
        "device": [str(of.get("machine", {}).get("gpu") or of.get("machine", {}).get("cpu", "")) for of in used],
        "suite": sorted({row.suite for row in measured.rows if row.suite}),
        "rows": len(measured.rows),
        "clips": int(measured.tidy[["dataset", "split", "clip"]].drop_duplicates().shape[0]),
        "failed": len(measured.failures),
    }


def _environments(run: Path) -> dict[str, dict[str, Any]]:
    path = run / "env.json"
    if not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
