"""The user's cache of checkpoints: `weights/<sha256>.<ext>` and `index.json`, which says what each file is."""

import dataclasses
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter, ValidationError

from stvsr_bench import plugins
from stvsr_bench.checkpoints.loading import State, fingerprint, sha256
from stvsr_bench.checkpoints.trained import trained
from stvsr_bench.data.atomic import whole
from stvsr_bench.data.locking import HeldError, alone
from stvsr_bench.errors import UsageError, WeightsError

INDEX = "index.json"
PATIENCE_S = 30.0
_OURS = re.compile(r"[0-9a-f]{64}\.(pth|safetensors)")


@dataclass(frozen=True)
class Entry:
    """One checkpoint of the cache: which weights of which method it is.

    `options` is what `Trained.text` says of weights that this suite trained; "" for others. `source` is where
    `weights get` had the file from, if nobody stated its hash: it is trusted as it was the first time. `proof` says
    which published pictures it wrote again (`weights prove`).
    """

    method: str
    tag: str
    sha256: str
    suffix: str
    fingerprint: str = ""
    name: str = ""
    options: str = ""
    source: str = ""
    proof: str = ""

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return folder() / f"{self.sha256}{self.suffix}"


_ENTRIES = TypeAdapter(list[Entry])


def folder() -> Path:
    """The folder of the cache; not created here."""
    return plugins.home() / "weights"


def entries() -> list[Entry]:
    """Everything the index lists, in the order of method and tag.

    Raises:
        WeightsError: the index is damaged.
    """
    path = folder() / INDEX
    try:
        found = _ENTRIES.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise WeightsError(f"{path} is damaged; delete it and add your weights again (the files are kept)") from None
    # its fields become a path: an index that somebody sent must not lead out of the folder
    if not all(_plain(entry) for entry in found):
        raise WeightsError(f"{path} names files outside the cache; delete it and add your weights again")
    return sorted(found, key=lambda entry: (entry.method, entry.tag))


def find(method: str, tag: str) -> Path | None:
    """The cached file of these weights, or None if there is none (or it was deleted)."""
    entry = listed(method, tag)
    return entry.path if entry is not None and entry.path.is_file() else None


def listed(method: str, tag: str) -> Entry | None:
    """What the index lists under this name, whether or not its file is there."""
    return next((entry for entry in entries() if (entry.method, entry.tag) == (method, tag)), None)


def keep(
    file: Path, state: State, method: str, tag: str, trusted: bool = False, replace: bool = False, source: str = ""
) -> Entry:
    """Keep a checkpoint that was read as `state` under `method@tag`, with the fingerprint of its tensors.

    `source` is where it was fetched from, if nobody states its hash.
    What was read as a trusted pickle (`trusted`) is kept as plain tensors, so that it needs no trust a second time.

    Raises:
        UsageError: another file has this name, and `replace` is not said.
        WeightsError: the cache cannot be written.
    """
    mark = fingerprint(state)
    if not trusted:
        return add(file, method, tag, mark, replace, source)
    from safetensors.torch import save_file

    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / f"{file.stem}.safetensors"
        # a clone each: safetensors refuses tensors that share their memory, as tied weights do
        save_file({key: tensor.clone().contiguous() for key, tensor in state.items()}, plain)
        return add(plain, method, tag, mark, replace, source)


def add(file: Path, method: str, tag: str, mark: str = "", replace: bool = False, source: str = "") -> Entry:
    """Copy a checkpoint into the cache and list it as `method@tag`; with `replace` in place of what had that name.

    `mark` is the fingerprint of its tensors, where it is known; `source` see `keep`.

    Raises:
        UsageError: another file has this name, and `replace` is not said.
        WeightsError: the cache cannot be written.
    """
    said = trained(file)
    options = said.text if said is not None and said.method == method else ""
    entry = Entry(method, tag, sha256(file), _suffix(file), mark, file.name, options, source)
    _check_replaced(entry, replace)  # before a large file is copied, and once more when nobody else can write
    try:
        folder().mkdir(parents=True, exist_ok=True)
        if not entry.path.is_file() or sha256(entry.path) != entry.sha256:
            with file.open("rb") as original, whole(entry.path, durable=False) as copy:
                shutil.copyfileobj(original, copy)
        return _listed_anew(entry, replace)
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be written: {error.strerror}") from None


