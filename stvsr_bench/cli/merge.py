"""`stvsr-bench merge`: the rows of several run folders (shards, machines) in one."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import NotRunnableError, counted


def merge(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, e.g. shard-*/.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    as_json: options.Json = False,
) -> None:
    """Join the rows of several run folders in one. Equal rows are kept once; a folder without rows is an error."""
    from stvsr_bench.rows import store
    from stvsr_bench.rows.merge import merge as merge_runs

    empty = [run for run in runs if not run.is_dir() or not store.done(run)]
    if empty:
        raise NotRunnableError(f"no rows in {', '.join(map(str, empty))}; merge only finished shards")
    rows = merge_runs(runs, out)
    if as_json:
        reader.document({"out": str(out), "rows": rows, "folders": [str(run) for run in runs]})
    else:
        reader.say(f"{out}: {counted(rows, 'row')} of {counted(len(runs), 'folder')}")
