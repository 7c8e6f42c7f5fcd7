"""Restored frames on disk while a video is worked on: short encoded parts beside the target, each of them playable.

A try that was interrupted continues after the last part. The final file is made of the parts' packets, without encoding
anything again (`joining.py`). Axes: C channels, H W size.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import av

from stvsr_bench.data import colours, tracks
from stvsr_bench.data.atomic import replacing
from stvsr_bench.data.locking import HeldError, alone
from stvsr_bench.errors import DataError, NotRunnableError, UsageError, counted, spelled
from stvsr_bench.restore.ahead import Behind
from stvsr_bench.restore.clock import Clock
from stvsr_bench.schema import Frames, digest

LENGTH: Final = 120  # restored frames of a part; what an interruption costs is less than one
_LOCK: Final = "lock"
_LONGEST_NAME: Final = 255
_TRIES: Final = 20  # at a folder that another command takes away in the same moment


@dataclass(frozen=True)
class Look:
    """How frames are encoded: matrix, range, primaries and transfer (numbers of H.273), width to height of a pixel.

    `mastering` and `light` say how bright HDR was made, see `data/carried.py`.
    """

    pix_fmt: str
    crf: int
    matrix: colours.Matrix
    value_range: int
    primaries: int
    transfer: int
    sar: Fraction
    mastering: str = ""
    light: str = ""

    @property
    def codec(self) -> str:
        """H.264 for 8 bits; HEVC for more, which hardly any player takes in H.264."""
        return "libx264" if colours.WRITTEN[self.pix_fmt][0] == 8 else "libx265"

    def stream(self, container: Any, size: tuple[int, int], clock: Clock) -> Any:
        """A stream of a container that is written."""
        names = ("mastering-display", "cll") if self.codec == "libx264" else ("master-display", "max-cll")
        bright = [f"{name}={value}" for name, value in zip(names, (self.mastering, self.light), strict=True) if value]
        quiet = ["log-level=none"] if self.codec == "libx265" else []
        # chromaloc=1: chroma lies between its four pixels, as `colours.stored` makes it, and not at the left ones
        own = {self.codec.removeprefix("lib") + "-params": ":".join(["chromaloc=1", *quiet, *bright])}
        rate = clock.constant or clock.rate
        stream = container.add_stream(self.codec, rate=rate, options={"crf": str(self.crf), "preset": "medium", **own})
        stream.width, stream.height, stream.pix_fmt = *size, self.pix_fmt
        context = stream.codec_context
        context.time_base = clock.tick
        context.sample_aspect_ratio = self.sar
        context.colorspace, context.color_range = colours.H273[self.matrix], self.value_range
        context.color_primaries, context.color_trc = self.primaries, self.transfer
        return stream


@dataclass(frozen=True)
class Part:
    """One file: how many restored frames it holds, the time of the first one in ticks, and its size in bytes.

    A constant rate that is lower than the video's may leave all of them out: then there is no file, of 0 bytes.
    """

    name: str
    frames: int
    base: int
    size: int


class Parts:
    """The parts of one target, filled in order by another thread; a context, which keeps what was done at its end.

    `made_from` is what the frames depend on: parts of anything else cannot be continued.

    Raises:
        UsageError: parts of an earlier try are there, and it was not said what to do with them.
    """

    def __init__(self, target: Path, made_from: dict[str, str], look: Look, clock: Clock) -> None:
        self.folder = _folder_of(target)
        self.done: list[Part] = []
        self.clock = clock
        self.size = (0, 0)  # of the picture, once there is one
        self._target, self._made_from, self._look = target, made_from, look
        self._open: _Writer | None = None
        self._next = 0
        self._behind: Behind[tuple[int, Frames]] | None = None

    @property
    def frames(self) -> int:
        """How many restored frames the finished parts hold."""
        return sum(part.frames for part in self.done)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other commands off this target; the lock ends with the process that has it, however that ends.

        Raises:
            NotRunnableError: another command is writing it.
            OSError: the folder cannot be made.
        """
        try:
            with ExitStack() as lock:
                self._enter(lock)
                yield
        except HeldError as error:
            who = f" ({error})" if str(error) else ""
            raise NotRunnableError(
                f"{self._target} is being written by another stvsr-bench{who}; wait for it, stop it, or choose "
                "another name"
            ) from None
        finally:
            with suppress(OSError):  # parts are kept, or it is another command's
                self.folder.rmdir()

    def _enter(self, lock: ExitStack) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self.folder.mkdir(exist_ok=True)
                lock.enter_context(alone(self.folder / _LOCK, keep=False))
            except FileNotFoundError:  # a command that ends takes the folder away between the two
                if not left:
                    raise
            else:
                return

    def begin(self, resume: bool, overwrite: bool) -> None:
        """Look for an earlier try; see the class."""
        record = self.folder / "parts.json"
        if record.is_file() and (resume or not overwrite):
            made_from, kept = _recorded(record)
            if not resume:
                frames = sum(part.frames for part in kept)
                raise UsageError(
                    f"{self._target}: an earlier try ended after {counted(frames, 'frame')}, kept in {self.folder}; "
                    "--resume continues it, --overwrite starts again"
                )
            self._check(made_from)
            self.done = kept
            return
        if resume:
            raise UsageError(f"{self._target}: there is nothing to resume, no {record}; leave out --resume")
        self.remove()

    def _check(self, before: dict[str, str]) -> None:
        other = [name for name, value in self._made_from.items() if before.get(name) != value]
        if other:
            raise UsageError(
                f"{self._target}: the earlier try had another {', another '.join(other)}; give the same options, or "
                "--overwrite to begin again"
            )

    def add(self, sr_CHW: Frames) -> None:
        """The next restored frame, (C, H, W)."""
        if self._behind is None:
            self.folder.mkdir(exist_ok=True)
            self._next = self.frames
            self._behind = Behind(lambda item: self._write(*item))
        # a copy: it is a part of its window, all of which would wait here while the next is restored
        self._behind.put((self._next, sr_CHW.copy()))
        self._next += 1

    def __enter__(self) -> "Parts":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._behind is not None:
                self._behind.finish()
            self._close()
        except BaseException:
            if error is None:
                raise
        finally:
            if self._open is not None:
                self._open.drop()
                self._open = None
            if not self.done:
                self.remove()

    def remove(self) -> None:
        """Take the parts away, when their packets are in the target; the lock stays."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.name != _LOCK:
                    path.unlink(missing_ok=True)

    def _write(self, number: int, sr_CHW: Frames) -> None:
        if self._open is None:
            path = self.folder / f"{number:08d}.mp4"
            self.size = (sr_CHW.shape[2], sr_CHW.shape[1])
            self._open = _Writer(path, self._look, self.size, self.clock, self.clock.at(number))
        times = list(self.clock.shown(number))
        if times:
            frame_HWC = sr_CHW.transpose(1, 2, 0)
            frame = colours.stored(frame_HWC, self._look.matrix, self._look.value_range, self._look.pix_fmt)
            self._open.write(frame, times)
        self._open.restored += 1
        if self._open.restored >= LENGTH:
            self._close()

    def _close(self) -> None:
        """Finish the part that is open, and write down that it is whole."""
        if self._open is None:
            return
        writer, restored = self._open, self._open.restored
        writer.finish()
        self._open = None
        self.done.append(Part(writer.path.name, restored, writer.base, _size(writer.path)))
        about = {"made_from": self._made_from, "parts": [vars(part) for part in self.done]}
        with replacing(self.folder / "parts.json") as file:
            file.write(json.dumps(about, indent=1).encode())


class _Writer:
    """One part that is being written. Its times begin at 0: an absolute start would make every part an edit list."""

    def __init__(self, path: Path, look: Look, size: tuple[int, int], clock: Clock, base: int) -> None:
        self.path, self.base, self.restored = path, base, 0
        self._tick = clock.tick
        self._container = av.open(tracks.url(path), "w")
        self._stream = look.stream(self._container, size, clock)
        self._written = 0

    def write(self, frame: av.VideoFrame, times: list[tuple[int, int]]) -> None:
        for time, duration in times:
            frame.pts, frame.duration, frame.time_base = time - self.base, duration, self._tick
            frame.pict_type = 0  # a repeated frame must not ask for the type that it had
            self._container.mux(self._stream.encode(frame))
            self._written += 1

    def finish(self) -> None:
        if self._written:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if not self._written:  # a constant rate that is lower than the video's leaves frames out
            self.path.unlink(missing_ok=True)

    def drop(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        self.path.unlink(missing_ok=True)


def _folder_of(target: Path) -> Path:
    """Where the parts of a target are; a name has at most 255 bytes."""
    name = f".{target.name}.parts"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{target.name[:50]}-{digest(spelled(target.name))[:8]}.parts"
    return target.with_name(name)


def _recorded(record: Path) -> tuple[dict[str, str], list[Part]]:
    """What an earlier try wrote down.

    Raises:
        DataError: that or a part is damaged or was taken away.
    """
    start = "give --overwrite to start again"
    try:
        about = json.loads(record.read_text(encoding="utf-8"))
        made_from, kept = dict(about["made_from"]), [Part(**part) for part in about["parts"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{record} of an earlier try cannot be read; {start}") from None
    for part in kept:
        if _size(record.with_name(part.name)) != part.size:
            raise DataError(f"{record.with_name(part.name)} of an earlier try was changed or taken away; {start}")
    return made_from, kept


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
