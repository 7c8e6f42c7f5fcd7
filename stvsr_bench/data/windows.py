"""Which frames are given, which are wanted, which are scored: the windows and tail rules of the protocols.

A clip of S frames is cut into windows; in each, every `time_scale`-th frame is given and all are wanted. Where windows
overlap, the protocol says whether the first or the last result of a frame is scored. Source: `docs/protocols.md`,
sections on tail rules.
`Windows` is that answer for one clip: made once, then handed from restoring to scoring and to the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stvsr_bench.errors import ClipError, counted
from stvsr_bench.schema import EvalProtocol


@dataclass(frozen=True)
class Window:
    """Frame indices of one forward pass: those given to the network, those that are wanted of what it returns.

    A window that is filled is given its last frame more than once; what the network makes of the repeats is not wanted.
    """

    given: tuple[int, ...]
    wanted: tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """What becomes of each frame of one clip under the restoring half of a protocol.

    `passes` are the distinct forward passes in order, `kept` the frames that each of them makes for good; `frames` the
    indices that some pass returns, ascending; `given` those of them whose scored result came from an input frame;
    `leaked` held-out frames that a tail window is given; `left_out` counts the frames of the clip that no pass returns.
    `fitted` says what was done to windows that a method cannot take as they are ("cut to 2"), or is empty.
    """

    passes: tuple[Window, ...]
    kept: tuple[frozenset[int], ...]
    frames: tuple[int, ...]
    given: frozenset[int]
    leaked: tuple[int, ...]
    left_out: int
    fitted: str = ""

    @property
    def is_given(self) -> list[bool]:
        """Beside `frames`: whether the frame had an input frame."""
        return [index in self.given for index in self.frames]

    def scored(self, protocol: EvalProtocol) -> list[int]:
        """The indices that the protocol's mean is taken over."""
        return select(list(self.frames), protocol, set(self.given))


def windows_of(frames: int, protocol: EvalProtocol, frames_in: tuple[int, int] | None = None) -> Windows:
    """The windows of a clip of `frames` frames, with all that follows from them.

    `frames_in` are the fewest and most frames that a method takes in one pass: windows are cut to the most, and filled
    to the fewest. Which frames are scored, and which of them were given, does not depend on it.

    Raises:
        ClipError: the clip is shorter than one window (for the tail rule `clean`: than two given frames).
    """
    every = distinct(index_windows(frames, protocol))
    returned = scored_frames(every)
    passes, said = (every, "") if frames_in is None else fit(every, frames_in, protocol.time_scale)
    return Windows(
        passes=tuple(passes),
        kept=tuple(_kept(passes, protocol)),
        frames=tuple(returned),
        given=frozenset(given_frames(every, protocol)),
        leaked=tuple(leaks(every, protocol.time_scale)),
        left_out=frames - len(returned),
        fitted=said,
    )


def fit(windows: Sequence[Window], frames_in: tuple[int, int], every: int) -> tuple[list[Window], str]:
    """The windows as a method takes them, and what was done to them.

    Parts of a window share a given frame, so that no gap is lost; without frames between, they share none. A part that
    is too short repeats its last frame.
    """
    fewest, most = frames_in
    made: list[Window] = []
    said: dict[str, None] = {}
    for window in windows:
        step = most if every == 1 else most - 1
        many = len(window.given)
        starts = range(0, many if every == 1 else many - 1, step) if many > most else (0,)
        for start in starts:
            given = window.given[start : start + most]
            wanted = window.wanted[start * every : (start + len(given) - 1) * every + 1]
            if many > most:
                said[f"cut to {most}"] = None
            if len(given) < fewest:
                said[f"filled to {fewest}"] = None
                given = (*given, *given[-1:] * (fewest - len(given)))
            made.append(Window(given, wanted))
    return distinct(made), ", ".join(said)


def index_windows(frames: int, protocol: EvalProtocol) -> list[Window]:
    """The windows that the protocol's own script runs on a clip of `frames` frames, repeats included.

    Tail rules: `drop` never scores what no full window reaches; `always` adds a window over the last frames, even where
    it repeats the one before; `long` does so for clips longer than one window; `clean` adds one only where frames are
    left and only so that held-out frames are never given (a last frame with no given frame after it is not scored).

    Raises:
        ClipError: the clip is shorter than one window (for `clean`: than two given frames).
    """
    every = protocol.time_scale
    # without a window the whole clip is one
    step = protocol.window - 1 if protocol.window else frames
    if protocol.tail == "clean" or not protocol.window:
        return _clean(frames, step, every)
    if frames < protocol.window:
        raise ClipError(f"the clip has {counted(frames, 'frame')}, {protocol.name} needs at least {protocol.window}")
    starts = list(range(0, frames - step, step))
    if protocol.tail == "always" or (protocol.tail == "long" and frames > protocol.window):
        starts.append(frames - protocol.window)
    return [_window(start, step, every) for start in starts]


def distinct(windows: Sequence[Window]) -> list[Window]:
    """The windows without repeats, in order: a repeated window changes no score."""
    return list(dict.fromkeys(windows))


def scored_frames(windows: Sequence[Window]) -> list[int]:
    """Indices of all frames that some window returns, ascending."""
    return sorted({index for window in windows for index in window.wanted})


def given_frames(windows: Sequence[Window], protocol: EvalProtocol) -> set[int]:
    """Frames whose scored result came from an input frame: given in the window whose result they keep."""
    kept = zip(windows, _kept(windows, protocol), strict=True)
    return {index for window, frames in kept for index in frames if index in window.given}


def _kept(windows: Sequence[Window], protocol: EvalProtocol) -> list[frozenset[int]]:
    """For each window the frames whose result is taken from it."""
    owner: dict[int, int] = {}
    for position, window in enumerate(windows):
        for index in window.wanted:
            if protocol.overlap == "last" or index not in owner:
                owner[index] = position
    frames: list[set[int]] = [set() for _ in windows]
    for index, position in owner.items():
        frames[position].add(index)
    return [frozenset(of) for of in frames]


def leaks(windows: Sequence[Window], every: int) -> list[int]:
    """Held-out frames (indices no multiple of `every`) that a tail window is given: the `city` leak of Vid4."""
    return sorted({index for window in windows for index in window.given if index % every})


def select(frames: list[int], protocol: EvalProtocol, given: set[int]) -> list[int]:
    """The frames among those scored that the protocol's mean is taken over."""
    if protocol.frames == "given":
        return [index for index in frames if index in given]
    if protocol.frames == "between":
        return [index for index in frames if index not in given]
    position = protocol.window - 1
    # a window's last frame is frame 0 of the next; the last window has no next
    inner = [index for index in frames if index != frames[-1]]
    if protocol.frames == "centre":
        # the continuous tables' Center: the mean of the given frame and the middle one (docs/protocols.md)
        return [index for index in inner if index % position in (0, position // 2)]
    if protocol.frames == "all-but-last":
        return inner
    return frames


def _clean(frames: int, step: int, every: int) -> list[Window]:
    last = (frames - 1) // every * every
    if every > 1 and last < every:
        raise ClipError(f"the clip has {counted(frames, 'frame')}; at least {every + 1} are needed, two of them given")
    if last == 0:  # one frame, and none wanted between
        return [_window(0, 0, every)]
    step = min(step, last)
    starts = list(range(0, last - step + 1, step))
    if starts[-1] + step < last:
        starts.append(last - step)
    return [_window(start, step, every) for start in starts]


def _window(start: int, step: int, every: int) -> Window:
    wanted = range(start, start + step + 1)
    return Window(given=tuple(wanted[::every]), wanted=tuple(wanted))
