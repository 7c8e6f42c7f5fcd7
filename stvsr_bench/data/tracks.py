"""A video file opened, and which of its tracks is the video."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.stream import Disposition

from stvsr_bench.data.elsewhere import instead
from stvsr_bench.errors import DataError, UsageError

_STILLS = frozenset({"png", "mjpeg", "bmp", "gif", "webp", "tiff"})  # mjpeg is a film where there is no other
_BOXES = (b"ftyp", b"mdat", b"free", b"wide", b"skip")  # that an mp4 or mov file may begin with
_ARCHIVES = {
    b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"BZh": "bzip2",
    b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd",
}  # fmt: skip
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@contextlib.contextmanager
def opened(path: Path, track: int = 1) -> Iterator[tuple[Any, Any]]:
    """The open container and its video track, closed afterwards.

    Raises:
        DataError: the file is missing, empty, or no video.
        UsageError: it has no such track.
    """
    check_file(path)
    try:
        container = av.open(url(path), metadata_errors="replace")  # tags need not be UTF-8
    except FFmpegError as error:
        raise DataError(f"{path} is not a readable video: {_why(path) or error.strerror}") from None
    with container:
        yield container, video_track(container, path, track)


def _why(path: Path) -> str:
    """What is seen in a file that ffmpeg cannot open, in more words than its own "Invalid data found"; or ""."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(512)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return "it is a web page or other text; download it again"
        if kind := next((name for start, name in _ARCHIVES.items() if head.startswith(start)), ""):
            return f"it is an archive ({kind}); unpack it and give the folder"
        if head[257:262] == b"ustar":
            return "it is an archive (tar); unpack it and give the folder"
        if not any(head):
            return f"its first {len(head)} bytes are all 0; copy or download it again"
        if head[4:8] in _BOXES and not _has_index(file, path.stat().st_size):
            return "it has no index (moov), which is written at the end: the recording or the download broke off"
    return ""


def _has_index(file: Any, size: int) -> bool:
    """Whether an mp4 or mov file has the box that says where its frames are."""
    return b"moov" in _boxes(file, size)


def fragmented(path: Path) -> bool:
    """Whether an mp4 or mov file is written in pieces, each with the times of its own frames."""
    with path.open("rb") as file:
        return b"moof" in _boxes(file, path.stat().st_size)


def _boxes(file: Any, size: int) -> Iterator[bytes]:
    """The kinds of the outermost boxes of an mp4 or mov file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        yield head[4:8]
        length = int.from_bytes(head[8:16], "big") if length == 1 else length
        if length < 8:
            return
        at += length


def url(path: Path) -> str:
    """The path as ffmpeg takes it: a colon in it would be the end of a protocol's name."""
    return f"file:{path}"


def video_track(container: Any, path: Path, track: int = 1) -> Any:
    """The video track of this number, counted from 1; cover pictures and thumbnails are none.

    Raises:
        DataError: there is no video track.
        UsageError: there are fewer.
    """
    found = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not found:
        only = "pictures, but no video" if container.streams.video else "no video stream"
        raise DataError(f"{path} has {only}")
    found = [stream for stream in found if stream.codec_context is not None]  # no decoder of ffmpeg is known for it
    if not found:
        raise DataError(f"{path} has video of a codec that is not known here; convert it to H.264 or FFV1")
    # a poster without its mark (Matroska has none for a track): one frame, or a still codec beside another
    films = [stream for stream in found if stream.frames != 1 and stream.codec_context.name not in _STILLS] or found
    if track > len(films):
        tracks = f"{len(films)} video tracks" if len(films) > 1 else "one video track"
        raise UsageError(f"--track {track}: {path} has {tracks}, counted from 1")
    return films[track - 1]


def check_file(path: Path) -> None:
    """Raises DataError: the file is missing or empty, or no regular file: a video is read more than once."""
    try:
        about = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if found := instead(about.st_mode):
        raise DataError(f"{path} is {found}, not a file")
    if about.st_size == 0:
        raise DataError(f"{path} is empty (0 bytes)")
