"""One group of recorded numbers, compared with what this machine computes."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Check:
    """One group of recorded numbers: how many, the largest deviation, what is allowed, and whether it holds."""

    name: str
    count: int
    worst: float
    allowed: float
    where: str = ""
    skipped: str = ""  # why nothing could be computed; then it is neither right nor wrong

    @property
    def passed(self) -> bool:
        """Whether no number is further off than allowed."""
        return self.worst <= self.allowed


def apart(made: Any, wanted: Any) -> float:
    """The largest distance; equal infinities are 0 apart."""
    made, target = (np.asarray(side, dtype=np.float64) for side in (made, wanted))
    equal = made == target
    if equal.all():
        return 0.0
    return float(np.max(np.abs(made[~equal] - target[~equal])))


def worst(off: list[tuple[float, str]], allowed: float) -> tuple[float, float, str]:
    """The largest distance, what is allowed, and where it is."""
    largest, where = max(off, default=(0.0, ""))
    return largest, allowed, where if largest > 0 else ""
