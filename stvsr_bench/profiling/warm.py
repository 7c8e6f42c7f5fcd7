"""What runs once before a clock starts: kernels and networks are compiled in their first call, which takes seconds.

`stvsr-bench run` calls `network` before it times a clip and `suite` before it reads the first one, so that neither the
seconds in rows nor a time limit have compilation in them. Numbers do not change: networks are in eval mode, and random
numbers are given back as they were. Axes: S frames, T frames given, C channels, h w low resolution.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from stvsr_bench import metrics
from stvsr_bench.data import degrade, frames
from stvsr_bench.data.windows import windows_of
from stvsr_bench.errors import interrupted
from stvsr_bench.restore import forward
from stvsr_bench.schema import EvalProtocol, Frames, Method, Settings

# eager kernels are compiled for types, not for sizes: after a window of 32x32 the first whole one took as long as later
# ones (stdan@mini 1.35 s, then 1.04 to 1.32; without it 13.9 s, numba's cache empty, one thread)
SIDE = 32
Key = tuple[int, ...]

_done: "WeakKeyDictionary[nn.Module, set[Key]]" = WeakKeyDictionary()
_suite_done: set[bool] = set()


def network(method: Method, lr_SChw: Frames, protocol: EvalProtocol, settings: Settings) -> float:
    """Seconds that the first calls of a network took that a clip needs; 0 where they have been made before.

    On the CPU a corner of one window, once a network. Compiled networks (`--compile`) and GPUs do each size and number
    of frames anew, so there a whole window of each kind is run. A network that fails here is left to the clip itself,
    which says why.
    """
    start = time.perf_counter()
    done = _done.setdefault(method.net, set())
    called = False
    for key, lr_TChw in _first_calls(method, lr_SChw, protocol, settings):
        if key not in done:
            done.add(key)
            called = True
            corner_TChw = lr_TChw if key else lr_TChw[: max(2, method.card.frames_in[0]), :, :SIDE, :SIDE]
            # a network may refuse so small a picture
            if not _ran(method, corner_TChw, protocol, settings) and not key:
                _ran(method, lr_TChw, protocol, settings)
    return time.perf_counter() - start if called else 0.0


def suite(protocol: EvalProtocol) -> float:
    """Seconds that the suite's own kernels took to compile or load, those of frames, low resolution and metrics.

    Once a process, and once more for a protocol that scores unrounded frames; else 0.
    """
    if protocol.round_8bit in _suite_done:
        return 0.0
    _suite_done.add(protocol.round_8bit)
    start = time.perf_counter()
    noise_SHWC = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    with TemporaryDirectory(prefix="stvsr-bench-") as folder:
        frames.write_png(Path(folder) / "warm.png", noise_SHWC[0])
        hr_SCHW = frames.from_bytes(frames.read([Path(folder) / "warm.png"]))
    degrade.degrade(hr_SCHW, "bicubic")
    metrics.score_frames(hr_SCHW, hr_SCHW, metrics.CORE, round_8bit=protocol.round_8bit)
    return time.perf_counter() - start


def _first_calls(
    method: Method, lr_SChw: Frames, protocol: EvalProtocol, settings: Settings
) -> Iterator[tuple[Key, Frames]]:
    """The windows to run, each with what tells it from those compiled already: nothing where sizes do not matter."""
    whole = settings.compile or torch.device(settings.device).type != "cpu"
    for window in windows_of(len(lr_SChw), protocol, method.card.frames_in).passes:
        lr_TChw = lr_SChw[list(window.given)]
        if not whole:
            yield (), lr_TChw
            return
        yield (len(lr_TChw), protocol.time_scale, *lr_TChw.shape[-2:]), lr_TChw


def _ran(method: Method, lr_TChw: Frames, protocol: EvalProtocol, settings: Settings) -> bool:
    try:
        with _random_numbers_stay():
            forward(method, lr_TChw, protocol, settings, {})
    except Exception as error:
        if interrupted(error):
            raise
        return False  # a method is anyone's code: the clip's own call fails alike, and that is told
    return True


@contextmanager
def _random_numbers_stay() -> Iterator[None]:
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)
