"""The saved frames that the page's viewer shows: scripts beside the page, or data URLs inside it.

Frames stand in `frames/*.js`, a file per clip and method that the page brings in when they are looked at: a script may
be loaded from a local disk where an image's pixels may not be read, and differences and slices need pixels.
"""

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from stvsr_bench.report.frames import Saved, paths
from stvsr_bench.rows import store


def frame_urls(frames: Sequence[Saved], quality: int = 0) -> Iterator[tuple[str, dict[int, str]]]:
    """For each clip and method: its name in the page, and its frames as data URLs by index.

    Quality 0 gives the saved files as they are, 1 to 100 WebP that loses some of them, at a tenth of the size.
    """
    for one in frames:
        for name, source in _sources(one).items():
            yield _identity(one, name), {index: _data_url(path, quality) for index, path in paths(source).items()}


def write_frames(folder: Path, frames: Sequence[Saved], quality: int = 0) -> None:
    """The frames as scripts beside the page; those of an earlier report that this one does not show are removed."""
    kept = {f"{_identity(one, name)}.js" for one in frames for name in _sources(one)}
    for stale in (folder / "frames").glob("[0-9a-f]" * 16 + ".js"):
        if stale.name not in kept:
            stale.unlink()
    for identity, urls in frame_urls(frames, quality):
        text = f"stvsrFrames({json.dumps(identity)},{json.dumps(urls)});\n"
        store.write_atomic(folder / "frames" / f"{identity}.js", text)


def clip_frames(one: Saved) -> dict[str, Any]:
    """What the page's document says of a clip with saved frames: indices, and the names under which frames come."""
    return {
        "dataset": one.dataset,
        "split": one.split,
        "clip": one.clip,
        "index": list(paths(one.truth)),
        "sources": {name: _identity(one, name) for name in _sources(one)},
    }


def _sources(one: Saved) -> dict[str, Path]:
    known = {**one.folders, "truth": one.truth}
    return {**known, "input": one.given} if one.given.is_dir() else known


def _identity(one: Saved, name: str) -> str:
    # a digest, because a clip's and a method's name may hold what no file name or HTML id may
    return hashlib.sha256(json.dumps([one.dataset, one.split, one.clip, name]).encode()).hexdigest()[:16]


def _data_url(path: Path, quality: int) -> str:
    if not quality:
        # the file as it lies there: exactly the pixels that were scored
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    out = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(out, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
