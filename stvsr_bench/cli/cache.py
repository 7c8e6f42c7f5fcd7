"""`stvsr-bench cache`: what is kept on this disk, and making room."""

import sys
from typing import Annotated, Any

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import StoppedError, UsageError, counted

app = typer.Typer(help="Show what is kept on this disk, and make room.", no_args_is_help=True)


@app.command()
def info(as_json: options.Json = False) -> None:
    """Say where the cache is, what is in it, and how large each part is."""
    from stvsr_bench import checkpoints, plugins
    from stvsr_bench.acquire.kept import kept

    rows: list[dict[str, Any]] = [
        {"part": one.kind.name, "files": len(one.files), "bytes": one.size, "others": one.others, "what": one.kind.what}
        for one in kept()
    ]
    listed = [entry for entry in checkpoints.entries() if entry.path.is_file()]
    unused = checkpoints.unused()
    files = {entry.path for entry in listed}
    weights = {"part": "weights", "files": len(files), "bytes": _size(files), "others": 0}
    rows.append({**weights, "what": "weights that were added or fetched; see: weights list, weights remove"})
    old = {"part": "unused", "files": len(unused), "bytes": _size(unused), "others": 0}
    rows.append({**old, "what": "weights that were replaced; see: weights remove --unused"})
    if as_json:
        reader.document({"home": str(plugins.home()), "parts": rows}, indent=1)
        return
    reader.say(f"{plugins.home()} ($STVSR_BENCH_HOME chooses another folder)")
    for row in rows:
        reader.say(f"  {row['part']:10} {size(row['bytes']):>10}  {counted(row['files'], 'file'):>11}  {row['what']}")
    if others := sum(row["others"] for row in rows):
        reader.say(f"  {counted(others, 'file')} or link beside them is not from stvsr-bench and is never deleted")


@app.command()
def clear(
    parts: Annotated[
        list[str] | None,
        typer.Argument(help="clips, lr, videos, downloads, examples, lists; default all except lists.", metavar="PART"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: options.Json = False,
) -> None:
    """Delete what can be made or fetched again. Asks first, and never deletes weights or files of others."""
    from stvsr_bench.acquire import kept as work

    found = work.kept(parts or [kind.name for kind in work.KINDS if kind.plain])
    files, total = sum(len(one.files) for one in found), sum(one.size for one in found)
    if files:
        for one in (one for one in found if one.files):
            reader.note(f"{one.folder}: {counted(len(one.files), 'file')}, {size(one.size)}")
        confirm(f"Delete {counted(files, 'file')}, {size(total)}?", yes)
    freed = work.clear(found)
    if as_json:
        reader.document({"deleted": files, "bytes": freed})
    else:
        reader.say(f"deleted {counted(files, 'file')}, {size(freed)}" if files else "nothing to delete")


def confirm(question: str, yes: bool) -> None:
    """Ask where somebody can answer.

    Raises:
        StoppedError: the answer is no.
        UsageError: nobody can answer, and `yes` is not said.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} Nothing was deleted; to do it without a question, add --yes")
    if not typer.confirm(question, err=True):
        raise StoppedError("nothing was deleted")


def size(count: int) -> str:
    """Bytes as people read them: `0 B`, `41.2 MB`."""
    amount, units = float(count), ["kB", "MB", "GB", "TB"]
    if count < 1000:
        return f"{count} B"
    while (amount := amount / 1000) >= 1000 and len(units) > 1:
        units.pop(0)
    return f"{amount:.3g} {units[0]}" if amount < 1000 else f"{amount:.0f} {units[0]}"


def _size(files: Any) -> int:
    return sum(file.stat().st_size for file in files)
