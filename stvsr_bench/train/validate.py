"""What a net in training is worth now: the suite's own protocol and metrics on a few clips of a split."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from stvsr_bench import metrics, protocols
from stvsr_bench.metrics.means import over_frames
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
        """Means over clips, by split."""
        return {
            on: {name: float(np.mean([one[name] for one in measured])) for name in measured[0]}
            for on, measured in self.by_clip(net, f"step-{step}").items()
        }

    def by_clip(self, net: nn.Module, label: str) -> dict[str, list[Values]]:
        """The values of every clip, by split."""
        method = Method(spec=f"{self.card.name}@{label}", card=self.card, net=net, weights_tag=label)
        with torch.no_grad():
            return {on: [_measure(method, lr, hr) for lr, hr in pairs] for on, pairs in self.clips.items()}


def _measure(method: Method, lr_SChw: Frames, hr_SCHW: Frames) -> Values:
    restored = restore(method, lr_SChw, PROTOCOL)
    truth_SCHW = hr_SCHW[list(restored.windows.frames)]
    psnr = metrics.psnr_y(restored.sr_SCHW, truth_SCHW)
    given = np.array(restored.windows.is_given)
    return {
        "frames": float(len(psnr)),
        "psnr_y_db": _mean(psnr),
        "psnr_y_given_db": _mean(psnr[given]),
        "psnr_y_between_db": _mean(psnr[~given]),
        "ssim_y": _mean(metrics.ssim_y(restored.sr_SCHW, truth_SCHW)),
    }


def _mean(values_S: np.ndarray) -> float:
    return float(over_frames(np.asarray(values_S, np.float64)[None])[0])


def _prepared(clip: Clip) -> tuple[Frames, Frames]:
    """The low-resolution frames that a run would give, and the truth cut to them."""
    cropped = mod_crop(clip, PROTOCOL.scale)
    return low_resolution(cropped, PROTOCOL), cropped.hr_SCHW
