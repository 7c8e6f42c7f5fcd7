"""Reads SPAN's weights from the .param/.bin pair of an ncnn model: a text graph and the numbers in its order."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stvsr_bench.errors import WeightsError

MAGIC = "7767517"
HALF_PRECISION = 0x01306B47  # the tag before weights stored as float16; 0 means float32
LARGEST = 2**22  # elements of one weight tensor; SPAN's largest has 20736

# SPAN's layers as the graph names them, and as `model.Span` does
NAMES = {
    "/conv_1/eval_conv/Conv": "head",
    "/conv_2/eval_conv/Conv": "tail",
    "/conv_cat/Conv": "fuse",
    "/upsampler/upsampler.0/Conv": "upscale.0",
    **{f"/block_{i}/c{c}_r/eval_conv/Conv": f"blocks.{i - 1}.conv{c}" for i in range(1, 7) for c in (1, 2, 3)},
}


@dataclass(frozen=True)
class Layer:
    """One line of the graph: kind, name and its numbered parameters."""

    kind: str
    name: str
    values: dict[int, float]

    def whole(self, number: int, default: int = 0) -> int:
        """A parameter as a whole number."""
        return int(self.values.get(number, default))


def from_ncnn(path: Path) -> dict[str, Tensor]:
    """The state dict of `model.Span` from the .bin at `path` and the .param beside it.

    Raises:
        WeightsError: a file is missing, is no ncnn model, or has other layers or sizes than SPAN.
    """
    graph = path.with_suffix(".param")
    try:
        layers, numbers = parsed(graph.read_text(encoding="utf-8")), Numbers(path.read_bytes(), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"SPAN: {graph.name} and {path.name} are needed side by side: {error}") from None
    state: dict[str, Tensor] = {}
    for layer in layers:
        if layer.kind == "MemoryData":
            state["mean"] = numbers.plain(3).reshape(3, 1, 1)
        elif layer.kind == "Convolution":
            state |= _convolution(layer, numbers)
    numbers.finish()
    missing = [name for name in NAMES.values() if f"{name}.weight" not in state]
    if missing or "mean" not in state:
        raise WeightsError(f"SPAN: {graph.name} has no layer '{missing[0] if missing else 'mean'}'")
    return state


def parsed(text: str) -> list[Layer]:
    """The layers of a .param text, in order.

    Raises:
        WeightsError: it is no ncnn graph.
    """
    lines = text.split("\n")
    if not lines or lines[0].strip() != MAGIC:
        raise WeightsError("SPAN: the .param file is no ncnn graph (its first line is not 7767517)")
    return [_layer(line) for line in lines[2:] if line.strip()]


def _layer(line: str) -> Layer:
    try:
        kind, name, n_in, n_out, *rest = line.split()
        pairs = [item.split("=") for item in rest[int(n_in) + int(n_out) :]]
        values = {int(key): float(value) for key, value in pairs}
        if not all(map(math.isfinite, values.values())):
            raise ValueError("not finite")
        return Layer(kind, name, values)
    except ValueError:
        raise WeightsError(f"SPAN: the .param line '{line[:60]}' cannot be read") from None


def _convolution(layer: Layer, numbers: "Numbers") -> dict[str, Tensor]:
    name = NAMES.get(layer.name)
    if name is None:
        raise WeightsError(f"SPAN: the graph has a convolution '{layer.name[:60]}' that SPAN x4 does not have")
    out, kernel, total = layer.whole(0), layer.whole(1), layer.whole(6)
    if min(out, kernel, total) < 1 or total > LARGEST or total % (out * kernel * kernel):
        raise WeightsError(f"SPAN: '{layer.name}' claims {total} weights for {out} outputs of {kernel}x{kernel}")
    weight = numbers.tagged(total).reshape(out, total // (out * kernel * kernel), kernel, kernel)
    state = {f"{name}.weight": weight}
    if layer.whole(5):
        state[f"{name}.bias"] = numbers.plain(out)
    return state


class Numbers:
    """The .bin file, read from front to back."""

    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name, self.place = content, name, 0

    def plain(self, count: int) -> Tensor:
        """`count` float32 numbers."""
        return self._array(count, "<f4")

    def tagged(self, count: int) -> Tensor:
        """`count` numbers in the precision that the four bytes before them name, as float32."""
        (tag,) = struct.unpack("<I", self._bytes(4))
        if tag not in (0, HALF_PRECISION):
            raise WeightsError(f"SPAN: {self.name} stores weights in a form ({tag:#x}) that is not read here")
        found = self._array(count, "<f2" if tag else "<f4")
        self.place = (self.place + 3) // 4 * 4  # blocks of half precision are filled up to four bytes
        return found

    def finish(self) -> None:
        """Nothing, if every byte was read."""
        if self.place != len(self.content):
            raise WeightsError(f"SPAN: {self.name} has {len(self.content) - self.place} bytes more than its graph")

    def _array(self, count: int, kind: str) -> Tensor:
        found = np.frombuffer(self._bytes(count * np.dtype(kind).itemsize), dtype=kind)
        return torch.from_numpy(found.astype(np.float32))

    def _bytes(self, count: int) -> bytes:
        part = self.content[self.place : self.place + count]
        if count < 0 or len(part) < count:
            raise WeightsError(
                f"SPAN: {self.name} is truncated: its graph wants more than its {len(self.content)} bytes"
            )
        self.place += count
        return part
