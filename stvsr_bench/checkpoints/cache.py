"""The user's cache of checkpoints: `weights/<sha256>.<ext>` and `index.json`, which says what each file is."""

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from stvsr_bench import plugins
from stvsr_bench.checkpoints.loading import State, fingerprint, sha256
from stvsr_bench.data.atomic import whole
from stvsr_bench.errors import WeightsError

INDEX = "index.json"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Entry:
    """One checkpoint of the cache: which weights of which method it is."""

    method: str
    tag: str
    sha256: str
    suffix: str
    fingerprint: str = ""
    name: str = ""

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
    for entry in entries():
        if (entry.method, entry.tag) == (method, tag) and entry.path.is_file():
            return entry.path
    return None


def keep(source: Path, state: State, method: str, tag: str, trusted: bool = False) -> Entry:
    """Keep a checkpoint that was read as `state` under `method@tag`, with the fingerprint of its tensors.

    What was read as a trusted pickle (`trusted`) is kept as plain tensors, so that it needs no trust a second time.

    Raises:
        WeightsError: the cache cannot be written.
    """
    mark = fingerprint(state)
    if not trusted:
        return add(source, method, tag, mark)
    from safetensors.torch import save_file

    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / f"{source.stem}.safetensors"
        # a clone each: safetensors refuses tensors that share their memory, as tied weights do
        save_file({key: tensor.clone().contiguous() for key, tensor in state.items()}, plain)
        return add(plain, method, tag, mark)


def add(source: Path, method: str, tag: str, mark: str = "") -> Entry:
    """Copy a checkpoint into the cache and list it as `method@tag`, in place of what had that name.

    `mark` is the fingerprint of its tensors, where it is known.

    Raises:
        WeightsError: the cache cannot be written.
    """
    entry = Entry(method, tag, sha256(source), _suffix(source), mark, source.name)
    try:
        folder().mkdir(parents=True, exist_ok=True)
        if not entry.path.is_file() or sha256(entry.path) != entry.sha256:
            with source.open("rb") as file, whole(entry.path, durable=False) as copy:
                shutil.copyfileobj(file, copy)
        # several processes may add at once: without the lock the index of the last writer would be all that is left
        with FileLock(folder() / f"{INDEX}.lock", timeout=PATIENCE_S):
            listed = [e for e in entries() if (e.method, e.tag) != (method, tag)] + [entry]
            with whole(folder() / INDEX, durable=False) as index:
                index.write(json.dumps([dataclasses.asdict(e) for e in listed], indent=1).encode())
    except Timeout:
        raise WeightsError(f"{folder()} is locked by another process; try again") from None
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be written: {error.strerror}") from None
    return entry


def verify() -> dict[Entry, str]:
    """What is wrong with each listed file: "" if its SHA-256 is the one it is listed by."""
    return {entry: _complaint(entry) for entry in entries()}


def _complaint(entry: Entry) -> str:
    if not entry.path.is_file():
        return "the file is gone; add it again"
    actual = sha256(entry.path)
    return "" if actual == entry.sha256 else f"the file has changed (SHA-256 {actual[:12]}...); add it again"


def _suffix(source: Path) -> str:
    return ".safetensors" if source.suffix == ".safetensors" else ".pth"


def _plain(entry: Entry) -> bool:
    return len(entry.sha256) == 64 and entry.sha256.isalnum() and entry.suffix in {".pth", ".safetensors"}
