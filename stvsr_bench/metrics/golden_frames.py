"""The deterministic test frames of `goldens.json`: whole-number arithmetic only, equal to the bit on every machine.

Axes: H W size, C = RGB last. A recipe is one entry's dictionary: kind, size, seed and what the kind wants besides.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]
Recipe = Mapping[str, Any]
_WORD = np.uint64
_OCTAVES = ((64, 12), (32, 8), (16, 6), (8, 4), (4, 3), (2, 2), (1, 1))  # (cell in px, weight), weights sum to 36


def sha256(frame: NDArray[Any]) -> str:
    """SHA-256 (hex) of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest()


def white(seed: int, height: int, width: int, channels: int = 3) -> Bytes:
    """White noise from a counter hash (splitmix64), (H, W, C)."""
    count = height * width * channels
    with np.errstate(over="ignore"):
        counter = np.arange(count, dtype=_WORD) * _WORD(0x9E3779B97F4A7C15)
        counter += _WORD((seed * 0xD1342543DE82EF95 + 1) % 2**64)
        counter = (counter ^ (counter >> _WORD(30))) * _WORD(0xBF58476D1CE4E5B9)
        counter = (counter ^ (counter >> _WORD(27))) * _WORD(0x94D049BB133111EB)
    mixed = counter ^ (counter >> _WORD(31))
    return (mixed >> _WORD(56)).astype(np.uint8).reshape(height, width, channels)


@lru_cache(maxsize=64)
def natural(seed: int, height: int, width: int) -> Bytes:
    """A frame with the look of a photograph's spectrum: value noise of seven octaves, chroma weaker than luma.

    Kept for the next call, therefore read-only.
    """
    luma = _field(seed, height, width)
    frame = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        value = (3 * luma + _field(seed * 7 + 1000 + channel, height, width)) // 4
        frame[..., channel] = np.clip(((value - (128 << 12)) * 2 + (128 << 12)) >> 12, 0, 255)
    frame.flags.writeable = False
    return frame


def frame(recipe: Recipe) -> Bytes:
    """The frame of a resizing recipe: `natural` or `white`."""
    make = natural if recipe["kind"] == "natural" else white
    return make(recipe["seed"], recipe["h"], recipe["w"])


def pair(recipe: Recipe) -> tuple[Bytes, Bytes]:
    """(sr, hr) of a recipe."""
    kind, height, width = recipe["kind"], recipe["h"], recipe["w"]
    if kind == "black":
        return _flat(height, width, (0, 0, 0)), _flat(height, width, (0, 0, 0))
    if kind == "black_white":
        return _flat(height, width, (0, 0, 0)), _flat(height, width, (255, 255, 255))
    if kind == "const_pair":
        return _flat(height, width, recipe["a"]), _flat(height, width, recipe["b"])
    if kind == "checker_inverse":
        hr = _checker(height, width, recipe["cell"])
        return 255 - hr, hr
    seed = recipe["seed"]
    hr = white(seed, height, width) if kind == "white_noise" else natural(seed, height, width)
    return _distorted(kind, hr, recipe), hr


def clip(recipe: Recipe) -> list[tuple[Bytes, Bytes]]:
    """(sr, hr) of the seven frames of a panning clip; frames between are distorted more than the given ones."""
    height, width, seed = recipe["h"], recipe["w"], recipe["seed"]
    scene = natural(seed, height + 64, width + 64)
    pairs = []
    for t in range(7):
        y, x = 8 + t * recipe["dy"], 8 + t * recipe["dx"]
        hr = scene[y : y + height, x : x + width].copy()
        given = t % 2 == 0
        sr = _noise(_box(hr if given else _shift(hr, 1, t)), seed + 900 + t, 3 if given else 6)
        pairs.append((sr, hr))
    return pairs


