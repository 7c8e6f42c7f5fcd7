"""Bundles: the rows of a run and what made them, without frames, in one small file that can be sent.

A bundle is a zip of the run's text files and of `bundle.json`, which names each with its SHA-256 and has a digest over
all of that. The digest shows a later change. It is no signature: whose file it is, the file only claims.
Whoever reads a bundle treats it as anybody's: nothing in it is run, and `verify` computes its rows again.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stvsr_bench import __version__, environment
from stvsr_bench.errors import DataError, NotRunnableError, UsageError
from stvsr_bench.escape import line
from stvsr_bench.rows import store
from stvsr_bench.rows.joining import joined
from stvsr_bench.rows.merge import merge
from stvsr_bench.rows.names import COMMANDS
from stvsr_bench.rows.tolerances import part
from stvsr_bench.schema import Row

FORMAT = 1
ABOUT = "bundle.json"
COLLECTED = "bundles.json"
_KEPT = re.compile(
    rf"rows-[a-z0-9_-]{{1,60}}\.jsonl|(manifest|env)\.json|run\.toml|{COMMANDS}/[0-9]{{4,6}}\.toml"
    r"|(failures|profile)\.jsonl"
)
_MOST_BYTES = 2 * 2**30  # of all files together, unpacked: rows of a million clips
_MOST_FILES = 20_000
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Bundle:
    """What a bundle says of itself; `claimed_by` is the name that it claims. `machines`: processors, GPUs first."""

    digest: str
    claimed_by: str
    rows: int
    machines: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first digits of the digest, as tables show them."""
        return self.digest[:8]


def pack(run: Path, file: Path, claimed_by: str = "") -> Bundle:
    """Write the bundle of a run; two of one run are equal to the byte.

    Raises:
        NotRunnableError: the folder holds no row, or the file cannot be written.
        UsageError: the name is too long, or would steer a terminal.
    """
    if line(claimed_by) != claimed_by or len(claimed_by) > _LONGEST_NAME:
        raise UsageError(f"--as: a name is one line of at most {_LONGEST_NAME} letters")
    if not run.is_dir() or not store.done(run):
        raise NotRunnableError(f"no rows in {run}; bundle a folder that stvsr-bench run has written")
    found = {path.relative_to(run).as_posix(): path for path in sorted(run.rglob("*")) if path.is_file()}
    texts = {name: path.read_bytes() for name, path in found.items() if _KEPT.fullmatch(name)}
    about: dict[str, Any] = {
        "format": FORMAT,
        "claimed_by": claimed_by,
        "suite": __version__,
        "fingerprints": _fingerprints(store.read_rows(run), store.read_json(run / "env.json")),
        "files": {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()},
    }
    about["digest"] = _digest(about)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in {ABOUT: json.dumps(about, indent=1, sort_keys=True).encode(), **texts}.items():
            # no time and no rights: the same run gives the same bytes
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    store.write_atomic(file, out.getvalue())
    return _bundle(about, file)


@contextmanager
def opened(file: Path) -> Iterator[tuple[Path, Bundle]]:
    """The run folder in a bundle, while this lasts, and what the bundle says of itself.

    Raises:
        DataError: it is not a bundle, something was changed in it, or it holds what no bundle holds.
    """
    with TemporaryDirectory(prefix="stvsr-bundle-") as folder:
        about = _unpack(file, Path(folder))
        yield Path(folder), _bundle(about, file)


