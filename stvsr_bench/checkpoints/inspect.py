"""What a torch file claims, read before torch believes it: archive members and declared sizes."""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stvsr_bench.errors import WeightsError

_CHECKPOINTS = {".pth", ".pt", ".ckpt", ".safetensors", ".bin"}
LARGEST_PICKLE = 64 * 2**20  # bytes; names and shapes of the largest nets need a hundredth of this
WHOLE_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
PUTS = {"MEMOIZE", "BINPUT", "LONG_BINPUT"}
GETS = {"BINGET", "LONG_BINGET"}
LEGACY_PICKLES = 5  # magic number, version, machine facts, the object, the storage keys


def check_zip(path: Path) -> None:
    """Nothing, if the archive is whole, stored without compression and holds a pickled object.

    Raises:
        WeightsError: it is truncated, no torch file, or unpacks to more than it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise WeightsError(f"{path.name} is truncated or damaged: {error}") from None
    names = [member.filename for member in members]
    # TorchScript has a data.pkl too: ask for its own member first
    if any(name.endswith("constants.pkl") for name in names):
        raise WeightsError(f"{path.name} is a TorchScript program, not a state dict; save net.state_dict() instead")
    if not any(name.endswith("data.pkl") for name in names):
        if inside := next((name for name in names if Path(name).suffix in _CHECKPOINTS), ""):
            raise WeightsError(f"{path.name} is a zip archive around {inside}; unpack it and name that file")
        raise WeightsError(f"{path.name} is a zip archive without weights ({', '.join(names[:3]) or 'empty'})")
    if max(member.file_size for member in members if member.filename.endswith("data.pkl")) > LARGEST_PICKLE:
        raise WeightsError(
            f"{path.name} has a pickle of more than {LARGEST_PICKLE >> 20} MiB, which is not a state dict; refused"
        )
    # torch.save stores without compression, so a checkpoint never unpacks to more than its file
    unpacked = sum(member.file_size for member in members)
    if unpacked > path.stat().st_size:
        raise WeightsError(f"{path.name} has {path.stat().st_size} bytes and claims to unpack to {unpacked}; refused")


def check_declared_sizes(path: Path) -> None:
    """Nothing, if no storage is declared with more elements than the file has bytes.

    Raises:
        WeightsError: one is; it would be allocated before torch sees that the values are missing.
        ValueError, EOFError: the pickle is damaged.
    """
    size = path.stat().st_size
    for claimed in _claims(path):
        if claimed > size or claimed < 0:
            raise WeightsError(
                f"{path.name} has {size} bytes and claims a tensor of {claimed} elements; truncated, or malicious"
            )


def _claims(path: Path) -> Iterator[int]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(LEGACY_PICKLES):
                yield from _storage_sizes(file)
        return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith("data.pkl"):
                with archive.open(member) as file:
                    yield from _storage_sizes(file)


def _storage_sizes(file: IO[bytes]) -> Iterator[int]:
    """Element counts of the storages that one pickle names: the last whole number before each persistent id.

    A number may have been put into the memo long before; where it is taken out again counts.
    """
    last, fresh = 0, False  # fresh: the instruction before gave `last`
    memo: dict[int, int | None] = {}
    for opcode, value, _ in pickletools.genops(file):
        if opcode.name in PUTS:
            memo[len(memo) if opcode.name == "MEMOIZE" else int(value or 0)] = last if fresh else None
            continue
        known = memo.get(int(value or 0)) if opcode.name in GETS else value if opcode.name in WHOLE_NUMBERS else None
        fresh = isinstance(known, int)
        last = known if isinstance(known, int) else last
        if opcode.name == "BINPERSID":
            yield last
