"""VMAF by the ffmpeg program, by a model's name or file; sizes that a model cannot do are refused before it runs.

Measured with libvmaf of ffmpeg n9.0.2: a v1 model gives 0 with exit status 0 for pictures under 216 pixels both ways,
and crashes the program where a side of the chroma plane is too small. So sizes are checked first, and each model runs
in a process of its own. Axes: S C H W.
"""

import json
import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench import hashes
from stvsr_bench.errors import BenchError, ClipError, NotRunnableError, UsageError
from stvsr_bench.installing import extra, pip
from stvsr_bench.metrics import color, ffmpeg

VARIABLE = "STVSR_BENCH_VMAF_MODEL"  # what --vmaf-model sets, for worker processes too
OF_FILE = "vmaf_model_"  # and the first eight digits of the file's SHA-256
_OF_FILE = re.compile(rf"{OF_FILE}[0-9a-f]{{8}}")
CAMBI = 216  # CAMBI wants this of the longer side
SMALLEST = 32  # v0.6.1 crashes at 16x16; from 32x24 it gave values


@dataclass(frozen=True)
class Model:
    """A model by its name in libvmaf, and what sizes it can do: `prescale` is of the picture for SpEED, 0 without."""

    name: str
    title: str
    prescale: float = 0.0
    cambi: bool = False

    def check(self, size: tuple[int, ...]) -> None:
        """Refuse a size.

        Raises:
            ClipError: the model gives nothing, or crashes, for pictures of that size.
        """
        height, width = size
        least = max(SMALLEST, smallest_side(self.prescale) if self.prescale else 0)
        if min(size) < least:
            raise ClipError(
                f"{self.name} needs frames of at least {least}x{least} px in 4:2:0, these are {height}x{width}"
            )
        if self.cambi and max(size) < CAMBI:
            raise ClipError(f"{self.name} needs a side of at least {CAMBI} px, these frames are {height}x{width}")


def _v1(name: str, title: str, prescale: float) -> dict[str, Model]:
    return {
        f"vmaf_v1_{name}": Model(f"vmaf_v1.0.16_{name}", f"VMAF v1 {title}", prescale, True),
        f"vmaf_v1_hfr_{name}": Model(f"vmaf_v1.0.16_hfr_{name}", f"VMAF v1 HFR {title}", prescale, True),
    }


MODELS: dict[str, Model] = {
    "vmaf": Model("vmaf_v0.6.1", "VMAF"),
    "vmaf_neg": Model("vmaf_v0.6.1neg", "VMAF NEG"),
    "vmaf_4k": Model("vmaf_4k_v0.6.1", "VMAF 4K"),
    **_v1("3d0h", "1080p, 3 heights", 1.0),
    **_v1("5d0h", "phone, 5 heights", 0.6),
    **_v1("1d5h_2160", "4K, 1.5 heights", 1.0),
    **_v1("3d0h_2160", "4K, 3 heights", 0.5),
}


