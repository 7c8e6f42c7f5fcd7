"""`stvsr-bench bundle`: the rows of a run as one file to send, and the files of several labs as one report."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import UsageError, counted


def bundle(
    words: Annotated[list[str], typer.Argument(metavar="RUN | add FILE", help="A run folder; or add and bundles.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle to write; with add, the run folder.")],
    claimed_by: Annotated[str, typer.Option("--as", help="The name that the bundle claims, e.g. of your lab.")] = "",
    report: Annotated[
        Path | None, typer.Option("--report", help="With add: default reports/NAME of the folder.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Pack the rows of a run (no frames) into one file, or collect such files into one report.

    A bundle contains the commands, paths and machine facts of its run: look at them before you send it. To check what
    a bundle claims: stvsr-bench verify FILE --sample 1%
    """
    if words[0] == "add":
        _add([Path(word) for word in words[1:]], out, report, as_json)
        return
    if len(words) > 1:
        raise UsageError(
            f"bundle {' '.join(words)}: one run folder at a time; to collect bundles, write bundle add FILE..."
        )
    from stvsr_bench.rows.bundle import pack

    made = pack(Path(words[0]), out, claimed_by)
    if as_json:
        reader.document({**vars(made), "file": str(out), "bytes": out.stat().st_size})
        return
    size, claimed = f"{out.stat().st_size / 1000:.0f} kB", made.claimed_by or "nobody"
    reader.say(f"{out}: {counted(made.rows, 'row')}, {size}, claimed by {claimed}")
    reader.say(f"digest {made.digest}; it shows a later change, but it is not a signature")


def _add(files: list[Path], out: Path, report: Path | None, as_json: bool) -> None:
    from stvsr_bench.cli.console import print_tables
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import load, write
    from stvsr_bench.rows.bundle import collect

    if not files:
        raise UsageError("bundle add: name the bundles, e.g. bundle add one.zip two.zip --out runs/board")
    found = collect(files, out)
    tables, written = write(load([out]), report or Path("reports") / out.name, Options())
    if as_json:
        listed = [vars(one) for one in found]
        reader.document({"bundles": listed, "out": str(out), "files": [str(file) for file in written.files]})
        return
    print_tables(tables)
    for file, one in zip(files, found, strict=True):
        reader.say(
            f"{file.name}: {counted(one.rows, 'row')}, claimed by {one.claimed_by or 'nobody'}, digest {one.digest}"
        )
    reader.say(
        f"None of it was computed again; to do that: stvsr-bench verify FILE --sample 1%. Report: {written.folder}"
    )
