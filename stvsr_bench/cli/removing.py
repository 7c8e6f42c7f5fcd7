"""`stvsr-bench weights remove`: weights that are kept in the cache, away from this disk."""

from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.cli.cache import confirm, size
from stvsr_bench.errors import UsageError, WeightsError, counted

if TYPE_CHECKING:
    from stvsr_bench.checkpoints import Entry


def remove(
    names: Annotated[list[str] | None, typer.Argument(help="METHOD@TAG, one or several.", metavar="NAME")] = None,
    unused: Annotated[bool, typer.Option("--unused", help="Files that were replaced and have no name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: options.Json = False,
) -> None:
    """Delete weights that weights add or weights get put on this disk."""
    from stvsr_bench import checkpoints

    if bool(names) == unused:
        raise UsageError("name the weights to remove, e.g. weights remove stdan@own; or write --unused alone")
    entries = [_entry(name) for name in names or ()]
    files = checkpoints.unused() if unused else sorted({entry.path for entry in entries if entry.path.is_file()})
    total = sum(file.stat().st_size for file in files)
    if files or entries:
        what = ", ".join(names or [counted(len(files), "file")])
        confirm(f"Remove {what} ({size(total)})?", yes)
    done = checkpoints.remove_unused() if unused else checkpoints.remove(entries) if entries else []
    if as_json:
        reader.document({"removed": names or [], "files": [str(file) for file in done]}, indent=1)
        return
    for entry in entries:
        kept = "" if entry.path in done else "; its file stays, another name has it"
        reader.say(f"removed {entry.method}@{entry.tag}, {entry.name}, SHA-256 {entry.sha256}{kept}")
    if unused:
        reader.say(f"removed {counted(len(done), 'file')}, {size(total)}" if done else "nothing to remove")


def _entry(name: str) -> "Entry":
    from stvsr_bench import checkpoints

    method, _, tag = name.partition("@")
    entry = checkpoints.listed(method, tag)
    if entry is not None:
        return entry
    known = [f"{one.method}@{one.tag}" for one in checkpoints.entries()]
    listed = f"; it has {', '.join(known)}" if known else "; it has none"
    raise WeightsError(
        f"{name} is not in the cache{listed}. Weights of a package or of this checkout are removed with that"
    )
