"""`stvsr-bench report`: tables and figures from the rows of a run."""

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run folders; default runs/latest.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write; default reports/<run name>.")
    ] = None,
    metrics: Annotated[str, typer.Option(help="Metrics to show, in this order.")] = "psnr_y,ssim_y",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> None:
    """Write tables and figures of a run, from its rows alone."""
    from rich.console import Console

    from stvsr_bench.report import csvjson, markdown
    from stvsr_bench.report.tables import Options
    from stvsr_bench.report.write import LATEST, facts, load, write

    measured = load(runs or [LATEST])
    tables, written = write(measured, out or Path("reports") / measured.name, Options(metrics=_names(metrics)))
    if as_json:
        document = json.loads(csvjson.tables_json(tables, facts(measured)))
        print(json.dumps({**document, "files": [str(path) for path in written.files]}, ensure_ascii=False))
        return
    print(markdown.document(measured.name, facts(measured), tables))
    Console(stderr=True).print(f"report: {written.folder / 'table.md'}", highlight=False, markup=False)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.replace(",", " ").split() if name)