def smallest_side(prescale: float) -> int:
    """The least side in pixels (4:2:0) of which SpEED has five blocks of 16 in chroma."""
    return next(side for side in range(2, 4096) if _blocks(side // 2, prescale) >= 5)


def _blocks(chroma: int, prescale: float) -> int:
    return math.floor(chroma * prescale + 0.5) // 16


def score(model: Model, sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """VMAF of each frame, 8-bit 4:2:0; motion is seen between the frames of the clip.

    Raises:
        NotRunnableError: no ffmpeg, or one without libvmaf or without this model.
        ClipError: frames of a size that the model cannot do, or the program gave no score.
    """
    model.check(color.to_numpy(hr_SCHW).shape[-2:])
    if why := missing(model):
        raise NotRunnableError(why)
    return _of_log(model.name, _log(sr_SCHW, hr_SCHW, f"model=version={model.name}", {}), "vmaf")


def cambi(sr_SCHW: Any, _hr_SCHW: Any) -> NDArray[np.float64]:
    """CAMBI of each frame of sr: banding that can be seen, 0 is none, about 5 slightly annoying; it needs no truth."""
    Model("CAMBI", "", cambi=True).check(color.to_numpy(sr_SCHW).shape[-2:])
    if why := _without_libvmaf():
        raise NotRunnableError(why)
    return _of_log("CAMBI", _log(sr_SCHW, sr_SCHW, "feature=name=cambi", {}), "cambi")


def of_file(name: str, sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """VMAF of each frame by the model file that --vmaf-model named.

    Raises:
        NotRunnableError, ClipError: as `score`, or the file is another one than the metric's name says.
    """
    path = _file(name)
    text = path.read_text(encoding="utf-8")
    _model_of(path, text).check(color.to_numpy(hr_SCHW).shape[-2:])
    log = _log(sr_SCHW, hr_SCHW, "model=path=model.json", {"model.json": text})
    return _of_log(path.name, log, "vmaf")


def is_of_file(name: object) -> bool:
    """Whether it names a metric of a model file."""
    return isinstance(name, str) and _OF_FILE.fullmatch(name) is not None


def chosen(path: Path) -> str:
    """The metric of a model file, which worker processes of this one know from now on.

    Raises:
        UsageError: it is no model file that the ffmpeg here can load.
        NotRunnableError: no ffmpeg with libvmaf.
    """
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)["model_dict"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--vmaf-model {path} is not a VMAF model in JSON: {error}") from None
    if why := _without_libvmaf():
        raise NotRunnableError(why)
    if said := ffmpeg.trial("libvmaf=model=path=model.json", {"model.json": text}):
        raise UsageError(f"--vmaf-model {path}: the ffmpeg here cannot load it: {said}")
    os.environ[VARIABLE] = str(path.resolve())
    return OF_FILE + hashes.sha256(path)[:8]


def missing(model: Model) -> str:
    """Why a model cannot run here; empty where it can."""
    if why := _without_libvmaf():
        return why
    if _unknown(ffmpeg.binary(), model.name):
        return f"the ffmpeg here does not know the model {model.name}: run {pip('imageio-ffmpeg==0.8.1')}"
    return ""


def file_missing(name: str) -> str:
    """Why the model file of a metric cannot be used here; empty where it can."""
    try:
        _file(name)
    except NotRunnableError as error:
        return str(error)
    return _without_libvmaf()


def cambi_missing() -> str:
    """Why CAMBI cannot run here; empty where it can."""
    return _without_libvmaf()


def file_made_by(name: str) -> str:
    """What a number of a model file depends on."""
    path = _file(name)
    return f"{path.name}, SHA-256 {hashes.sha256(path)}; {ffmpeg.version()}"


def _without_libvmaf() -> str:
    try:
        known = "libvmaf" in ffmpeg.filters()
    except BenchError as error:
        return str(error)
    return "" if known else f"{ffmpeg.binary()} has no libvmaf: run {extra('vmaf')}"


@lru_cache(maxsize=64)
def _unknown(_binary: str, name: str) -> bool:
    return bool(ffmpeg.trial(f"libvmaf=model=version={name}", {}))


def _file(name: str) -> Path:
    path = Path(os.environ.get(VARIABLE, ""))
    if not path.is_file():
        raise NotRunnableError(f"{name} is of a model file that is not named here: add --vmaf-model FILE")
    if name != OF_FILE + hashes.sha256(path)[:8]:
        raise NotRunnableError(f"{name} is of another model file than {path} (SHA-256 {hashes.sha256(path)[:8]}...)")
    return path


def _model_of(path: Path, text: str) -> Model:
    found = re.search(r'"speed_prescale"\s*:\s*([0-9.]+)', text)
    prescale = float(found[1]) if found else float("speed_chroma" in text)
    return Model(path.name, path.name, prescale, "cambi" in text)


def _log(sr_SCHW: Any, hr_SCHW: Any, what: str, files: dict[str, str]) -> str:
    comparison = f"libvmaf={what}:n_threads=1:log_fmt=json:log_path=log.json"
    return ffmpeg.compared(sr_SCHW, hr_SCHW, "yuv420p", comparison, "log.json", files)


def _of_log(name: str, text: str, key: str) -> NDArray[np.float64]:
    frames = [frame["metrics"] for frame in json.loads(text)["frames"]]
    # the program ends well without a score where a feature refused the frames; it prints 0 then, which is none
    if not frames or any(key not in frame for frame in frames):
        raise ClipError(f"{name} gave no score for these frames: libvmaf could not compute one of its features")
    return np.array([frame[key] for frame in frames], dtype=np.float64)
