"""The two attentions of DAT, over windows and over channels, and the gates that join each with a convolution.

Axes: B batch, C features, h w size, W windows, N pixels of a window, K heads, D features
of a head; 3: query, key, value.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.window_attention import from_windows, shift_mask, to_windows

SIDES = (8, 32)  # px of a window; half of the features see it upright, half lying


class Gated(nn.Module):
    """What both attentions share: projections, a depthwise convolution of the values, and two gates."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(features, 3 * features)
        self.project = nn.Linear(features, features)
        self.local = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1, groups=features), nn.BatchNorm2d(features), nn.GELU()
        )
        self.channel_gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_squeeze(features, features // 8, features))
        self.space_gate = nn.Sequential(*_squeeze(features, features // 16, 1))

    def local_values(self, qkv_Bhw3C: Tensor) -> Tensor:
        """The values after the depthwise convolution, (B, C, h, w)."""
        local_BChw: Tensor = self.local(qkv_Bhw3C[..., 2, :].permute(0, 3, 1, 2))
        return local_BChw

    def joined(self, attended_BChw: Tensor, local_BChw: Tensor) -> Tensor:
        """Both branches added and projected, (B, h, w, C)."""
        out: Tensor = self.project((attended_BChw + local_BChw).permute(0, 2, 3, 1))
        return out


class WindowAttention(Gated):
    """Attention inside windows of 8x32 and 32x8 pixels; channels gate it, places gate the convolution."""

    def __init__(self, features: int, heads: int, shifted: bool) -> None:
        super().__init__(features)
        self.shifted = shifted
        self.bias = nn.ModuleList(PositionBias(features // 2, heads // 2, window) for window in (SIDES, SIDES[::-1]))
        self.heads = heads // 2

    def forward(self, feat_BhwC: Tensor) -> Tensor:
        """The features that each pixel gathers in its window and its neighbourhood."""
        height, width, features = feat_BhwC.shape[1:]
        qkv_Bhw3C = self.qkv(feat_BhwC).unflatten(-1, (3, features))
        # queries, keys and values are padded, not the features: what is padded is zero in all three. Both sides to 32:
        # half of the features see the window upright, half lying
        edge = (0, 0, 0, 0, 0, -width % max(SIDES), 0, -height % max(SIDES))
        halves = F.pad(qkv_Bhw3C, edge).chunk(2, dim=-1)
        attended_BhwC = torch.cat([self._half(half, index) for index, half in enumerate(halves)], dim=-1)
        attended_BChw = attended_BhwC[:, :height, :width].permute(0, 3, 1, 2)
        local_BChw = self.local_values(qkv_Bhw3C)
        channels_BC11 = torch.sigmoid(self.channel_gate(local_BChw))
        places_B1hw = torch.sigmoid(self.space_gate(attended_BChw))
        return self.joined(attended_BChw * channels_BC11, local_BChw * places_B1hw)

    def _half(self, qkv_Bhw3C: Tensor, index: int) -> Tensor:
        window = SIDES if index == 0 else SIDES[::-1]
        shift = (window[0] // 2, window[1] // 2) if self.shifted else (0, 0)
        height, width = qkv_Bhw3C.shape[1:3]
        rolled = qkv_Bhw3C.roll((-shift[0], -shift[1]), dims=(1, 2))
        q, k, v = (self._by_heads(to_windows(part, window), len(rolled)) for part in rolled.unbind(3))
        bias = self.bias[index]()
        if self.shifted:
            bias = bias + shift_mask(height, width, window, shift)[:, None].to(bias)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        windows_WNC = attended.transpose(-3, -2).flatten(-2).flatten(0, 1)
        return from_windows(windows_WNC, window, height, width).roll(shift, dims=(1, 2))

    def _by_heads(self, windows_WNC: Tensor, batch: int) -> Tensor:
        """(B, W, K, N, D)."""
        heads_BWNKD = torch.unflatten(torch.unflatten(windows_WNC, 0, (batch, -1)), -1, (self.heads, -1))
        return heads_BWNKD.transpose(-3, -2)


class ChannelAttention(Gated):
    """Attention among the channels of a head over the whole frame; places gate it, channels gate the convolution."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__(features)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))

    def forward(self, feat_BhwC: Tensor) -> Tensor:
        """The features that each channel gathers from its head's other channels and its neighbourhood."""
        batch, height, width, features = feat_BhwC.shape
        heads = self.temperature.shape[0]
        qkv_Bhw3C = self.qkv(feat_BhwC).unflatten(-1, (3, features))
        q, k, v = qkv_Bhw3C.reshape(batch, height * width, 3, heads, -1).permute(2, 0, 3, 4, 1)
        # over all pixels of the frame: a channel is a vector of them, and how long it is does not count
        likeness_BKDD = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)) * self.temperature
        attended_BChw = (likeness_BKDD.softmax(-1) @ v).reshape(batch, features, height, width)
        local_BChw = self.local_values(qkv_Bhw3C)
        channels_BC11 = torch.sigmoid(self.channel_gate(attended_BChw))
        places_B1hw = torch.sigmoid(self.space_gate(local_BChw))
        return self.joined(attended_BChw * places_B1hw, local_BChw * channels_BC11)


class PositionBias(nn.Module):
    """A small network that gives the bias of each relative position in a window, per head."""

    offsets: Tensor
    index: Tensor

    def __init__(self, features: int, heads: int, window: tuple[int, int]) -> None:
        super().__init__()
        hidden = features // 4 // 4  # as published: one hidden feature at 60 (README beside this file)
        self.enter = nn.Linear(2, hidden)
        self.layer1 = _normed(hidden, hidden)
        self.layer2 = _normed(hidden, hidden)
        self.layer3 = _normed(hidden, heads)
        tall, wide = window
        y, x = torch.meshgrid(torch.arange(tall), torch.arange(wide), indexing="ij")
        down, across = (axis.flatten()[:, None] - axis.flatten()[None] for axis in (y, x))
        offsets = torch.cartesian_prod(torch.arange(1.0 - tall, tall), torch.arange(1.0 - wide, wide))
        self.register_buffer("offsets", offsets, persistent=False)
        self.register_buffer("index", (down + tall - 1) * (2 * wide - 1) + across + wide - 1, persistent=False)

    def forward(self) -> Tensor:
        """The bias between every two pixels, (K, N, N)."""
        table = self.layer3(self.layer2(self.layer1(self.enter(self.offsets))))
        bias: Tensor = table[self.index].permute(2, 0, 1)
        return bias


def _normed(features: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(features), nn.ReLU(), nn.Linear(features, out))


def _squeeze(features: int, narrow: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(features, narrow, 1), nn.BatchNorm2d(narrow), nn.GELU(), nn.Conv2d(narrow, out, 1)]
