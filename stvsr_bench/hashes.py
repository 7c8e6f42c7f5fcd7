"""Hashes of files: SHA-256, and the id that git gives to a file of this content; and whether a file is as before."""

import hashlib
import os
from pathlib import Path


def trace(about: os.stat_result) -> tuple[int, int, int]:
    """The size of a file and its times, ns: while all three are as before, so is the content.

    `rsync -t`, `cp -p` and unpacked archives leave a new content with an old time of modification, and files that are
    not compressed (Y4M, BMP) have one size too. No program can set the time of the last change of the inode.
    """
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns


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
