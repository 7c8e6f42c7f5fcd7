"""Hashes of files: SHA-256, and the id that git gives to a file of this content."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blob_id(path: Path) -> str:
    """The git blob id of a file, the same SHA-1 as in `git ls-tree`, hex."""
    with path.open("rb") as file:
        total = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while piece := file.read(2**20):
            total.update(piece)
    return total.hexdigest()
