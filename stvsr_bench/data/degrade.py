"""lr from hr: MATLAB-equal bicubic and the other degradations that papers used, stored as 8-bit frames.

Axes: S frames, C channels, h w and H W low- and high-resolution size.
The bicubic kernel is the cubic with a = -0.5, stretched by 1/scale when shrinking (antialiasing); borders are mirrored
with the edge pixel repeated (... 2 1 | 1 2 ...). Both directions are sparse matrices. For scale 1/4 all weights are
multiples of 1/4096, so 8-bit frames are resized in exact whole numbers and rounded once.
"""

import hashlib
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stvsr_bench import plugins
from stvsr_bench.data import blur, cache, compiled
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.opencv import portable
from stvsr_bench.schema import RENAMED, Frames

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", NDArray[Any], "Tensor")
Bytes = NDArray[np.uint8]
VERSION = 1  # part of the cache key: raise it when a degradation changes
FAR_DB = 45.0  # OpenCV without antialiasing is 35 dB from MATLAB, area means 47, Pillow 56


def imresize(frames_SCHW: Array, scale: float | Fraction) -> Array:
    """The frames at `scale` times their size, (S, C, ceil(H scale), ceil(W scale)), as MATLAB's `imresize` makes them.

    Of a `Fraction` the size is exact: as a number, 1/3 of some sides is a hair too large, and one row too many.
    Floats keep their type and are neither clipped nor rounded; uint8 frames are resized exactly, rounded half away
    from zero and clipped. Numpy stays numpy, a tensor stays a tensor on its device.

    Raises:
        UsageError: no frames of shape (S, C, H, W), or a scale that is not positive.
    """
    if isinstance(frames_SCHW, np.ndarray):
        return _imresize(frames_SCHW, scale)
    # whoever holds a tensor has imported torch; importing it here would slow every verb that has none
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(frames_SCHW, torch.Tensor):
        raise UsageError(f"frames are a numpy array or a torch tensor, not {type(frames_SCHW).__name__}")
    import torch as library

    return library.from_numpy(_imresize(frames_SCHW.detach().cpu().numpy(), scale)).to(frames_SCHW.device)


def degrade(hr_SCHW: NDArray[Any], name: str, scale: Fraction | int = 4) -> Frames:
    """Low-resolution frames as a saved 8-bit PNG would hold them, float32 in [0, 1], (S, 3, H / scale, W / scale).

    hr is rounded to 8 bits first, and cut at the right and bottom to a multiple of the scale (`mod_crop`).

    Raises:
        UnknownNameError: a degradation that is not one of `DEGRADATIONS`.
        UsageError: a degradation that is not defined at that scale.
    """
    name = _known(name)
    scale = Fraction(scale)
    # 8 bits before and after, as the published scripts go from saved frames to saved frames; LD-STVSR and STNO, which
    # keep floats, are the exceptions (../shared/specs/protocols.md, 5)
    return _as_frames(_degraded(_as_bytes(mod_crop(hr_SCHW, scale)), name, scale))


def lr_unrounded(hr_SCHW: NDArray[Any], name: str, scale: Fraction) -> Frames:
    """Low-resolution frames of 8-bit frames by `bicubic`, float32, neither rounded nor clipped, (S, 3, h, w).

    Raises:
        UsageError: another degradation; no script makes it without rounding.
    """
    if name != "bicubic":
        raise UsageError(f"degradation {name} always rounds to 8 bits; only bicubic is defined without it")
    levels = _as_bytes(mod_crop(hr_SCHW, scale)).astype(np.float64) / 255
    return imresize(levels, 1 / scale).astype(np.float32)


def lr_cached(hr_SCHW: NDArray[Any], name: str, scale: Fraction | int = 4) -> Frames:
    """`degrade`, kept under the cache folder by the content of the frames and the name of the degradation."""
    name = _known(name)
    scale = Fraction(scale)
    hr_bytes = _as_bytes(mod_crop(hr_SCHW, scale))
    # by content, not by the clip's name: frames that were replaced in place never get the lr of the old ones
    path = plugins.home() / "lr" / f"{name}-x{scale}".replace("/", "of") / f"{_content(hr_bytes)}.npz"
    kept = cache.load(path)
    shape = (*hr_bytes.shape[:2], *(int(side / scale) for side in hr_bytes.shape[2:]))
    if kept is not None and "lr" in kept and kept["lr"].shape == shape and kept["lr"].dtype == np.uint8:
        return _as_frames(kept["lr"])
    lr_bytes = _degraded(hr_bytes, name, scale)
    cache.store(path, lr=lr_bytes)
    return _as_frames(lr_bytes)


