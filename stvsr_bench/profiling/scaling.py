"""Cost against size and number of frames: the points to measure, and the exponent that fits them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from stvsr_bench.profiling.case import Size, rounded

Axis = Literal["size", "frames"]
FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)  # of each side: nine times the pixels from first to last
FRAMES = (2, 3, 4, 6, 8)


def points(axis: Axis, size: Size, frames: int, multiple: int, frames_in: tuple[int, int]) -> list[tuple[Size, int]]:
    """The (size, frames) to measure; one of the two changes."""
    if axis == "size":
        sizes = dict.fromkeys(rounded(size, factor, multiple) for factor in FACTORS)
        return [(one, frames) for one in sizes]
    fewest, most = frames_in
    return [(size, count) for count in FRAMES if fewest <= count <= most]


def amount(axis: Axis, size: Size, frames: int) -> int:
    """What cost is plotted against: input pixels of a frame, or frames given."""
    return size[0] * size[1] if axis == "size" else frames


def exponent(amounts: Sequence[float], costs: Sequence[float]) -> float | None:
    """The p of cost = a * amount^p by least squares on logarithms; None from fewer than two amounts or a zero cost."""
    pairs = [(math.log(x), math.log(y)) for x, y in zip(amounts, costs, strict=True) if x > 0 and y > 0]
    if len({x for x, _ in pairs}) < 2:
        return None
    # on logarithms every point weighs the same; on plain costs the largest would decide nearly alone
    mean_x, mean_y = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in pairs)
    return float(sum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread)


def exponents(axis: Axis, lines: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The fitted exponents of time, memory and, as the theory, multiply-adds, over the rows of one method's sweep."""
    amounts = [amount(axis, tuple(line["size"]), line["frames"]) for line in lines]
    costs = {
        "time": [line["runtime_ms"]["median"] for line in lines],
        "memory": [line["peak_memory_mib"] or 0 for line in lines],  # a point that ran out of memory is left out
        "theory": [line["gmacs"] for line in lines],
    }
    fitted = {name: exponent(amounts, values) for name, values in costs.items()}
    return {name: None if value is None else round(value, 3) for name, value in fitted.items()}


def largest(fits: Callable[[int], bool], known: int, precision: float = 0.05) -> int:
    """The largest n for which `fits(n)`, by doubling and then bisection to within `precision`; 0 if even 1 does not.

    `known` is where the search begins. `fits` must not become true again above an n for which it was false.
    """
    low, high = 0, max(1, known)  # every try is a process of its own: few tries, hence doubling
    while fits(high):
        low, high = high, 2 * high
    while high - low > max(1, int(precision * high)):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
