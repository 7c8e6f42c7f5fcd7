"""The windows that a row was measured in, and where in a gap each of its frames lies."""

from bisect import bisect
from collections.abc import Sequence

from stvsr_bench.data.windows import Windows, windows_of
from stvsr_bench.errors import ClipError
from stvsr_bench.schema import EvalProtocol, Row


def windows_of_row(row: Row, protocol: EvalProtocol) -> Windows | None:
    """The windows of a row's clip under its protocol; None where the row is not of this protocol's rules."""
    if not row.frames:
        return None
    # a row does not say how long its clip is; frames after the last scored one are in no window, but where the protocol
    # itself leaves the last ones out
    after = {"all-but-last": 2, "between": 2, "centre": protocol.window - protocol.window // 2}
    try:
        return windows_of(max(row.frames) + after.get(protocol.frames, 1), protocol)
    except ClipError:  # fewer frames than any window
        return None


def steps_of(row: Row, protocol: EvalProtocol) -> dict[int, int]:
    """How many steps of 1 / time_scale frames of a row lie after the given one that begins their gap.

    Counted in the window that a frame's result comes from: a last window may begin anywhere. Where the row's given
    frames are not those of its own windows (it was cut out of a whole video), between the nearest given ones; a frame
    whose gap is not time_scale wide there has no step.
    """
    windows = windows_of_row(row, protocol)
    passes = [] if windows is None else zip(windows.passes, windows.kept, strict=True)
    steps = {index: (index - of.given[0]) % protocol.time_scale for of, kept in passes for index in kept}
    pairs = list(zip(row.frames, row.given, strict=True))
    if all((steps.get(index) == 0) == given and index in steps for index, given in pairs):
        return {index: steps[index] for index in row.frames}
    return _between(pairs, protocol.time_scale)


def _between(pairs: Sequence[tuple[int, bool]], time_scale: int) -> dict[int, int]:
    inputs = sorted(index for index, given in pairs if given)
    found = dict.fromkeys(inputs, 0)
    for index, given in pairs:
        after = bisect(inputs, index)
        if not given and 0 < after < len(inputs) and inputs[after] - inputs[after - 1] == time_scale:
            found[index] = index - inputs[after - 1]
    return found