def collect(files: Sequence[Path], out: Path) -> list[Bundle]:
    """One run folder of several bundles; `bundles.json` says which rows each brought. What `out` holds already stays.

    Raises:
        DataError: a bundle is none, or two of them hold different values for one row: which is right, `verify` says.
    """
    before: list[dict[str, Any]] = store.read_json(out / COLLECTED).get("bundles", [])
    known = {row.key: (row, str(out)) for row in (store.read_rows(out) if out.is_dir() else ())}
    facts = dict(store.read_json(out / "env.json"))
    entries = {str(entry.get("digest")): entry for entry in before}
    found: list[Bundle] = []
    with TemporaryDirectory(prefix="stvsr-bundles-") as folder:
        places = []
        for number, file in enumerate(files):
            place = Path(folder) / f"{number:04d}"
            one = _bundle(_unpack(file, place), file)
            facts.update(store.read_json(place / "env.json"))
            try:
                rows = store.read_rows(place)
            except DataError as error:
                raise DataError(f"{file}: {str(error).replace(f'{place}/', '')}") from None
            for row in rows:
                other, whose = known.get(row.key, (row, ""))
                known[row.key] = (joined(other, row, facts, f"{file} against {whose}"), str(file))
            entries[one.digest] = {**asdict(one), "file": file.name, "keys": [row.key for row in rows]}
            places.append(place)
            found.append(one)
        merge(places, out)
        store.write_json(out / COLLECTED, {"bundles": list(entries.values())})
    return found


def _fingerprints(rows: Sequence[Row], environments: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader compares first: rows by method with the digest of its weights, and the machines."""
    methods: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = methods.setdefault(f"{row.method}@{row.weights}", {"contents": row.contents, "rows": 0})
        one["rows"] += 1
    used = dict.fromkeys(row.env for row in rows)
    machines = {name: part(part(environments, name), "machine") for name in used}
    return {
        "rows": len(rows),
        "methods": methods,
        "machines": {name: environment.machine_id(of) for name, of in machines.items()},
        "devices": list(dict.fromkeys(str(of.get("gpu") or of.get("cpu") or "") for of in machines.values())),
    }


def _digest(about: Mapping[str, Any]) -> str:
    said = {name: value for name, value in about.items() if name != "digest"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _bundle(about: Mapping[str, Any], file: Path) -> Bundle:
    prints = part(about, "fingerprints")
    devices, rows = prints.get("devices"), prints.get("rows")
    if not isinstance(devices, list) or not isinstance(rows, int):
        raise DataError(f"{file}: its {ABOUT} lacks facts that every bundle has")
    name = about.get("claimed_by", "")
    return Bundle(str(about["digest"]), line(str(name))[:_LONGEST_NAME], rows, tuple(line(str(of)) for of in devices))


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    """The files of a bundle in a folder, each checked; what the bundle says of itself."""
    try:
        with zipfile.ZipFile(file) as archive:
            texts = _texts(archive, file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise DataError(f"{file} is not a bundle: {error}") from None
    try:
        about = json.loads(texts.pop(ABOUT, b"null"))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("files"), dict):
        raise DataError(f"{file} is not a bundle: stvsr-bench bundle RUN -o FILE writes one")
    if about.get("format") != FORMAT:
        raise DataError(f"{file} is a bundle of format {about.get('format')}; this version reads {FORMAT}")
    actual = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    if about["files"] != actual or about.get("digest") != _digest(about):
        raise DataError(f"{file}: its digest is not that of its files; it was changed or damaged, ask for it again")
    for name, text in texts.items():
        store.write_atomic(folder / name, text)
    return about


def _texts(archive: zipfile.ZipFile, file: Path) -> dict[str, bytes]:
    """The bytes of each file: only those that a bundle has, and no more than a bundle may hold."""
    infos = archive.infolist()
    if len(infos) > _MOST_FILES or sum(info.file_size for info in infos) > _MOST_BYTES:
        raise DataError(f"{file} is not a bundle: it contains more than a bundle may")
    names = [info.filename for info in infos]
    if wrong := next((n for n in names if n != ABOUT and not _KEPT.fullmatch(n)), None):
        raise DataError(f"{file} is not a bundle: it contains '{line(wrong)}', which is not a file of a run's rows")
    if len(set(names)) < len(names):
        raise DataError(f"{file} is not a bundle: it contains a file twice")
    return {info.filename: archive.read(info) for info in infos}
