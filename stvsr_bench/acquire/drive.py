"""Files of Google Drive, by the package gdown (extra `drive`).

Drive states no hash and no version: what comes is looked at, and the SHA-256 that it had the first time is kept by who
keeps the file. gdown writes into a folder beside the place; only a file that was looked at is given its name.
"""

import errno
import importlib
import os
import shutil
from pathlib import Path
from typing import Any

from stvsr_bench.acquire.connection import HEAD, PATIENCE_S, Progress, Wanted, check_network, is_page
from stvsr_bench.acquire.download import TRIES, check_file, lock_of
from stvsr_bench.errors import DataError, NotRunnableError, interrupted, told
from stvsr_bench.installing import extra
from stvsr_bench.schema import Source

_OF_THIS_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
QUOTA = "Drive limits how often a file is fetched; try again tomorrow, or open it in a browser"


def bring_from_drive(
    source: Source,
    path: Path,
    sha256: str = "",
    progress: Progress = lambda there, total: None,
    resume: bool = False,
) -> Path:
    """The file of a source on Google Drive, at `path`; `resume` continues what an earlier attempt left.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set, gdown is missing, or another process is at it.
        DataError: Drive does not give the file, sends a web page, or another file than that of the SHA-256.
    """
    wanted = Wanted(source.where, path, sha256)
    if path.is_file() and sha256:
        check_file(wanted, path)
        return path
    check_network(source.where)
    gdown = _gdown(source.where)
    if source.resource_key:
        raise NotRunnableError(f"{source.where}: gdown cannot send a resource key; open it in a browser")
    scratch = path.with_name(f".{path.name}.drive")
    try:
        with lock_of(path):
            if not resume:
                shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(exist_ok=True)
            there = scratch / "file"
            _ask(gdown, source, there, progress, resume)
            _check(wanted, there)
            there.replace(path)
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def _gdown(where: str) -> Any:
    try:
        return importlib.import_module("gdown")
    except ImportError:
        why = f"Google Drive needs gdown, which is not installed: run {extra('drive')}"
        raise NotRunnableError(f"{where}: {why}") from None


def _ask(gdown: Any, source: Source, there: Path, progress: Progress, resume: bool) -> None:
    common = {"quiet": True, "use_cookies": False, "timeout": PATIENCE_S}
    try:
        drive = source.drive or _in_folder(gdown, source, common)
        gdown.download(
            id=drive,
            output=str(there),
            resume=resume,
            retries=TRIES,
            progress=lambda done, total: progress(done, total or 0),
            **common,
        )
    except DataError:
        raise
    # whatever its version and the libraries below it raise, and it also prints and exits
    except BaseException as error:
        if interrupted(error) or not isinstance(error, Exception | SystemExit):
            raise
        if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
            raise  # errors of requests are OSErrors too, but of no number
        raise DataError(f"{source.where} does not come: {' '.join(told(error).split())}. {QUOTA}") from None


def _in_folder(gdown: Any, source: Source, common: dict[str, Any]) -> str:
    """The id of the file of that name in a folder of Drive."""
    listed = gdown.download_folder(id=source.drive_folder, skip_download=True, **common) or []
    ids = {os.path.basename(str(file.path)): str(file.id) for file in listed}  # noqa: PTH119 - it is no path here
    if source.name not in ids:
        there = ", ".join(sorted(ids)) or "nothing that can be read"
        raise DataError(f"{source.where}: there is no such file; the folder has {there}")
    return ids[source.name]


def _check(wanted: Wanted, there: Path) -> None:
    """Refuse what is no file: nothing, or the page that Drive sends instead of one."""
    if not there.is_file() or there.is_symlink() or not there.stat().st_size:
        raise DataError(f"{wanted.url} was not downloaded: gdown wrote nothing. {QUOTA}")
    with there.open("rb") as file:
        page = is_page(file.read(HEAD))
    if page:
        there.unlink()
        raise DataError(f"{wanted.url} gave a web page, not the file. {QUOTA}")
    check_file(wanted, there)
    with there.open("r+b") as file:  # Windows syncs no file that is open for reading only
        os.fsync(file.fileno())
