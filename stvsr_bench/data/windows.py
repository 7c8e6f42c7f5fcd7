"""Which frames are given, which are wanted, which are scored: the windows and tail rules of the protocols.

A clip of S frames is cut into windows; in each, every `time_scale`-th frame is given and all are wanted. Where windows
overlap, the first result of a frame is the one that is scored. Source: `docs/protocols.md`, sections on tail rules.
`Windows` is that answer for one clip: made once, then handed from restoring to scoring and to the rows.
"""

from dataclasses import dataclass

from stvsr_bench.errors import ClipError
from stvsr_bench.schema import EvalProtocol


@dataclass(frozen=True)
class Window:
    """Frame indices of one forward pass: those given to the network, those it returns."""

    given: tuple[int, ...]
    wanted: tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """What becomes of each frame of one clip under the restoring half of a protocol.

    `passes` are the distinct forward passes in order; `frames` the indices that some pass returns, ascending; `given`
    those of them whose scored result came from an input frame; `leaked` held-out frames that a tail window is given;
    `left_out` counts the frames of the clip that no pass returns.
    """

    passes: tuple[Window, ...]
    frames: tuple[int, ...]
    given: frozenset[int]
    leaked: tuple[int, ...]
    left_out: int

    @property
    def is_given(self) -> list[bool]:
        """Beside `frames`: whether the frame had an input frame."""
        return [index in self.given for index in self.frames]

    def scored(self, protocol: EvalProtocol) -> list[int]:
        """The indices that the protocol's mean is taken over."""
        return select(list(self.frames), protocol, set(self.given))


def windows_of(frames: int, protocol: EvalProtocol) -> Windows:
    """The windows of a clip of `frames` frames, with all that follows from them.

    Raises:
        ClipError: the clip is shorter than one window (for the tail rule `clean`: than two given frames).
    """
    every = index_windows(frames, protocol)
    returned = scored_frames(every)
    return Windows(
        passes=tuple(distinct(every)),
        frames=tuple(returned),
        given=frozenset(given_frames(every)),
        leaked=tuple(leaks(every, protocol.time_scale)),
        left_out=frames - len(returned),
    )


def index_windows(frames: int, protocol: EvalProtocol) -> list[Window]:
    """The windows that the protocol's own script runs on a clip of `frames` frames, repeats included.

    Tail rules: `drop` never scores what no full window reaches; `always` adds a window over the last frames, even where
    it repeats the one before; `long` does so for clips longer than one window; `clean` adds one only where frames are
    left and only so that held-out frames are never given (a last frame with no given frame after it is not scored).

    Raises:
        ClipError: the clip is shorter than one window (for `clean`: than two given frames).
    """
    step = protocol.window - 1
    every = protocol.time_scale
    if protocol.tail == "clean":
        return _clean(frames, step, every)
    if frames < protocol.window:
        raise ClipError(f"the clip has {frames} frames, {protocol.name} needs at least {protocol.window}")
    starts = list(range(0, frames - step, step))
    if protocol.tail == "always" or (protocol.tail == "long" and frames > protocol.window):
        starts.append(frames - protocol.window)
    return [_window(start, step, every) for start in starts]


def distinct(windows: list[Window]) -> list[Window]:
    """The windows without repeats, in order: a repeated window changes no score."""
    return list(dict.fromkeys(windows))


def scored_frames(windows: list[Window]) -> list[int]:
    """Indices of all frames that some window returns, ascending."""
    return sorted({index for window in windows for index in window.wanted})


def given_frames(windows: list[Window]) -> set[int]:
    """Frames whose scored result came from an input frame: given in the first window that returns them."""
    first: dict[int, Window] = {}
    for window in windows:
        for index in window.wanted:
            first.setdefault(index, window)
    return {index for index, window in first.items() if index in window.given}


def leaks(windows: list[Window], every: int) -> list[int]:
    """Held-out frames (indices no multiple of `every`) that a tail window is given: the `city` leak of Vid4."""
    return sorted({index for window in windows for index in window.given if index % every})


def select(frames: list[int], protocol: EvalProtocol, given: set[int]) -> list[int]:
    """The frames among those scored that the protocol's mean is taken over."""
    if protocol.frames == "given":
        return [index for index in frames if index in given]
    if protocol.frames == "between":
        return [index for index in frames if index not in given]
    position = protocol.window - 1
    if protocol.frames == "centre":
        return [index for index in frames if index % position == position // 2]
    if protocol.frames == "all-but-last":
        return [index for index in frames if index != frames[-1]]
    return frames


def _clean(frames: int, step: int, every: int) -> list[Window]:
    last = (frames - 1) // every * every
    if last < every:
        raise ClipError(f"the clip has {frames} frames; at least {every + 1} are needed, two of them given")
    step = min(step, last)
    starts = list(range(0, last - step + 1, step))
    if starts[-1] + step < last:
        starts.append(last - step)
    return [_window(start, step, every) for start in starts]


def _window(start: int, step: int, every: int) -> Window:
    wanted = range(start, start + step + 1)
    return Window(given=tuple(wanted[::every]), wanted=tuple(wanted))
