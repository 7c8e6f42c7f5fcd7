"""`manifest.json` of a run folder: read, written, and made one of several."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stvsr_bench.rows.store import done, read_json, write_json
from stvsr_bench.schema import Manifest


def read(run: Path) -> dict[str, Any]:
    """The manifest as it was written (see `schema.Manifest`); empty if there is none.

    Raises:
        DataError: the file holds no JSON object.
    """
    return read_json(run / "manifest.json")


def write(run: Path, manifest: Manifest) -> None:
    """The manifest of the command that runs now; what earlier commands on this folder measured stays listed."""
    before = read(run)
    fields = asdict(manifest)
    kept = {name: {**before.get(name, {}), **fields[name]} for name in ("protocols", "cells", "methods")}
    write_json(run / "manifest.json", {**fields, **kept})


def merged(name: str, runs: Iterable[Path]) -> dict[str, Any]:
    """One manifest of several runs, for a folder of that name; where two disagree the later one counts."""
    whole: dict[str, Any] = {}
    for run in runs:
        for key, value in read(run).items():
            whole[key] = {**whole.get(key, {}), **value} if isinstance(value, dict) else value
    return {**whole, "run": name}


def summaries(folder: Path) -> list[dict[str, Any]]:
    """The runs in a folder by name: how many rows each has, and the methods that its manifest names."""
    return [
        {"name": run.name, "rows": len(done(run)), "methods": sorted(read(run).get("methods", {}))}
        for run in sorted(path.parent for path in folder.glob("*/manifest.json"))
        if not run.is_symlink()  # `latest` is the same run again
    ]
