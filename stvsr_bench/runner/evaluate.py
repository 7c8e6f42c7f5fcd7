"""The way of one clip: decoded → low resolution → windows → restored → frames saved → scored → rows.

Each step is taken once and hands its result to the next; protocols that differ only in scoring share all of it.
"""

import time

from stvsr_bench.restore import low_resolution, mod_crop, restore
from stvsr_bench.rows import frames
from stvsr_bench.runner.measure import Wanted, measure
from stvsr_bench.schema import Clip, Method, Row


def evaluate(method: Method, clip: Clip, wanted: Wanted, read_s: float = 0.0) -> list[Row]:
    """The rows of one clip, one for each protocol.

    Raises:
        ClipError: the clip is too short or small, or the network returned something that cannot be scored.
    """
    protocol = wanted.protocols[0]
    start = time.perf_counter()
    clip = mod_crop(clip, protocol.scale)
    lr_SChw = low_resolution(clip, protocol)
    lr_s = time.perf_counter() - start
    start = time.perf_counter()
    restored = restore(method, lr_SChw, protocol, wanted.settings)
    seconds = {"read": read_s, "lr": lr_s, "restore": time.perf_counter() - start}
    if wanted.frames_dir is not None:
        name = (wanted.settings.name(method.spec), method.weights_tag)
        frames.save(wanted.frames_dir, name, clip, lr_SChw, restored.windows.frames, restored.sr_SCHW)
    return measure(method, clip, restored, wanted, seconds)
