"""`stvsr-bench merge`: the rows of several run folders (shards, machines) in one."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import reader
from stvsr_bench.errors import NotRunnableError


def merge(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, e.g. shard-*/.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
) -> None:
    """Merge run folders into one. Equal rows are kept once; folders that hold no row are named."""
    from stvsr_bench.rows import store
    from stvsr_bench.rows.merge import merge as merge_runs

    empty = [run for run in runs if not run.is_dir() or not store.done(run)]
    if empty:
        raise NotRunnableError(f"no rows in {', '.join(map(str, empty))}; merge only finished shards")
    reader.say(f"{out}: {merge_runs(runs, out)} rows of {len(runs)} folders")
