"""Frames that carry what PyAV has no name for are read, and turned as that says."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageOps

from stvsr_bench.data import facts, video


@pytest.mark.fault("B", "a camera's MJPEG with EXIF, turned or mirrored", "read as players show it", "0")
@pytest.mark.parametrize("orientation", [1, 2, 3, 5, 6, 7, 8])
def test_mjpeg_with_exif_is_read_and_turned(tmp_path, orientation):
    ys, xs = np.mgrid[:32, :48]
    for t in range(3):
        picture = Image.fromarray(np.stack([xs * 5, ys * 7, (xs + ys + t * 9) * 2], -1).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = orientation, "camera"
        picture.save(tmp_path / f"{t}.jpg", exif=exif, quality=95, subsampling=0)
    copied = ["-v", "error", "-framerate", "25", "-i", str(tmp_path / "%d.jpg"), "-c", "copy", str(tmp_path / "c.avi")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *copied], check=True)
    read = np.stack([*video.decode(tmp_path / "c.avi")])
    shown = [ImageOps.exif_transpose(Image.open(tmp_path / f"{t}.jpg")) for t in range(3)]
    assert np.abs(read - np.stack(shown).astype(int)).mean() < 2
    found = facts.of(tmp_path / "c.avi")
    assert (found.width, found.height) == shown[0].size and bool(found.turn != (1, 0, 0, 1)) == (orientation != 1)
