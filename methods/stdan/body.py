"""The body that reads and that restores: residual stages of window-attention blocks between convolutions (SwinIR).

Axes: B frames as a batch, C features outside and E embedded features inside, h w low resolution.
"""

from torch import Tensor, nn

from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.residual import TransformerBlock
from stvsr_bench.nn.window_attention import WindowAttention, from_windows, shift_mask, to_windows

WINDOW = 8
SHIFT = 4
DROP_RATE = 0.1  # of a branch of the last block, in training; the rates rise from 0 over all blocks of a body


class Block(TransformerBlock):
    """Window attention and an MLP, each on a residual branch; every second block works on a map rolled by 4."""

    def __init__(self, embed: int, heads: int, shift: int, rate: float) -> None:
        super().__init__()
        self.shift, self.rate = shift, rate
        self.norm1, self.attention = nn.LayerNorm(embed), WindowAttention(embed, heads, WINDOW)
        self.norm2 = nn.LayerNorm(embed)
        self.expand, self.shrink = nn.Linear(embed, 2 * embed), nn.Linear(2 * embed, embed)

    def forward(self, map_BhwE: Tensor, mask: Tensor) -> Tensor:
        """The map with both branches added; `mask` is that of `shift_mask` for this size."""
        map_BhwE = map_BhwE + self.dropped(self.attend(self.norm1(map_BhwE), mask))
        # dropped for each frame of the batch, not for each clip: so the authors train
        return map_BhwE + self.dropped(self.feed(self.norm2(map_BhwE)))

    def attend(self, map_BhwE: Tensor, mask: Tensor) -> Tensor:
        """The attention branch, as the paper draws it: roll, cut, attend, put back, roll back."""
        h, w = map_BhwE.shape[1:3]
        rolled = map_BhwE.roll((-self.shift, -self.shift), (1, 2)) if self.shift else map_BhwE
        attended = self.attention(to_windows(rolled, WINDOW), mask if self.shift else None)
        restored = from_windows(attended, WINDOW, h, w)
        return restored.roll((self.shift, self.shift), (1, 2)) if self.shift else restored


class Stage(nn.Module):
    """A run of blocks and a convolution, added to what came in."""

    def __init__(self, embed: int, heads: int, rates: list[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(embed, heads, SHIFT * (i % 2), rate) for i, rate in enumerate(rates))
        self.conv = conv3(embed, embed)

    def forward(self, map_BhwE: Tensor, mask: Tensor) -> Tensor:
        """The map after this stage; the shape stays."""
        inner = map_BhwE
        for block in self.blocks:
            inner = block(inner, mask)
        added_BEhw: Tensor = self.conv(inner.permute(0, 3, 1, 2))
        return map_BhwE + added_BEhw.permute(0, 2, 3, 1)


class Body(nn.Module):
    """C -> E, the stages, E -> C. Sides must be multiples of 8."""

    def __init__(self, channels: int, embed: int, heads: int, stages: int, depth: int) -> None:
        super().__init__()
        last = max(stages * depth - 1, 1)
        rates = [DROP_RATE * block / last for block in range(stages * depth)]
        self.enter = conv3(channels, embed)
        self.norm_in = nn.LayerNorm(embed)
        self.stages = nn.ModuleList(Stage(embed, heads, rates[s * depth : (s + 1) * depth]) for s in range(stages))
        self.norm_out = nn.LayerNorm(embed)
        self.join = conv3(embed, embed)
        self.leave = conv3(embed, channels)

    def forward(self, feat_BChw: Tensor) -> Tensor:
        """Features of the same shape."""
        shallow_BEhw = self.enter(feat_BChw)
        h, w = feat_BChw.shape[-2:]
        mask = shift_mask(h, w, WINDOW, SHIFT).to(feat_BChw)
        map_BhwE = self.norm_in(shallow_BEhw.permute(0, 2, 3, 1))
        for stage in self.stages:
            map_BhwE = stage(map_BhwE, mask)
        deep_BEhw = self.norm_out(map_BhwE).permute(0, 3, 1, 2)
        # the shortcut starts before `norm_in`, and nothing is added to what came in: C and E differ
        restored_BChw: Tensor = self.leave(self.join(deep_BEhw) + shallow_BEhw)
        return restored_BChw
