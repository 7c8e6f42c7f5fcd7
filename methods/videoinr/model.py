"""VideoINR: a frame pair as one function of place and time, whose flow says where the pair's features are read.

Axes: B batch, S frames wanted, C channels, h w low resolution, H W size of the output.
Paper: Chen et al., arXiv 2206.04647. What the paper leaves open and how it is settled: README.md beside this file.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.continuous import PairNet
from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.implicit import Queries
from stvsr_bench.nn.upsample import PixelShuffleTail
from stvsr_bench.nn.zsm_encoder import ZsmEncoder

from .decode import Decode, Nets, Pair
from .fast import FastDecode


class VideoINR(PairNet):
    """Frames of any size at any times between two frames."""

    name = "videoinr"

    def __init__(
        self,
        *,
        channels: int = 64,
        groups: int = 8,
        front_blocks: int = 5,
        back_blocks: int = 40,
        decoder: Literal["train", "test"] = "train",
        engine: Engine = "fast",
    ) -> None:
        super().__init__()
        self.decoder, self.engine = decoder, engine
        self.encoder = ZsmEncoder(
            channels=channels, groups=groups, front_blocks=front_blocks, back_blocks=back_blocks, engine=engine
        )
        self.tail = PixelShuffleTail(channels)  # never used: the authors' checkpoints hold it
        self.nets = Nets(3 * channels)

    def restore(self, pair_B2Chw: Tensor, times_BS: Tensor, size: tuple[int, int]) -> Tensor:
        """The frames (B, S, 3, H, W) at `times_BS` in [0, 1], not clamped."""
        decode = (FastDecode if self.engine == "fast" else Decode)(self.nets, self.see(pair_B2Chw, size))
        return torch.stack([decode.frame(t_B) for t_B in times_BS.unbind(1)], dim=1)

    def see(self, pair_B2Chw: Tensor, size: tuple[int, int]) -> Pair:
        """All that is known of the pair before a time is asked."""
        self.encoder.engine = self.engine
        feat_BChw = self.encoder.encode(pair_B2Chw).flatten(1, 2)  # frame 0, the middle, frame 1
        frames_BChw = pair_B2Chw.flatten(1, 2)
        low = (int(frames_BChw.shape[2]), int(frames_BChw.shape[3]))
        # the authors' demo enlarges the frames four times, whatever the size asked; their training does not
        large = [4 * side for side in low] if self.decoder == "test" else list(low)
        pictures_BCHW = F.interpolate(frames_BChw, size=large, mode="bilinear", align_corners=False)
        return Pair(feat_BChw, frames_BChw, pictures_BCHW, Queries(low, size, frames_BChw))
