"""The parts of SAFA: the head that reads a frame, the block that moves the flow, and the tail that corrects the blend.

Axes: B batch, C features, H W size of the frames; everything but the frames and the flow is at H/2 W/2 ("small").
A flow is (B, 6, H, W): x y into the first frame, x y into the last, the logit of the blend, and a spare channel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.warp import warp

MEAN, STD = (0.406, 0.456, 0.485), (0.225, 0.224, 0.229)  # of ImageNet, blue first: where `normalize` starts


class FrozenNorm(nn.BatchNorm2d):
    """Batch norm with its running statistics, in training too: so the authors trained."""

    def forward(self, x: Tensor) -> Tensor:
        """The normed map."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


class BasicBlock(nn.Module):
    """ResNet's: two normed convolutions, added to what came in; the first may halve the map and widen it."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.norm1 = FrozenNorm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = FrozenNorm(out)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), FrozenNorm(out))

    def forward(self, x: Tensor) -> Tensor:
        """The map after the block."""
        branch = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(self.shortcut(x) + branch)


class Head(nn.Module):
    """The front of a ResNet-18, whose three outlets are brought to half of the frame's size and added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.normalize = nn.Conv2d(3, 3, 1)  # learned with everything else: a checkpoint has a full matrix
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), FrozenNorm(64))
        self.quarter = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.eighth = nn.Sequential(BasicBlock(64, 128, stride=2), BasicBlock(128, 128))
        self.out0, self.out1 = nn.Conv2d(64, channels, 1), nn.Conv2d(64, channels, 1)
        self.out2 = nn.Conv2d(128, channels, 1)
        with torch.no_grad():
            std = torch.tensor(STD)
            self.normalize.weight.copy_((1 / std).diag()[..., None, None])
            assert self.normalize.bias is not None
            self.normalize.bias.copy_(-torch.tensor(MEAN) / std)

    def forward(self, frame_BCHW: Tensor) -> Tensor:
        """Small features of a frame."""
        half = F.relu(self.stem(self.normalize(frame_BCHW)))
        quarter = self.quarter(F.max_pool2d(half, 3, stride=2, padding=1))
        eighth = self.eighth(quarter)
        read: Tensor = self.out0(half) + resized(self.out1(quarter), 2) + resized(self.out2(eighth), 4)
        return read


class Residual(nn.Module):
    """Two convolutions, added times a learned scale for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.slope1 = conv3(channels, channels), nn.PReLU(channels)
        self.conv2, self.slope2 = conv3(channels, channels), nn.PReLU(channels)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The map after the block."""
        out: Tensor = self.slope2(x + self.beta * self.conv2(self.slope1(self.conv1(x))))
        return out


class Body(nn.Module):
    """What a block computes, with the same weights at whichever of three sizes is chosen."""

    def __init__(self, seen: int, channels: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(conv3(seen, channels), nn.PReLU(channels))
        self.rest = nn.Sequential(Residual(channels), Residual(channels))

    def forward(self, seen_BChw: Tensor) -> Tensor:
        """Features of what is seen, at its own size."""
        made: Tensor = self.rest(self.enter(seen_BChw))
        return made


class Chooser(nn.Module):
    """The probabilities of the two bits that choose a block's size; one set of weights for all blocks."""

    def __init__(self, seen: int, channels: int) -> None:
        super().__init__()
        self.look1, self.slope1 = nn.Conv2d(seen, channels, 1), nn.PReLU(channels)
        self.look2, self.slope2 = nn.Conv2d(channels, channels, 1), nn.PReLU(channels)
        self.weigh = nn.Linear(channels, 2)

    def forward(self, seen_BChw: Tensor) -> Tensor:
        """The probabilities that the bits are 1, (B, 2)."""
        # the authors' second layer looks at every second row and column; nothing else of the first's answer is needed
        looked = self.slope2(self.look2(self.slope1(self.look1(seen_BChw[..., ::2, ::2]))))
        chance_B2: Tensor = torch.sigmoid(self.weigh(looked.mean((2, 3))))
        return chance_B2


class Tail(nn.Module):
    """What is added to the blend, from the features of both frames where the flow points."""

    def __init__(self, seen: int, channels: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(seen, channels, 3, stride=2, padding=1), nn.PReLU(channels))
        self.trunk = nn.Sequential(*(Residual(channels) for _ in range(depth)))
        self.widen = nn.Sequential(conv3(channels, 2 * channels), nn.PReLU(2 * channels))
        self.last = conv3(channels // 2, 12)

    def forward(self, seen_BChw: Tensor) -> Tensor:
        """The correction at full size, (B, 3, H, W)."""
        wide = F.pixel_shuffle(self.widen(self.trunk(self.enter(seen_BChw))), 2)
        return F.pixel_shuffle(self.last(wide), 2)


def at_chosen_sizes(body: Body, seen_BChw: Tensor, chance_B2: Tensor, floor_B2: Tensor) -> Tensor:
    """The body's features of each item at full, half or quarter size, as its bits say, brought back to full size.

    A bit is 1 where its chance reaches `floor`. The second bit is 0: quarter; else the first is 0: half. With gradients
    all three are computed, and a bit's gradient passes on to its chance as if they were equal.
    """
    bits_B2 = (chance_B2 >= floor_B2).to(chance_B2.dtype)
    if torch.is_grad_enabled():
        first, second = (bits_B2 + chance_B2 - chance_B2.detach())[..., None, None, None].unbind(1)
        shares = (second * first, second * (1 - first), 1 - second)
        sizes = [at_size(body, seen_BChw, by) for by in (1, 2, 4)]
        return sum(share * each for share, each in zip(shares, sizes, strict=True))  # type: ignore[return-value]
    by_B = [1 if first and second else 2 if second else 4 for first, second in bits_B2.bool().tolist()]
    if len(set(by_B)) == 1:
        return at_size(body, seen_BChw, by_B[0])
    return torch.cat([at_size(body, item, by) for item, by in zip(torch.split(seen_BChw, 1), by_B, strict=True)])


def at_size(body: Body, seen_BChw: Tensor, by: int) -> Tensor:
    """The body's features at 1/by of the size, brought back."""
    return resized(body(resized(seen_BChw, 1 / by)), by)


def resized(x: Tensor, factor: float) -> Tensor:
    """Bilinear, without antialiasing: a half is the mean of 2x2 pixels, a quarter of the middle 2x2 of 4x4."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def read(feats: tuple[Tensor, Tensor], flow_B6HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The flow at half size, and both frames' small features where it points."""
    small_B6hw = resized(flow_B6HW, 0.5)
    # the flow counts pixels of the full size
    return small_B6hw, warp(feats[0], 0.5 * small_B6hw[:, :2]), warp(feats[1], 0.5 * small_B6hw[:, 2:4])
