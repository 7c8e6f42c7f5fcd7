"""Pickles of protocols 3 to 5 rewritten as protocol 2, the only one that torch reads without running code.

`torch.save(..., pickle_protocol=4)` writes the same tensors with newer instructions (frames, short strings, a memo
without numbers, classes named by two strings). Here they become the old ones, one by one and unevaluated: whatever the
pickle names is still refused or accepted by torch's own list.
"""

import io
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stvsr_bench.checkpoints.inspect import GETS, LARGEST_PICKLE, LEGACY_PICKLES, PUTS

OLDEST, NEWEST = 2, 5
STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}


def opened(path: Path) -> IO[bytes]:
    """The file of a checkpoint, or, where its pickles are of protocol 3 to 5, a copy in memory with protocol 2.

    Raises:
        ValueError, EOFError, pickle.UnpicklingError: a pickle is damaged, or of no known protocol.
    """
    if _protocol(path) <= OLDEST:
        return path.open("rb")
    return _zip(path) if zipfile.is_zipfile(path) else _legacy(path)


def as_protocol_2(file: IO[bytes]) -> bytes:
    """The next pickle of a file, rewritten; the file is left behind it."""
    start, written = file.tell(), _Written()
    steps = list(pickletools.genops(file))
    end = file.tell()
    file.seek(start)
    raw = file.read(end - start)
    # positions are those of the file, which may hold several pickles
    ends = [position for _, _, position in steps[1:]] + [end]
    for (opcode, value, position), behind in zip(steps, ends, strict=True):
        written.take(opcode.name, value, raw[(position or 0) - start : (behind or 0) - start])
    return written.whole()


class _Written:
    """The instructions so far. Strings stay text until the end, because a later one may turn two into a name."""

    def __init__(self) -> None:
        self.parts: list[bytes | str] = []
        self.strings: dict[int, str] = {}
        self.memo: set[int] = set()
        self.size = 0

    def take(self, name: str, value: object, raw: bytes) -> None:
        """One more instruction of the old pickle."""
        if name == "PROTO":
            self._add(b"\x80\x02")
        elif name in STRINGS:
            self._add(str(value))
        elif name in PUTS:
            self._put(len(self.memo) if name == "MEMOIZE" else int(str(value)))
        elif name in GETS:
            self._get(int(str(value)))
        elif name == "STACK_GLOBAL":
            self._global()
        elif name != "FRAME":
            self._add(raw)

    def whole(self) -> bytes:
        """All of it, as one pickle of protocol 2."""
        return b"".join(part if isinstance(part, bytes) else _string(part) for part in self.parts)

    def _add(self, part: bytes | str) -> None:
        # a long string that is used again and again would be written again and again
        self.size += len(part)
        if self.size > LARGEST_PICKLE:
            raise pickle.UnpicklingError("its pickle is too large")
        self.parts.append(part)

    def _put(self, number: int) -> None:
        self.memo.add(number)
        last = self.parts[-1] if self.parts else b""
        if isinstance(last, str):
            self.strings[number] = last  # written out where it is used again: it may be part of a name
        else:
            self.strings.pop(number, None)
            self._add(b"r" + struct.pack("<I", number))

    def _get(self, number: int) -> None:
        known = self.strings.get(number)
        self._add(known if known is not None else b"j" + struct.pack("<I", number))

    def _global(self) -> None:
        module, name = self.parts[-2:] if len(self.parts) > 1 else (b"", b"")
        if not (isinstance(module, str) and isinstance(name, str)) or "\n" in module + name:
            raise pickle.UnpicklingError("a class is not named by two strings")
        del self.parts[-2:]
        self._add(f"c{module}\n{name}\n".encode())


def _string(text: str) -> bytes:
    coded = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(coded)) + coded


def _protocol(path: Path) -> int:
    """The protocol of the object's pickle; `OLDEST` where it does not say one."""
    heads = list(_heads(path))
    numbers = [head[1] for head in heads if len(head) == 2 and head[:1] == b"\x80"]
    highest = max(numbers, default=OLDEST)
    if highest > NEWEST:
        raise pickle.UnpicklingError(f"pickle protocol {highest} is not known")
    return highest


def _heads(path: Path) -> Iterator[bytes]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file.read(2)
        return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith("data.pkl"):
                with archive.open(member) as file:
                    yield file.read(2)


def _zip(path: Path) -> IO[bytes]:
    made = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as copy:
        for member in archive.infolist():
            content = archive.read(member)
            is_pickle = member.filename.endswith("data.pkl")
            copy.writestr(member.filename, as_protocol_2(io.BytesIO(content)) if is_pickle else content)
    made.seek(0)
    return made


def _legacy(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        pickles = [as_protocol_2(file) for _ in range(LEGACY_PICKLES)]
        return io.BytesIO(b"".join([*pickles, file.read()]))
