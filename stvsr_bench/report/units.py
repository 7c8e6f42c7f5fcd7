"""What a protocol takes the mean over, once each clip has its own: clips, top-level folders, or windows.

A mean, its interval and the difference of two methods are all of the same units, so that a mark, a verdict and the
number that is printed never speak of different means.
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

    `folders` names the folder of each clip, `weights` the windows of each clip, up to a factor; neither: the clip.
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


def average_of(protocol: str) -> Average:
    """How a protocol averages clips; a protocol this version does not know averages clips."""
    known = protocols.known(protocol)
    return known.average if known else "clips"


def folder_of(clip: str) -> str:
    """The top-level folder of a clip, as protocols that average folders mean it."""
    return clip.split("/", 1)[0]


def units_of(part: "pd.DataFrame", clips: Sequence[str]) -> Units:
    """The units of clips, in their order; `part` are tidy lines of one protocol, of these clips among others."""
    average = average_of(str(part["protocol"].iloc[0])) if len(part) else "clips"
    if average == "clips":
        return CLIPS
    first = part.drop_duplicates("clip").set_index("clip")
    if average == "folders":
        named = first["folder"] if "folder" in first else first.index.to_series().map(folder_of)
        return Units(folders=tuple(named[list(clips)]))
    # every window scores as many frames as the others
    return Units(weights=tuple(float(count) for count in first["n_frames"][list(clips)]))
