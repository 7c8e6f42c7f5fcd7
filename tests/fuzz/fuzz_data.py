"""Coverage-guided fuzzing of the parsers of `stvsr_bench.data`: not part of the test suite.

    pip install atheris
    python tests/fuzz/fuzz_data.py lists|png|archive [corpus folder] -max_total_time=600

A parser either gives a value or raises a `BenchError`; anything else is a finding, and so is a file outside the folder.
"""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stvsr_bench", "zipfile", "tarfile"]):
    from stvsr_bench.acquire import archive
    from stvsr_bench.data import frames, lists
    from stvsr_bench.errors import BenchError

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
logging.disable(logging.CRITICAL)


def fuzz_lists(data: bytes) -> None:
    """Entries are unique relative paths."""
    try:
        entries = lists.parse(data.decode("utf-8", "replace"), "list")
    except BenchError:
        return
    assert entries and len(set(entries)) == len(entries)
    assert not any(entry.startswith("/") or ".." in entry.split("/") for entry in entries)


def fuzz_png(data: bytes) -> None:
    """A frame is 8-bit RGB."""
    path = FOLDER / "im1.png"
    path.write_bytes(data)
    try:
        frame_HWC = frames.read_one(path)
    except BenchError:
        return
    assert frame_HWC.ndim == 3 and frame_HWC.shape[2] == 3 and frame_HWC.dtype == "uint8"


def fuzz_archive(data: bytes) -> None:
    """Nothing appears beside the folder, nothing half done in it."""
    path, root = FOLDER / ("a.zip" if data[:1] == b"P" else "a.tar"), FOLDER / "root"
    path.write_bytes(data)
    try:
        archive.extract(path, root)
    except BenchError:
        assert not root.exists() or all(entry.name.startswith(".") for entry in root.iterdir())
    assert {entry.name for entry in FOLDER.iterdir()} <= {path.name, "root"}
    assert not any(entry.is_symlink() for entry in root.rglob("*")) if root.exists() else True
    path.unlink()
    shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    target = {"lists": fuzz_lists, "png": fuzz_png, "archive": fuzz_archive}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
