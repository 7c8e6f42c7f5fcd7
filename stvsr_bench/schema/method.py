"""Methods ready to run, and the settings that they run with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stvsr_bench.schema.cards import MethodCard, OptionValue

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class Method:
    """A method ready to run: its card, the identity of its weights, and the network in eval mode.

    `code` is a digest of its code.
    `flags` are what each of its rows must say of it: "override" where it stands in for a built-in of its name.
    `changes` is filled while it runs: what of its process it changed and had put back (`restore/kept.py`).
    """

    spec: str
    card: MethodCard
    net: "nn.Module"
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    weights_tag: str = ""
    weights_sha256: str = ""
    untrained: bool = False
    code: str = ""
    flags: tuple[str, ...] = ()
    changes: set[str] = field(default_factory=set, compare=False, repr=False)

    def __repr__(self) -> str:
        tensors = list(self.net.parameters())
        weights = "untrained" if self.untrained else f"weights {self.weights_tag}" if self.weights_tag else "no weights"
        of = self.card.scale
        scale = f"x{of[0]} to x{of[1]}" if isinstance(of, tuple) else f"x{of}"
        count = f"{sum(one.numel() for one in tensors):,} parameters"
        device = str(tensors[0].device) if tensors else "cpu"
        return f"<{self.spec}: {self.card.kind} {scale}, {weights}, {count}, on {device}>"


def on_grid(grid: int, size: int, overlap: int) -> tuple[int, int]:
    """Size and overlap of the nearest tiles on a grid: the overlap rounded up, the size down, one cell larger at least.

    A size that is no multiple of the grid would be padded, an overlap that is none would start tiles beside it.
    """
    overlap = -(-overlap // grid) * grid
    return max(size // grid * grid, overlap + grid), overlap


@dataclass(frozen=True)
class Settings:
    """Choices that no protocol states but that may move a number; what differs from these defaults is in every row.

    `tile` and `tile_overlap` are low-resolution pixels; 0 means whole frames.
    """

    device: str = "cpu"
    precision: str = "fp32"
    tile: int = 0
    tile_overlap: int = 16
    compile: bool = False
    channels_last: bool = False
    fall_back: bool = True

    @property
    def label(self) -> str:
        """What belongs to a result's identity: "" for plain float32 on whole frames."""
        return self._label({})

    @property
    def bits_stay(self) -> bool:
        """Whether a bit-exact method stays so: float32 on the CPU, as written."""
        return self.device == "cpu" and self.precision == "fp32" and not self.compile

    def fitted(self, grid: int) -> "Settings":
        """With the nearest tiles that lie on a grid of pixels; see `on_grid`."""
        if not self.tile:
            return self
        tile, overlap = on_grid(grid, self.tile, self.tile_overlap)
        return replace(self, tile=tile, tile_overlap=overlap)

    def name(self, method: str) -> str:
        """A method's name as it is asked for: what may move its numbers (precision, tiles) is part of it."""
        return self.name_after(method, {})

    def name_after(self, method: str, how: Mapping[str, str]) -> str:
        """A method's name in a row: the tile that was used, and whether memory ran out, instead of what was asked.

        `how` is `Restored.how`: `zsm [tile56-16]` where 62 was asked, `zsm [tile56-16,fell back]` where nothing was.
        """
        label = self._label(how)
        return f"{method} [{label}]" if label else method

    def _label(self, how: Mapping[str, str]) -> str:
        parts = [] if self.precision == "fp32" else [self.precision]
        if "tile" in how or self.tile:
            parts.append(f"tile{how.get('tile', f'{self.tile}-{self.tile_overlap}')}")
        if "fall_back" in how:
            parts.append("fell back")
        if self.compile:
            parts.append("compile")
        return ",".join(parts)