def prove(entry: Entry, proof: str) -> Entry:
    """List an entry with what proved it.

    Raises:
        UsageError: another file has its name by now.
        WeightsError: the cache cannot be written.
    """
    return _listed_anew(dataclasses.replace(entry, proof=proof), replace=False)


def _listed_anew(entry: Entry, replace: bool) -> Entry:
    try:
        # several processes may add at once: without the lock the index of the last writer would be all that is left
        with alone(folder() / f"{INDEX}.lock", PATIENCE_S):
            _check_replaced(entry, replace)
            old = listed(entry.method, entry.tag)
            if old is not None and old.sha256 == entry.sha256:  # what was known of this very file stays known
                entry = dataclasses.replace(entry, source=entry.source or old.source, proof=entry.proof or old.proof)
            new = [e for e in entries() if (e.method, e.tag) != (entry.method, entry.tag)] + [entry]
            with whole(folder() / INDEX, durable=False) as index:
                index.write(json.dumps([dataclasses.asdict(e) for e in new], indent=1).encode())
    except HeldError:
        raise WeightsError(f"{folder()} is locked by another process; try again") from None
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be written: {error.strerror}") from None
    return entry


def remove(gone: Sequence[Entry]) -> list[Path]:
    """Take entries from the index, and delete their files where no other entry has them; returned are these files.

    Raises:
        WeightsError: the cache cannot be written.
    """
    try:
        with alone(folder() / f"{INDEX}.lock", PATIENCE_S):
            names = {(entry.method, entry.tag) for entry in gone}
            left = [entry for entry in entries() if (entry.method, entry.tag) not in names]
            with whole(folder() / INDEX, durable=False) as index:
                index.write(json.dumps([dataclasses.asdict(entry) for entry in left], indent=1).encode())
            # the index first: a process that ends here leaves a file without a name, not a name without its file
            files = {entry.path for entry in gone if entry.path.is_file()} - {entry.path for entry in left}
            return _deleted(files)
    except HeldError:
        raise WeightsError(f"{folder()} is locked by another process; try again") from None
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be written: {error.strerror}") from None


def unused() -> list[Path]:
    """Files of the cache that no entry names: weights that were replaced."""
    listed_now = {entry.path.name for entry in entries()}
    found = folder().iterdir() if folder().is_dir() else ()
    ours = [path for path in found if _OURS.fullmatch(path.name) and path.is_file() and not path.is_symlink()]
    return sorted(path for path in ours if path.name not in listed_now)


def remove_unused() -> list[Path]:
    """Delete what `unused` names; returned are the files.

    Raises:
        WeightsError: the cache cannot be written.
    """
    try:
        with alone(folder() / f"{INDEX}.lock", PATIENCE_S):
            return _deleted(unused())
    except HeldError:
        raise WeightsError(f"{folder()} is locked by another process; try again") from None
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be written: {error.strerror}") from None


def _deleted(files: Iterable[Path]) -> list[Path]:
    done = sorted(files)
    for file in done:
        file.unlink(missing_ok=True)
    return done


def verify() -> dict[Entry, str]:
    """What is wrong with each listed file: "" if its SHA-256 is the one it is listed by."""
    return {entry: _complaint(entry) for entry in entries()}


def _complaint(entry: Entry) -> str:
    if not entry.path.is_file():
        return "the file is gone; add it again"
    actual = sha256(entry.path)
    return "" if actual == entry.sha256 else f"the file has changed (SHA-256 {actual[:12]}...); add it again"


def _check_replaced(entry: Entry, replace: bool) -> None:
    old = listed(entry.method, entry.tag)
    if old is None or replace or entry.sha256 == old.sha256:
        return
    raise UsageError(
        f"{entry.method}@{entry.tag} is {old.name or 'a file'} (SHA-256 {old.sha256[:12]}...) already; choose another "
        f"tag with --as {entry.method}@NAME, or write --replace to put {entry.name} (SHA-256 {entry.sha256[:12]}...) "
        "in its place"
    )


def _suffix(source: Path) -> str:
    return ".safetensors" if source.suffix == ".safetensors" else ".pth"


def _plain(entry: Entry) -> bool:
    return len(entry.sha256) == 64 and entry.sha256.isalnum() and entry.suffix in {".pth", ".safetensors"}
