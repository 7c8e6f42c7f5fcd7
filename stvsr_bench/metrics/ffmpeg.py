"""Metrics of the ffmpeg program, run as a separate process: XPSNR, its own PSNR and SSIM to compare with; `vmaf.py`.

The program is the one of the `imageio-ffmpeg` package (it carries libvmaf), or $STVSR_BENCH_FFMPEG. Frames are
rounded to 8 bits and converted by ffmpeg's swscale to BT.601 (limited range). Another build may give other last
digits: its version belongs beside the numbers. Axes: S C H W.
"""

import os
import re
import subprocess
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.installing import extra
from stvsr_bench.metrics import color

# by default swscale takes shortcuts that differ between processors; these flags switch them off (docs/measured.md)
_TO_YUV = "scale=out_color_matrix=bt601:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
_SECONDS = 600


@lru_cache(maxsize=1)
def binary() -> str:
    """The ffmpeg program.

    Raises:
        NotRunnableError: neither the package nor $STVSR_BENCH_FFMPEG is there.
    """
    chosen = os.environ.get("STVSR_BENCH_FFMPEG")
    if chosen:
        return chosen
    if find_spec("imageio_ffmpeg") is None:
        raise NotRunnableError(f"VMAF is not installed: run {extra('vmaf')} (it contains an ffmpeg program)")
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise NotRunnableError(f"imageio-ffmpeg has no ffmpeg program for this machine: {error}") from None


def version() -> str:
    """The first line of what the program says of itself."""
    return _run([binary(), "-version"], Path.cwd()).splitlines()[0]


def xpsnr_y(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """XPSNR of the luma of each frame, in dB: PSNR weighted by how visible an error is there (4:2:0)."""
    if "xpsnr" not in filters():
        raise NotRunnableError(f"{binary()} has no xpsnr filter: run {extra('vmaf')}")
    # this filter, unlike the others, weighs errors by its first input: the true frames
    text = compared(hr_SCHW, sr_SCHW, "yuv420p", "xpsnr=stats_file=log.txt", "log.txt")
    return _column(text, r"XPSNR y:\s*(\S+)")


def psnr_y(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """ffmpeg's own PSNR of the luma of each frame, in dB (yuv444p, Y rounded to 8 bits)."""
    return _column(compared(sr_SCHW, hr_SCHW, "yuv444p", "psnr=stats_file=log.txt", "log.txt"), r"psnr_y:(\S+)")


def ssim_y(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """ffmpeg's own SSIM of the luma of each frame (yuv444p, overlapping 8x8 boxes, Y rounded to 8 bits)."""
    return _column(compared(sr_SCHW, hr_SCHW, "yuv444p", "ssim=stats_file=log.txt", "log.txt"), r"\bY:(\S+)")


def _column(text: str, pattern: str) -> NDArray[np.float64]:
    return np.array([float(value) for value in re.findall(pattern, text)], dtype=np.float64)


def compared(
    first_SCHW: Any, second_SCHW: Any, pixels: str, comparison: str, log: str, files: dict[str, str] | None = None
) -> str:
    """The log of one comparison filter; frames, and `files` it reads, lie in a folder of their own.

    Raises:
        NotRunnableError: no ffmpeg, or it was ended by a signal.
        ClipError: the program refused the frames or wrote nothing.
    """
    first, second = color.checked(first_SCHW, second_SCHW)
    height, width = first.shape[-2:]
    with tempfile.TemporaryDirectory(prefix="stvsr-bench-") as name:
        folder = Path(name)
        for file, text in (files or {}).items():
            (folder / file).write_text(text, encoding="utf-8")
        command = [binary(), "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"]
        for side, frames in (("first", first), ("second", second)):
            (folder / f"{side}.rgb").write_bytes(_raw(frames))
            # any rate: these filters compare frame by frame and do not read it
            shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25"]
            command += [*shape, "-i", f"{side}.rgb"]
        steps = [f"[0:v]{_TO_YUV},format={pixels}[a]", f"[1:v]{_TO_YUV},format={pixels}[b]", f"[a][b]{comparison}"]
        _run([*command, "-lavfi", ";".join(steps), "-f", "null", "-"], folder)
        if not (folder / log).is_file():
            raise ClipError(f"ffmpeg compared frames of {height}x{width} px without writing a result")
        return (folder / log).read_text(encoding="utf-8")


def trial(comparison: str, files: dict[str, str]) -> str:
    """What the program says against a comparison filter, of one grey picture with itself; empty where it runs."""
    grey = "color=c=gray:s=640x640:d=0.04"
    steps = f"[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]{comparison}"
    command = [binary(), "-hide_banner", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", grey]
    with tempfile.TemporaryDirectory(prefix="stvsr-bench-") as name:
        for file, text in files.items():
            (Path(name) / file).write_text(text, encoding="utf-8")
        try:
            _run([*command, "-f", "lavfi", "-i", grey, "-lavfi", steps, "-f", "null", "-"], Path(name))
        except (ClipError, NotRunnableError) as error:
            return str(error)
    return ""


def _raw(frames_SCHW: NDArray[Any]) -> bytes:
    levels = np.stack([color.levels(frame_CHW) for frame_CHW in frames_SCHW])
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1)).tobytes()


def filters() -> str:
    """The program's list of its filters."""
    return _filters(binary())


@lru_cache(maxsize=4)
def _filters(program: str) -> str:
    return _run([program, "-hide_banner", "-filters"], Path.cwd())


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except OSError as error:
        raise NotRunnableError(f"{command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise NotRunnableError(f"ffmpeg was still not done after {_SECONDS} s and was stopped") from None
    if done.returncode < 0:  # the machine's fault, not the clip's: the next try may work
        raise NotRunnableError(f"ffmpeg was ended by signal {-done.returncode}; perhaps memory ran out")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        raise ClipError(f"ffmpeg refused the frames: {last}")
    return done.stdout
