"""The files of a run folder beside its rows: whether they are what the rows and their data say.

A page shows saved frames, a table says "partial" from the manifest's counts, a tolerance comes from the environments:
each can be edited, and none is computed again with a row.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stvsr_bench import datasets, metrics, protocols
from stvsr_bench.data.frames import from_bytes, read
from stvsr_bench.errors import BenchError, DataError, counted
from stvsr_bench.rows import frames, manifest, store
from stvsr_bench.rows.frames import place_of
from stvsr_bench.rows.names import COMMANDS, TRUTH
from stvsr_bench.runner.origins import Origins
from stvsr_bench.schema import Row, digest


def contradicted(run: Path, rows: Iterable[Row], origins: Origins) -> list[str]:
    """A sentence for each file that says something else than the rows, their data or its own digest.

    Raises:
        DataError: a file cannot be read.
    """
    return [*_environments(run), *_commands(run), *_counts(run, origins), *_frames(run, rows)]


def _environments(run: Path) -> Iterator[str]:
    for name, facts in store.environments(run).items():
        if name != digest(facts)[: len(name)]:
            yield f"env.json: the entry {name} was edited: its name is a digest of what it says"


def _commands(run: Path) -> Iterator[str]:
    files = sorted((run / COMMANDS).glob("*.toml"))
    # the last one; of a merged folder the last of its first part
    if files and (run / "run.toml").read_bytes() not in {file.read_bytes() for file in files}:
        yield f"run.toml: it is none of the commands in {COMMANDS}/"
    history = manifest.read(run).get("history")
    if files and isinstance(history, list) and len(history) != len(files):
        yield f"{COMMANDS}/: {counted(len(files), 'command')}, manifest.json counts {len(history)}"


def _counts(run: Path, origins: Origins) -> Iterator[str]:
    """The manifest's number of clips of each split decides whether a table says "partial"."""
    cells = manifest.read(run).get("cells", {})
    asked = {name: protocols.known(name) for command in origins.commands for name in command.protocols}
    by_key = {one.key: one for one in [*protocols.PROTOCOLS.values(), *asked.values()] if one is not None}
    for cell, facts in cells.items() if isinstance(cells, dict) else ():
        if cell.count("/") < 2 or not isinstance(facts, dict):
            yield f"manifest.json: '{cell}' is not an entry of a split"
            continue
        label, split, key = cell.rsplit("/", 2)
        known = by_key.get(key)
        where = origins.data_set(label)
        if known is None or where is None:
            continue
        try:
            clips = len(datasets.find(*where, label).clips(split, known.lists).names)
        except BenchError:  # its rows cannot be computed either, and that is said of them
            continue
        if facts.get("clips") != clips:
            yield f"manifest.json: {label}/{split} has other clips here ({clips}) than there ({facts.get('clips')})"


def _frames(run: Path, rows: Iterable[Row]) -> Iterator[str]:
    """Saved frames against saved truth give the row's squared error, to the bit."""
    for row in rows:
        protocol = protocols.known(row.protocol)
        place = place_of(run, row)
        if protocol is None or not protocol.round_8bit or protocol.crop or not frames.count(place.folder):
            continue
        folders = (place.folder, place.beside(TRUTH))
        try:
            sr_SCHW, hr_SCHW = (from_bytes(read([folder / f"{i:05d}.png" for i in row.frames])) for folder in folders)
            same = np.array_equal(metrics.mse_y(sr_SCHW, hr_SCHW), row.values["mse_y"])
        except (DataError, KeyError, ValueError):
            same = False
        if not same:
            where = place.folder.relative_to(run)
            yield f"{where}: the saved frames, or the truth beside them, are not those of the row"
