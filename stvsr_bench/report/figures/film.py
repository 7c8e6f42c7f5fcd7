"""Films of a clip: the methods side by side with their names, as GIF (always) and MP4 (where PyAV can encode it)."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from stvsr_bench.data.atomic import moved_when_whole, replacing
from stvsr_bench.report.frames import Bytes, Saved, read_all

BAR = 18
FRAMES_PER_SECOND = 6  # a septuplet lasts a second, slow enough to see its frames


def side_by_side(saved: Saved, names: Sequence[str]) -> list[Bytes]:
    """The frames of the truth and of each method beside each other under a bar with their names, (H, W, 3) each."""
    sources = {"truth": saved.truth, **{name: saved.folders[name] for name in names}}
    found = [_labelled(name, read_all(folder)[1]) for name, folder in sources.items()]
    count = min(len(frames) for frames in found)
    return [np.concatenate([frames[i] for frames in found], axis=1) for i in range(count)]


def write_gif(frames: Sequence[Bytes], path: Path) -> None:
    """A GIF that repeats for ever; 256 colours, so look at it for motion and not for colour."""
    # dither would flicker from frame to frame, and look like a fault of the method
    images = [
        Image.fromarray(frame).quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) for frame in frames
    ]
    with replacing(path, durable=False) as file:
        images[0].save(
            file, format="GIF", save_all=True, append_images=images[1:], duration=1000 // FRAMES_PER_SECOND, loop=0
        )


def write_mp4(frames: Sequence[Bytes], path: Path, repeats: int = 4) -> bool:
    """An H.264 film of the frames, shown several times over; False where this PyAV has no encoder for it."""
    if "libx264" not in av.codecs_available:
        return False
    # yuv420p halves the chroma, so both sides must be even; other formats do not play everywhere
    height, width = frames[0].shape[0] // 2 * 2, frames[0].shape[1] // 2 * 2
    with moved_when_whole(path, ".mp4") as part, av.open(str(part), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FRAMES_PER_SECOND), options={"crf": "12", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in _repeated(frames, repeats):
            even = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return True


def _labelled(name: str, frames_SHWC: Bytes) -> list[Bytes]:
    width = frames_SHWC.shape[2]
    bar = Image.new("RGB", (width, BAR), "black")
    ImageDraw.Draw(bar).text((4, 3), name.encode("latin-1", "replace").decode("latin-1"), fill="white")
    return [np.concatenate([np.asarray(bar), frame]) for frame in frames_SHWC]


def _repeated(frames: Sequence[Bytes], times: int) -> Iterator[Bytes]:
    for _ in range(times):
        yield from frames
