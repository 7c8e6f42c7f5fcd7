"""Several run folders made one: shards of a cluster, machines that shared a split."""

from collections.abc import Sequence
from pathlib import Path

from stvsr_bench.errors import DataError
from stvsr_bench.rows import manifest, store
from stvsr_bench.schema import Row


def merge(runs: Sequence[Path], out: Path) -> int:
    """One run folder of several: rows (each once), failures, environments and manifests. The number of rows.

    Raises:
        DataError: two folders hold different values for one row; numbers that disagree are not averaged.
    """
    rows: dict[str, Row] = {}
    for run in (*([out] if out.is_dir() else []), *runs):
        for row in store.read_rows(run):
            known = rows.setdefault(row.key, row)
            if known.values != row.values:
                raise DataError(f"{run}: {row.method} on {row.clip} has other values than in another folder")
    with store.locked(out):
        store.write_atomic(
            store.rows_file(out, "merged"), b"".join(store.ROWS.dump_json(row) + b"\n" for row in rows.values())
        )
        for path in out.glob("rows-*.jsonl"):
            if path != store.rows_file(out, "merged"):
                path.unlink()
        for name in ("failures.jsonl", "profile.jsonl"):
            lines = dict.fromkeys(line for run in runs for line in store.complete_lines(run / name))
            store.write_atomic(out / name, b"".join(lines))
        store.write_json(
            out / "env.json", {key: value for run in runs for key, value in store.read_json(run / "env.json").items()}
        )
        manifest.write_merged(out, runs)
    return len(rows)
