"""Between which input frames each interpolated frame of a clip was made."""

from bisect import bisect

from stvsr_bench.data.windows import Windows
from stvsr_bench.metrics.time_axis import Gaps


def gaps_of(windows: Windows) -> Gaps:
    """The two input frames that enclose each interpolated frame, in the pass whose result it is.

    Where no passes are known (frames that are cut out of a whole video), the nearest input frames on both sides; a
    frame before the first or after the last one of them has no gap.
    """
    given = tuple(sorted(windows.given))
    made = zip(windows.passes, windows.kept, strict=True)
    known = [(index, one.given) for one, kept in made for index in kept] or [(index, given) for index in windows.frames]
    return {
        index: (inputs[after - 1], inputs[after])
        for index, inputs in known
        if index not in windows.given and 0 < (after := bisect(inputs, index)) < len(inputs)
    }
