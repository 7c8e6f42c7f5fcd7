"""What a mean is taken over, once each clip has its own value: clips, top-level folders, windows, or pairs of frames.

The protocol decides for all metrics but the pooled ones (`POOLED`): these are means over all neighbouring pairs of
frames of all clips, as the programs of their papers have it. A mean, its interval and the difference of two methods are
all of the same units, so that a mark, a verdict and the number that is printed never speak of different means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stvsr_bench import protocols
from stvsr_bench.schema import Average

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """The units that clips are parts of: the plain mean over units is the protocol's mean.

    `folders` names the folder of each clip, `weights` the windows or pairs of each clip, up to a factor; neither: the
    clip.
    """

    folders: tuple[str, ...] | None = None
    weights: tuple[float, ...] | None = None

    def of(self, values: Floats, known: NDArray[np.bool_] | None = None) -> Floats:
        """One value a unit, of one value a clip; of the clips that are known alone."""
        kept = np.ones(values.size, dtype=bool) if known is None else known
        values = values[kept]
        if self.folders is not None:
            names = np.asarray(self.folders, dtype=object)[kept]
            return np.array([values[names == folder].mean() for folder in dict.fromkeys(names)], dtype=np.float64)
        if self.weights is not None and values.size:
            weights = np.asarray(self.weights, dtype=np.float64)[kept]
            # clips stay the units that chance draws: each counts by its distance from the weighted mean, times its
            # share of the windows. Their plain mean is the weighted one, and its spread that of a weighted mean
            mean = float((values * weights).sum() / weights.sum())
            spread: Floats = mean + (values - mean) * weights / weights.mean()
            return spread
        return values

    def mean(self, values: Floats) -> float:
        """The protocol's mean of one value a clip; NaN values are left out, an empty mean is NaN."""
        known = ~np.isnan(values)
        if not known.any():
            return float("nan")
        if np.isinf(values[known]).any():  # infinite minus infinite is no number
            return float(values[known].mean())
        return float(self.of(values, known).mean())


CLIPS = Units()


@dataclass(frozen=True)
class Pooled:
    """A metric of whole clips whose mean over a set is over all pairs of frames of all clips, not over clips.

    `of` is the metric of a clip, a mean over its pairs; `title` is of the pooled one. A clip has as many pairs as
    scored frames, less `fewer`: 1 where each frame has a pair with the next, 5 where the script leaves out the first
    two and last two frames.
    """

    of: str
    title: str
    fewer: int


# by the programs that print them (docs/metrics.md): they are never measured, only averaged in another way
POOLED: dict[str, Pooled] = {
    "tof_bfstvsr_pooled": Pooled("tof_bfstvsr", "tOF as BF-STVSR, over all pairs of all clips", 1),
    "tof_v3_pooled": Pooled("tof_v3", "tOF as V3, over all pairs of all clips", 1),
    "tof_tecogan_pooled": Pooled("tof_tecogan", "tOF as TecoGAN's FrameAvg, over all pairs of all clips", 5),
}


def average_of(protocol: str) -> Average:
    """How a protocol averages clips; a protocol this version does not know averages clips."""
    known = protocols.known(protocol)
    return known.average if known else "clips"


def folder_of(clip: str) -> str:
    """The top-level folder of a clip, as protocols that average folders mean it."""
    return clip.split("/", 1)[0]


def units_of(part: "pd.DataFrame", clips: Sequence[str], metric: str = "") -> Units:
    """The units of a metric of clips, in their order; without a metric those of the protocol.

    `part` are tidy lines of one protocol, of these clips among others.
    """
    pooled = POOLED.get(metric)
    average = average_of(str(part["protocol"].iloc[0])) if len(part) else "clips"
    if average == "clips" and pooled is None:
        return CLIPS
    first = part.drop_duplicates("clip").set_index("clip")
    if pooled is not None:
        pairs = (float(count) - pooled.fewer for count in first["n_frames"][list(clips)])
        return Units(weights=tuple(max(count, 0.0) for count in pairs))
    if average == "folders":
        named = first["folder"] if "folder" in first else first.index.to_series().map(folder_of)
        return Units(folders=tuple(named[list(clips)]))
    # every window scores as many frames as the others
    return Units(weights=tuple(float(count) for count in first["n_frames"][list(clips)]))