def _distorted(kind: str, hr: Bytes, recipe: Recipe) -> Bytes:
    noise_seed = recipe["seed"] + 5000
    makers: dict[str, Callable[[], Bytes]] = {
        "identical": hr.copy,
        "offset": lambda: _clipped(hr.astype(np.int64) + recipe["d"]),
        "noise": lambda: _noise(hr, noise_seed, recipe["amp"]),
        "white_noise": lambda: _noise(hr, noise_seed, recipe["amp"]),
        "blur": lambda: _box(hr),
        "blur_noise": lambda: _noise(_box(hr), noise_seed, recipe["amp"]),
        "shift": lambda: _shift(hr, recipe["dy"], recipe["dx"]),
        "blocky4": lambda: _blocks(hr),
        "tone": lambda: (hr.astype(np.int64) ** 2 // 255).astype(np.uint8),
        "one_pixel": lambda: _one_pixel(hr, recipe),
        "chroma_only": hr[..., ::-1].copy,
    }
    return makers[kind]()


def _field(seed: int, height: int, width: int) -> Whole:
    total = np.zeros((height, width), np.int64)
    for number, (cell, weight) in enumerate(_OCTAVES):
        total += weight * (_octave(seed * 31 + number, height, width, cell) * 4096 // (cell * cell))
    return total // 36


def _octave(seed: int, height: int, width: int, cell: int) -> Whole:
    grid = white(seed, height // cell + 2, width // cell + 2, 1)[:, :, 0].astype(np.int64)
    y, x = np.arange(height), np.arange(width)
    row, down = (y // cell)[:, None], (y % cell)[:, None]
    column, right = (x // cell)[None], (x % cell)[None]
    top = grid[row, column] * (cell - right) + grid[row, column + 1] * right
    bottom = grid[row + 1, column] * (cell - right) + grid[row + 1, column + 1] * right
    return np.asarray(top * (cell - down) + bottom * down, dtype=np.int64)


def _clipped(values: Whole) -> Bytes:
    return np.clip(values, 0, 255).astype(np.uint8)


def _box(frame_HWC: Bytes) -> Bytes:
    padded = np.pad(frame_HWC.astype(np.int64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = frame_HWC.shape[:2]
    total = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return np.asarray((total + 4) // 9, dtype=np.uint8)


def _noise(frame_HWC: Bytes, seed: int, amplitude: int) -> Bytes:
    height, width, channels = frame_HWC.shape
    noise = white(seed, height, width, channels).astype(np.int64) % (2 * amplitude + 1) - amplitude
    return _clipped(frame_HWC.astype(np.int64) + noise)


def _shift(frame_HWC: Bytes, down: int, right: int) -> Bytes:
    height, width = frame_HWC.shape[:2]
    rows, columns = np.clip(np.arange(height) - down, 0, height - 1), np.clip(np.arange(width) - right, 0, width - 1)
    return np.asarray(frame_HWC[rows][:, columns])


def _blocks(frame_HWC: Bytes) -> Bytes:
    """Each block of 4x4 is its mean; blocks cut by the border see its pixels repeated."""
    height, width = frame_HWC.shape[:2]
    padded = np.pad(frame_HWC.astype(np.int64), ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    sums = padded.reshape(padded.shape[0] // 4, 4, padded.shape[1] // 4, 4, 3).sum(axis=(1, 3))
    means = np.repeat(np.repeat((sums + 8) // 16, 4, axis=0), 4, axis=1)
    return means[:height, :width].astype(np.uint8)


def _one_pixel(frame_HWC: Bytes, recipe: Recipe) -> Bytes:
    changed = frame_HWC.copy()
    where = recipe["y"], recipe["x"], recipe["c"]
    changed[where] = np.clip(int(changed[where]) + recipe["d"], 0, 255)
    return changed


def _checker(height: int, width: int, cell: int) -> Bytes:
    odd = (np.arange(height)[:, None] // cell + np.arange(width)[None] // cell) % 2
    return np.repeat((255 * odd).astype(np.uint8)[..., None], 3, axis=2)


def _flat(height: int, width: int, rgb: tuple[int, int, int]) -> Bytes:
    return np.broadcast_to(np.array(rgb, np.uint8), (height, width, 3)).copy()
