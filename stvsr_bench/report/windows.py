"""The windows that a row was measured in, and where in a gap each of its frames lies."""

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


def steps_of(row: Row, protocol: EvalProtocol) -> dict[int, int] | None:
    """How many steps of 1 / time_scale each frame of a row lies after the given one that begins its gap.

    Counted in the window that the frame's result comes from: a last window may begin anywhere. None where the row is
    not of this protocol's rules.
    """
    windows = windows_of_row(row, protocol)
    if windows is None:
        return None
    steps = {
        index: (index - window.given[0]) % protocol.time_scale
        for window, kept in zip(windows.passes, windows.kept, strict=True)
        for index in kept
    }
    same = all(index in steps and (steps[index] == 0) == given
               for index, given in zip(row.frames, row.given, strict=True))  # fmt: skip
    return {index: steps[index] for index in row.frames} if same else None
