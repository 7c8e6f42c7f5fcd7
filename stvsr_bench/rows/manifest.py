"""`manifest.json` of a run folder: read, written, and made one of several."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stvsr_bench.errors import DataError, spelled
from stvsr_bench.rows.store import done, read_json, write_json
from stvsr_bench.schema import Manifest, digest

_KEPT = ("protocols", "cells", "datasets", "methods")


def read(run: Path) -> dict[str, Any]:
    """The manifest as it was written (see `schema.Manifest`); empty if there is none.

    Raises:
        DataError: the file is damaged.
    """
    found = read_json(run / "manifest.json")
    for name in (*_KEPT, "metrics"):  # older runs have another history
        if not isinstance(found.get(name, {}), dict):
            raise DataError(f"{run / 'manifest.json'}: '{name}' is of another kind; delete it, the rows are safe")
    return found


def write(run: Path, manifest: Manifest) -> int:
    """The manifest of the command that runs now; what earlier ones on this folder measured stays listed.

    The number of commands, this one among them.
    """
    before = read(run)
    fields = asdict(manifest)
    kept = {name: {**before.get(name, {}), **fields[name]} for name in _KEPT}
    # a command says what it asked for; what all of them measured is in the lists above
    entry = {name: fields[name] for name in ("argv", "started", "env")} | {
        "methods": {spec: {"sha256": of["sha256"], "code": of["code"]} for spec, of in manifest.methods.items()},
        "cells": sorted(manifest.cells),
    }
    earlier = before.get("history")
    history = [*(earlier if isinstance(earlier, list) else ()), entry]
    write_json(run / "manifest.json", {**fields, **kept, "history": history})
    return len(history)


def place_of(path: str) -> str:
    """A short digest of where a data set lies: two folders of one name are told apart, and no manifest names a home."""
    return digest(str(Path(path).expanduser().resolve()))[:12]


def labels_then(run: Path, paths: Sequence[str]) -> dict[str, str]:
    """The names in a folder's rows of data sets that its commands named by these paths, by path.

    A run folder is sent to other machines, and `./clips` is read in another folder: then the place is not the one that
    was noted, and the last part of the path alone tells.
    """
    found = labels(run, paths)
    before = read(run).get("datasets")
    known = set(before) if isinstance(before, dict) else set()
    free = known - set(found.values())
    for path, label in found.items():
        alike = [one for one in free if _name_of(one) == _name_of(label)]
        if label not in known and len(alike) == 1:
            found[path] = alike[0]
    return found


def _name_of(label: str) -> str:
    return re.sub("#[0-9a-f]{4}$", "", label)


def labels(run: Path, paths: Sequence[str]) -> dict[str, str]:
    """The names in rows of data sets that are named by a path, by path.

    It is the last part of the path; where this run folder, or an earlier path, has a data set of that name that lies
    elsewhere, a few digits tell which one is meant.
    """
    before = read(run).get("datasets")
    known: dict[str, str] = dict(before) if isinstance(before, dict) else {}
    found = {}
    for path in paths:
        name, place = spelled(Path(path).expanduser().resolve().name), place_of(path)
        label = name if known.get(name, place) == place else f"{name}#{place[:4]}"
        known.setdefault(label, place)
        found[path] = label
    return found


def merged(name: str, runs: Iterable[Path]) -> dict[str, Any]:
    """One manifest of several runs, for a folder of that name; where two disagree the later one counts."""
    whole: dict[str, Any] = {}
    for run in runs:
        for key, value in read(run).items():
            if isinstance(value, dict):
                whole[key] = {**whole.get(key, {}), **value}
            else:
                joined = key == "history" and isinstance(value, list)
                whole[key] = [*whole.get(key, []), *value] if joined else value
    return {**whole, "run": name}


def summaries(folder: Path) -> list[dict[str, Any]]:
    """The runs in a folder by name: how many rows each has, and the methods that its manifest names."""
    return [
        {"name": run.name, "rows": len(done(run)), "methods": sorted(read(run).get("methods", {}))}
        for run in sorted(path.parent for path in folder.glob("*/manifest.json"))
        if not run.is_symlink()  # `latest` is the same run again
    ]
