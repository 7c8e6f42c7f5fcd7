"""What a net in training is worth now: the suite's own protocol and metrics on a few clips of a split."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from stvsr_bench import metrics, protocols
from stvsr_bench.metrics.means import over_clips, over_frames
from stvsr_bench.restore import low_resolution, mod_crop, restore
from stvsr_bench.schema import Clip, Frames, Method, MethodCard

PROTOCOL = protocols.get(protocols.DEFAULT)
Values = dict[str, float]


class Checker:
    """Measures a net on the same clips whenever it is called; each clip is read and made small once."""

    def __init__(self, card: MethodCard, clips: Mapping[str, Sequence[Clip]]) -> None:
        """`clips` by the name that stands in the log (`mini:slow`)."""
        self.card = card
        self.clips = {on: [_prepared(clip) for clip in each] for on, each in clips.items()}

    def __call__(self, net: nn.Module, step: int) -> dict[str, Values]:
        """Means over clips, by split, as a report of the suite's rows gives them."""
        return {
            on: {name: over_clips(np.array([one[name] for one in measured])) for name in measured[0]}
            for on, measured in self.by_clip(net, f"step-{step}").items()
        }

    def by_clip(self, net: nn.Module, label: str) -> dict[str, list[Values]]:
        """The values of every clip, by split."""
        method = Method(spec=f"{self.card.name}@{label}", card=self.card, net=net, weights_tag=label)
        with torch.no_grad():
            return {on: [_measure(method, lr, hr) for lr, hr in pairs] for on, pairs in self.clips.items()}


def _measure(method: Method, lr_SChw: Frames, hr_SCHW: Frames) -> Values:
    """The means over the frames that the protocol scores, of one clip."""
    restored = restore(method, lr_SChw, PROTOCOL)
    frames = list(restored.windows.frames)
    scores = metrics.score_frames(
        restored.sr_SCHW, hr_SCHW[frames], ["psnr_y", "ssim_y"], crop=PROTOCOL.crop, round_8bit=PROTOCOL.round_8bit
    )
    scored = restored.windows.scored(PROTOCOL)
    at = [frames.index(index) for index in scored]
    psnr, ssim = scores["psnr_y"][at], scores["ssim_y"][at]
    given = np.array([index in restored.windows.given for index in scored])
    return {
        "frames": float(len(scored)),
        "psnr_y_db": _mean(psnr),
        "psnr_y_given_db": _mean(psnr[given]),
        "psnr_y_between_db": _mean(psnr[~given]),
        "ssim_y": _mean(ssim),
    }


def _mean(values_S: np.ndarray) -> float:
    return float(over_frames(values_S[None], keep_infinite=PROTOCOL.inf_policy == "keep")[0])


def _prepared(clip: Clip) -> tuple[Frames, Frames]:
    """The low-resolution frames that a run would give, and the truth cut to them."""
    cropped = mod_crop(clip, PROTOCOL.ratio)
    return low_resolution(cropped, PROTOCOL), cropped.hr_SCHW
