"""`stvsr-bench report`: tables, figures and one page from the rows of a run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import several

if TYPE_CHECKING:
    from stvsr_bench.report.tables.latex import Style
    from stvsr_bench.report.tables.table import Table
    from stvsr_bench.report.write import Written

Runs = Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="Run folders; default runs/latest.")]
FrameQuality = Annotated[
    int, typer.Option(min=0, max=100, help="Its frames as WebP of this quality (small); 0: as saved, exact.")
]
Into = Annotated[Path | None, typer.Option(help="Also put the tables between a file's <!-- table --> lines.")]


def report(
    runs: Runs = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder; default reports/<run name>.")] = None,
    metrics: Annotated[str, typer.Option(help="Metrics to show, in this order.")] = "psnr_y,ssim_y",
    columns: Annotated[str, typer.Option(help="Costs: params,gmacs,gmacs_fast,runtime_ms,memory_mib,seconds.")] = "",
    methods: Annotated[str, typer.Option("--methods", "-m", help="Methods to show, in this order.")] = "",
    splits: Annotated[str, typer.Option("--split", "-s", help="Splits to show.")] = "",
    protocols: Annotated[str, typer.Option("--protocol", "-p", help="Protocols to show.")] = "",
    ours: Annotated[str, typer.Option(help="Methods to show in a group 'ours'.")] = "",
    style: Annotated[str, typer.Option(help="LaTeX: plain, ieee or cvpr.")] = "plain",
    common: Annotated[bool, typer.Option("--common", help="Only clips that every method has.")] = False,
    intervals: Annotated[bool, typer.Option("--intervals", help="95 % intervals beside the means.")] = False,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
    page: Annotated[bool, typer.Option(help="Write index.html.")] = True,
    page_clips: Annotated[int, typer.Option(min=0, help="Clips per split with saved frames beside the page.")] = 3,
    frame_quality: FrameQuality = 0,
    embed: Annotated[bool, typer.Option("--embed", help="Frames inside index.html instead of beside it.")] = False,
    scenes: Annotated[int, typer.Option(min=0, help="Figures of saved frames where methods differ most.")] = 3,
    films: Annotated[bool, typer.Option(help="GIF (and MP4 with the video extra) beside each of them.")] = True,
    into: Into = None,
    spread: Annotated[bool, typer.Option("--spread", help="Methods under all protocols and variants.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Write tables, figures and one offline page of a run, from its rows alone."""
    from stvsr_bench.report.costs import profiles_alone, write_costs
    from stvsr_bench.report.tables.cost import costs, costs_grid
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import LATEST, Output, facts, load, write

    if profiles := profiles_alone(runs or [LATEST]):
        name = "+".join(run.resolve().name for run in runs or [LATEST])
        text = write_costs(profiles, name, out or Path("reports") / name)
        reader.document({"run": name, "costs": costs(profiles)}) if as_json else reader.say(text)
        reader.note("the folder has profiles and no rows: this is a report of costs alone")
        return
    options = Options(
        metrics=several(metrics),
        facts=several(columns),
        methods=several(methods),
        splits=several(splits),
        protocols=several(protocols),
        ours=several(ours),
        common=common,
        intervals=intervals,
    )
    measured = load(runs or [LATEST])
    folder = out or Path("reports") / measured.name
    if spread:
        from stvsr_bench.report.spreading import write_spread

        reader.say(write_spread(measured, folder, options))
        return
    output = Output(_style(style), figures, page, page_clips, frame_quality, embed, scenes, films)
    tables, written = write(measured, folder, options, output)
    if into is not None:
        _put_into(into, tables, costs_grid(measured.profiles) if measured.profiles else "")
    _print(tables, written, facts(measured) if as_json else None)


def _print(tables: "list[Table]", written: "Written", about: "dict[str, Any] | None") -> None:
    """The tables, or with what a report says of its run one JSON document."""
    if about is not None:
        from stvsr_bench.report.tables import csvjson

        document = json.loads(csvjson.tables_json(tables, about))
        reader.document({**document, "files": [str(path) for path in written.files]})
        return
    from stvsr_bench.cli.console import print_tables

    print_tables(tables)
    reader.say(f"tables, figures and page: {written.folder}")


def _put_into(file: Path, tables: "list[Table]", cost: str) -> None:
    from stvsr_bench.errors import UsageError
    from stvsr_bench.report.tables import markdown
    from stvsr_bench.rows import store

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--into {file}: cannot be read: {error.strerror}") from None
    store.write_atomic(file, markdown.into(text, tables, cost))


def _style(name: str) -> "Style":
    from stvsr_bench.errors import UnknownNameError
    from stvsr_bench.report.tables.latex import STYLES

    for style in STYLES:
        if style == name:
            return style
    raise UnknownNameError("style", name, STYLES)
