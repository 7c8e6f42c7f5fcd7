"""Between which input frames each interpolated frame of a clip was made."""

from bisect import bisect

from stvsr_bench.data.windows import Windows
from stvsr_bench.metrics.time_axis import Gaps


def gaps_of(windows: Windows) -> Gaps:
    """The two input frames that enclose each interpolated frame, in the pass whose result is scored.

    Where no passes are known (frames that are cut out of a whole video), the nearest input frames on both sides; a
    frame before the first or after the last one of them has no gap.
    """
    found: dict[int, tuple[int, int]] = {}
    seen = set(windows.given)
    for one in windows.passes:
        for index in one.wanted:
            if index not in seen:
                found[index] = _around(index, one.given)
                seen.add(index)
    given = sorted(windows.given)
    rest = [index for index in windows.frames if index not in seen and given and given[0] < index < given[-1]]
    return {**found, **{index: _around(index, given) for index in rest}}


def _around(index: int, given: tuple[int, ...] | list[int]) -> tuple[int, int]:
    after = bisect(given, index)
    return given[after - 1], given[after]
