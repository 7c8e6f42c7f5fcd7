"""The way of one clip: decoded → low resolution → windows → restored → frames saved → scored → rows.

Each step is taken once and hands its result to the next; protocols that differ only in scoring share all of it.
"""

import time

from stvsr_bench.data.frames import digest_of
from stvsr_bench.profiling import warm
from stvsr_bench.restore import low_resolution, mod_crop, restore
from stvsr_bench.rows import frames
from stvsr_bench.runner.measure import Digests, Wanted, measure, rescore
from stvsr_bench.schema import Clip, EvalProtocol, Frames, Method, Row


def evaluate(method: Method, clip: Clip, wanted: Wanted, read_s: float = 0.0) -> list[Row]:
    """The rows of one clip, one for each protocol.

    Raises:
        ClipError: the clip is too short or small, or the network returned something that cannot be scored.
    """
    protocol = wanted.protocols[0]
    start = time.perf_counter()
    clip, lr_SChw, data = prepared(clip, protocol)
    lr_s = time.perf_counter() - start
    wanted.warming(True)  # a first call compiles: no clip's seconds are longer for it
    warm.network(method, lr_SChw, protocol, wanted.settings)
    wanted.warming(False)
    start = time.perf_counter()
    restored = restore(method, lr_SChw, protocol, wanted.settings)
    seconds = {"read": read_s, "lr": lr_s, "restore": time.perf_counter() - start}
    if wanted.save is not None:
        frames.save(wanted.save, clip, lr_SChw, restored.windows.frames, restored.sr_SCHW)
    return measure(method, clip, restored, wanted, data, seconds)


def score_again(before: tuple[Row, ...], clip: Clip, wanted: Wanted) -> list[Row] | None:
    """The rows of one clip with other metrics or by other scoring code, from saved frames and without a network.

    None where the frames cannot serve: not saved, not those of the rows, or a protocol scores values that a picture
    of 8 bits does not have.
    """
    protocol = wanted.protocols[0]
    if wanted.save is None or not all(one.round_8bit for one in wanted.protocols):
        return None
    clip, _, data = prepared(clip, protocol)
    if any((row.truth, row.input) != (data.truth, data.input) for row in before):
        return None
    return rescore(before, clip, wanted)


def prepared(clip: Clip, protocol: EvalProtocol) -> tuple[Clip, Frames, Digests]:
    """The clip as it is scored, its low-resolution frames, and the digests of both."""
    clip = mod_crop(clip, protocol.ratio, protocol.hr_crop)
    lr_SChw = low_resolution(clip, protocol)
    return clip, lr_SChw, Digests(digest_of(clip.hr_SCHW), digest_of(lr_SChw))