def mod_crop(frames_SCHW: NDArray[Any], scale: Fraction | int) -> NDArray[Any]:
    """The frames cut at the right and bottom to a multiple of the scale, as the published scripts do first.

    At a scale of p/q that is a multiple of p, of which the q-th parts are whole.
    """
    height, width = frames_SCHW.shape[-2:]
    whole = Fraction(scale).numerator
    if min(height, width) < whole:
        raise UsageError(f"frames of {height}x{width} px cannot be made {scale} times smaller")
    return frames_SCHW[..., : height // whole * whole, : width // whole * whole]


def taps(size: int, scale: float | Fraction) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which samples make each output sample, and with which weights: two arrays (ceil(size scale), taps)."""
    out = math.ceil(size * scale)
    scale = float(scale)
    stretch = min(scale, 1.0)
    width = 4 / stretch
    # counted from 1 as MATLAB does; the second term aligns the corners of the frames, not the middles of corner pixels
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)
    # MATLAB takes two taps more than the kernel is wide; those outside it weigh 0 and leave the matrix later
    index = np.floor(centre - width / 2)[:, None] + np.arange(math.ceil(width) + 2)
    weight = stretch * _cubic(stretch * (centre[:, None] - index))
    weight /= weight.sum(axis=1, keepdims=True)
    # modulo: small frames are mirrored again and again. The published ports mirror once, and need 6 px for 1/4
    mirrored = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    return mirrored[np.mod(index.astype(np.int64) - 1, 2 * size)], weight


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    x3 = x * x * x  # not x**3: numpy's power takes other code on AVX-512
    near = 1.5 * x3 - 2.5 * x**2 + 1
    far = -0.5 * x3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


@lru_cache(maxsize=64)
def _matrix(size: int, scale: float | Fraction, dtype: str, unit: float = 1.0) -> Any:
    """The sparse matrix (out, in) of one direction, its weights times `unit`."""
    index, weight = taps(size, scale)
    rows = np.repeat(np.arange(len(index)), index.shape[1])
    matrix = scipy.sparse.csr_array((weight.ravel() * unit, (rows, index.ravel())), shape=(len(index), size))
    matrix.sum_duplicates()  # at a border one sample comes twice, itself and mirrored
    matrix.eliminate_zeros()
    return matrix.astype(dtype)


def _imresize(frames_SCHW: NDArray[Any], scale: float | Fraction) -> NDArray[Any]:
    if frames_SCHW.ndim != 4:
        raise UsageError(f"frames have shape {frames_SCHW.shape}; imresize takes (S, C, H, W)")
    if not (math.isfinite(scale) and scale > 0):
        raise UsageError(f"scale {scale} is not a positive number")
    if frames_SCHW.dtype == np.uint8:
        return _imresize_bytes(frames_SCHW, scale)
    dtype = "float32" if frames_SCHW.dtype == np.float32 else "float64"
    height, width = frames_SCHW.shape[-2:]
    rows, columns = _matrix(height, scale, dtype), _matrix(width, scale, dtype)
    planes = np.ascontiguousarray(frames_SCHW, dtype=dtype).reshape(-1, height, width)
    out = np.empty((len(planes), rows.shape[0], columns.shape[0]), dtype)
    for made, plane in zip(out, planes, strict=True):
        made[:] = (columns @ (rows @ plane).T).T
    return out.reshape(*frames_SCHW.shape[:2], *out.shape[1:])


def _imresize_bytes(frames_SCHW: Bytes, scale: float | Fraction) -> Bytes:
    """8-bit frames resized, rounded once (half away from zero) and clipped; exact where scale is 1/4."""
    height, width = frames_SCHW.shape[-2:]
    planes = np.ascontiguousarray(frames_SCHW).reshape(-1, height, width)
    out = np.empty((len(planes), math.ceil(height * scale), math.ceil(width * scale)), np.uint8)
    quarter = scale == 0.25
    # the compiled resizer takes whole blocks of 4 and mirrors once; other sizes go through the matrices
    kernel = _kernel() if quarter and height % 4 == width % 4 == 0 and min(height, width) >= 12 else None
    if kernel is not None:
        kernel(planes, out)
    else:
        # the first direction of whole 8-bit levels stays below 2**24 when shrinking by 4: float32 holds it exactly
        rows = _matrix(height, scale, "float32" if quarter else "float64", 4096.0)
        columns = _matrix(width, scale, "float64", 4096.0)
        for made, plane in zip(out, planes, strict=True):
            total = columns @ (rows @ plane.astype(rows.dtype)).T
            made[:] = np.clip(total * 2.0**-24 + 0.5, 0, 255).T  # what is negative is clipped, so adding half is enough
    return out.reshape(*frames_SCHW.shape[:2], *out.shape[1:])


def _kernel() -> Callable[[Bytes, Bytes], None] | None:
    """The compiled resizer by 1/4, where it can be used."""
    return compiled.function("quarter", "resize")


def _bicubic(hr_SCHW: Bytes, scale: Fraction) -> Bytes:
    return _imresize_bytes(hr_SCHW, 1 / scale)


def _size(hr_SCHW: Bytes, scale: Fraction) -> tuple[int, int]:
    """(width, height) of the low-resolution frames, as Pillow and OpenCV take it."""
    return int(hr_SCHW.shape[3] / scale), int(hr_SCHW.shape[2] / scale)


def _pil(hr_SCHW: Bytes, scale: Fraction) -> Bytes:
    # BF-STVSR's frames; 56.2 dB from MATLAB, for Pillow rounds between its passes and has another border
    from PIL import Image

    size = _size(hr_SCHW, scale)
    small = [
        np.asarray(Image.fromarray(frame_HWC).resize(size, Image.Resampling.BICUBIC))
        for frame_HWC in np.ascontiguousarray(hr_SCHW.transpose(0, 2, 3, 1))
    ]
    return np.stack(small).transpose(0, 3, 1, 2)


@portable()
def _cv2(hr_SCHW: Bytes, scale: Fraction) -> Bytes:
    # INTER_CUBIC never antialiases: 91 % of the samples differ from MATLAB's, 35.5 dB (../shared/specs/metrics.md, 3).
    # It is here so that frames made with it are recognised
    size = _size(hr_SCHW, scale)
    frames_SHWC = np.ascontiguousarray(hr_SCHW.transpose(0, 2, 3, 1))
    small = [cv2.resize(frame_HWC, size, interpolation=cv2.INTER_CUBIC) for frame_HWC in frames_SHWC]
    return np.stack(small).transpose(0, 3, 1, 2)


DEGRADATIONS: dict[str, Callable[[Bytes, Fraction], Bytes]] = {
    "bicubic": _bicubic,
    "bd-2021": blur.bd_2021,
    "bd-stdan": blur.bd_stdan,
    "pil": _pil,
    "cv2": _cv2,
}
DESCRIPTIONS = {
    "bicubic": "MATLAB imresize, bicubic with antialiasing",
    "bd-2021": "blur-down as BasicVSR's: 12x12 Gaussian, sigma 1.6, centred on each 4x4 block, edges repeated",
    "bd-stdan": "blur-down of a script in STDAN's repository: 7x7 Gaussian, sigma 1.6, edges repeated, every scale-th "
    "sample (2, 6, 10, ... at 4: half a pixel off the block's centre)",
    "pil": "Pillow's bicubic with antialiasing, in 8-bit steps",
    "cv2": "OpenCV's bicubic without antialiasing",
}


@dataclass(frozen=True)
class Guess:
    """Which degradation made low-resolution frames, as far as one can see.

    `psnr_db` holds how near each candidate comes (RGB, 8 bits; infinite when equal to the byte). `margin_db` is the
    distance from the best candidate to the next; `name` is "unknown" when even the best is further than 45 dB.
    """

    name: str
    description: str
    margin_db: float
    psnr_db: dict[str, float]


def identify_degradation(lr_SChw: NDArray[Any], hr_SCHW: NDArray[Any]) -> Guess:
    """The degradation that would make these low-resolution frames of these high-resolution ones.

    Raises:
        UsageError: hr is not a whole number of times (at least twice) as large as lr.
    """
    lr_bytes, hr_bytes = _as_bytes(lr_SChw), _as_bytes(hr_SCHW)
    scale = hr_bytes.shape[2] // max(lr_bytes.shape[2], 1)
    small = tuple(size // max(scale, 1) for size in hr_bytes.shape[2:])
    if scale < 2 or len(lr_bytes) != len(hr_bytes) or lr_bytes.shape[2:] != small:
        raise UsageError(f"lr has shape {lr_bytes.shape} and hr {hr_bytes.shape}: lr is not a whole fraction of hr")
    hr_bytes = np.ascontiguousarray(mod_crop(hr_bytes, scale))
    defined = {name: make for name, make in DEGRADATIONS.items() if name != "bd-2021" or scale == blur.SCALE_2021}
    made = {name: make(hr_bytes, Fraction(scale)) for name, make in defined.items()}
    for phase in range(scale):  # blurred as `bd-stdan`, but sampled elsewhere, as by `[::4]`
        if phase != scale // 2:
            made[f"bd-stdan phase {phase}"] = blur.blur_down(hr_bytes, scale, phase, blur.TAPS_STDAN)
    made["nearest"] = hr_bytes[:, :, ::scale, ::scale]
    made["area"] = np.floor(_block_means(hr_bytes, scale) + 0.5).astype(np.uint8)
    psnr_db = {name: _psnr(lr_bytes, candidate) for name, candidate in made.items()}
    best, second = sorted(psnr_db, key=lambda name: -psnr_db[name])[:2]
    if psnr_db[best] < FAR_DB:
        return Guess("unknown", f"none of {', '.join(DEGRADATIONS)}", 0.0, psnr_db)
    # two exact fits (a flat clip): infinity minus infinity is no margin
    margin = 0.0 if psnr_db[best] == psnr_db[second] else psnr_db[best] - psnr_db[second]
    return Guess(best, DESCRIPTIONS.get(best, best), margin, psnr_db)


def _block_means(hr_SCHW: Bytes, scale: int) -> NDArray[np.float64]:
    count, channels, height, width = hr_SCHW.shape
    blocks = hr_SCHW.reshape(count, channels, height // scale, scale, width // scale, scale)
    return np.asarray(blocks.mean(axis=(3, 5)), dtype=np.float64)


def _psnr(first: Bytes, second: Bytes) -> float:
    mse = float(np.mean((first.astype(np.float64) - second) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def _known(name: str) -> str:
    """The name of a degradation today.

    Raises:
        UnknownNameError: not one of `DEGRADATIONS`, now or before.
    """
    name = RENAMED.get(name, name)
    if name not in DEGRADATIONS:
        raise UnknownNameError("degradation", name, DEGRADATIONS)
    return name


def _degraded(hr_SCHW: Bytes, name: str, scale: Fraction) -> Bytes:
    return DEGRADATIONS[name](hr_SCHW, scale)


def _as_bytes(frames_SCHW: NDArray[Any]) -> Bytes:
    """8-bit levels of frames in [0, 1] (uint8 is taken as it is), rounded half to even, C order."""
    if frames_SCHW.dtype == np.uint8:
        return np.ascontiguousarray(frames_SCHW)
    # float32 and half to even, as published scripts quantise, numba, OpenCV and `frames.to_bytes` do: equal at every
    # tie. MATLAB's half away from zero is for what `imresize` stores
    out = np.empty(frames_SCHW.shape, np.uint8)
    kernel = compiled.function("levels", "to_levels") if frames_SCHW.dtype == np.float32 else None
    for made, frame in zip(out, frames_SCHW, strict=True):
        if kernel is not None:
            kernel(frame, made)
            continue
        scaled = np.clip(frame, 0, 1, dtype=np.float32)
        np.multiply(scaled, np.float32(255), out=scaled)
        made[:] = np.rint(scaled, out=scaled)
    return out


def _as_frames(bytes_SChw: Bytes) -> Frames:
    return np.divide(bytes_SChw, np.float32(255), dtype=np.float32, order="C")


def _content(hr_SCHW: Bytes) -> str:
    """A digest of the frames and of how they are degraded: the name of a cached file."""
    found = hashlib.sha256(f"{VERSION} {hr_SCHW.shape}".encode())
    found.update(np.ascontiguousarray(hr_SCHW).data)
    return found.hexdigest()
