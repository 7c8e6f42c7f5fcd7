"""Several run folders made one: shards of a cluster, machines that shared a split."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stvsr_bench.data.atomic import beside, whole
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.rows import frames, manifest, store
from stvsr_bench.rows.joining import joined
from stvsr_bench.rows.lines import complete_lines, line_of
from stvsr_bench.rows.names import COMMANDS


def merge(runs: Sequence[Path], out: Path) -> int:
    """One run folder of several: rows (each once, with the metrics of all), failures, profiles, environments,
    manifests, kept frames and the first `run.toml`. What `out` holds already is one of them. The number of rows.

    No row is written before all of them were read.

    Raises:
        DataError: two folders hold different values for one row; numbers that disagree are not averaged.
        NotRunnableError: `out` is in use or cannot be written.
    """
    sources = _distinct([*([out] if out.is_dir() else []), *runs])
    environments = {run: store.environments(run) for run in sources}
    facts = {key: value for found in environments.values() for key, value in found.items()}
    places: dict[str, list[store.Place]] = {}
    for run in sources:
        for key, place in store.places(run).items():
            places.setdefault(key, []).append(place)
    lines = {
        name: dict.fromkeys(line for run in sources for _, line in complete_lines(run / name))
        for name in ("failures.jsonl", "profile.jsonl", store.SUPERSEDED)
    }
    history = manifest.merged(out.name, sources)
    with store.locked(out):
        store.sweep(out)
        _join(places, facts, out)
        for path in out.glob("rows-*.jsonl"):
            if path != store.rows_file(out, "merged"):
                path.unlink()
        for name, found in lines.items():
            if not found and name == store.SUPERSEDED:
                continue
            store.write_atomic(out / name, b"".join(line + b"\n" for line in found))
        store.write_json(out / "env.json", facts)
        store.write_json(out / "manifest.json", history)
        for run in sources:
            _take_over(run, out)
    return len(places)


def _join(places: Mapping[str, Sequence[store.Place]], facts: Mapping[str, Any], out: Path) -> None:
    """Write all rows to `out`, read one by one: a million of them take some GB of memory."""
    try:
        with whole(store.rows_file(out, "merged")) as file:
            for found in places.values():
                row = found[0].row()
                for place in found[1:]:
                    row = joined(row, place.row(), facts, str(place.path.parent))
                file.write(line_of(row) + b"\n")
    except BaseException as error:
        if [path.name for path in out.iterdir()] == [".lock"]:
            # a merge that is refused leaves no folder behind that the lock alone has made; another's stays
            shutil.rmtree(out, ignore_errors=True)
        if isinstance(error, OSError):
            raise NotRunnableError(f"cannot write {out}: {error.strerror}") from None
        raise


def _distinct(folders: Sequence[Path]) -> list[Path]:
    """Each folder once, by where it really is: `runs/latest` is a link to another of them."""
    return list({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]


def _take_over(run: Path, out: Path) -> None:
    """`run.toml`, commands and kept frames of a run, where the merged folder has none of its own."""
    if run.resolve() == out.resolve():
        return
    try:
        if (run / "run.toml").is_file() and not (out / "run.toml").exists():
            store.write_atomic(out / "run.toml", (run / "run.toml").read_bytes())
        count = len(list((out / COMMANDS).glob("*.toml")))
        # equal ones too (shards ask for the same): the manifest's history counts each
        for number, path in enumerate(sorted((run / COMMANDS).glob("*.toml")), start=count + 1):
            store.write_atomic(out / COMMANDS / f"{number:04d}.toml", path.read_bytes())
        for clip in sorted((run / "frames").glob("*/*/*/*/*")):
            target = out / clip.relative_to(run)
            # fewer than here: an older merge that was killed
            if clip.is_dir() and not clip.name.startswith(".") and frames.count(target) < frames.count(clip):
                _copy(clip, target)
    except OSError as error:
        raise NotRunnableError(f"cannot write {out}: {error.strerror}; its rows are merged") from None


def _copy(folder: Path, target: Path) -> None:
    partial = beside(target)
    try:
        shutil.copytree(folder, partial, copy_function=_link)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A second name for the same frame, or a copy where the file system has no such thing (or is another one)."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
