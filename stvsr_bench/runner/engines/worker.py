"""What one worker does with one task, whichever engine handed it out: read, restore, score, save frames.

A worker builds each network once and keeps it. Everything here can be pickled into another process or machine.
"""

import random
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stvsr_bench import datasets, methods, plugins, protocols
from stvsr_bench.data.frames import to_bytes, write_png
from stvsr_bench.errors import BenchError
from stvsr_bench.restore.clip import Restored, pick_device, place
from stvsr_bench.rows.store import path_component
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task
from stvsr_bench.runner.evaluate import Wanted, evaluate, low_resolution, mod_crop
from stvsr_bench.schema import Clip, Frames, Method, Row, digest


class Worker:
    """Runs tasks one after the other; networks and data sets are opened once."""

    def __init__(self, setup: Setup) -> None:
        for path in setup.included:
            plugins.include(path)
        torch.backends.cuda.matmul.allow_tf32 = setup.settings.precision == "tf32"
        torch.backends.cudnn.allow_tf32 = setup.settings.precision == "tf32"
        self.setup = replace(setup, settings=replace(setup.settings, device=pick_device(setup.settings.device)))
        self._methods: dict[str, Method] = {}
        self._clips: dict[tuple[str, str, str], datasets.Clips] = {}
        self._last: tuple[tuple[str, str, str, str], Clip] | None = None

    def run(self, task: Task) -> Outcome:
        """The outcome of one task. A user's mistake or a failing method is an outcome, never an exception."""
        start = time.perf_counter()
        try:
            rows = self._run(task)
            return Outcome(task, tuple(rows), seconds=time.perf_counter() - start)
        except BenchError as error:
            return Outcome(task, error=str(error), seconds=time.perf_counter() - start)
        except Exception as error:  # noqa: BLE001 - a method is anyone's code: whatever it raises is this clip's failure
            sentence = f"{task.identity} raised {type(error).__name__}: {error}"
            return Outcome(task, error=sentence, detail=traceback.format_exc(), seconds=time.perf_counter() - start)

    def _run(self, task: Task) -> list[Row]:
        setup = self.setup
        wanted = Wanted(
            tuple(protocols.get(name) for name in task.protocols),
            setup.metrics,
            setup.settings,
            setup.threads,
            setup.env,
        )
        start = time.perf_counter()
        clip = self._clip(task, wanted.protocols[0].lists)
        read_s = time.perf_counter() - start
        method = self._method(task.method)

        def keep(restored: Restored) -> None:
            if task.save and self.setup.frames_dir is not None:
                save_frames(self.setup.frames_dir, task, clip, restored, wanted)

        key = protocols.restoring_key(wanted.protocols[0])
        with seeded(setup.seed, setup.settings.name(task.identity), task.label, task.split, task.clip, key):
            return evaluate(method, clip, wanted, read_s, keep)

    def _method(self, spec: str) -> Method:
        if spec not in self._methods:
            with seeded(self.setup.seed, spec):
                method = methods.build(spec, trust_pickle=self.setup.trust_pickle)
            self._methods = {spec: place(method, self.setup.settings)}  # one network at a time: memory
        return self._methods[spec]

    def _clip(self, task: Task, lists: str) -> Clip:
        place_of = (task.dataset, task.split, lists)
        if place_of not in self._clips:
            self._clips[place_of] = datasets.clips(task.dataset, task.split, root=self.setup.root, lists=lists)
        wanted = (*place_of, task.clip)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._clips[place_of].read(task.clip))
        return self._last[1]


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch with this many CPU threads; as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(*what: object) -> Iterator[None]:
    """Random numbers of torch, numpy and Python that depend on `what` alone, not on the order of clips or workers.

    The generators of the CPU are given back as they were; a GPU's is only seeded.
    """
    seed = int(digest([str(one) for one in what])[:8], 16)  # 32 bits, the most that numpy takes
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)


def save_frames(folder: Path, task: Task, clip: Clip, restored: Restored, wanted: Wanted) -> None:
    """PNG files `<method>/<data set>/<split>/<clip>/<index>.png`, and once the truth and the input beside them."""
    place_of = Path(path_component(task.label)) / path_component(task.split) / path_component(task.clip)
    method = method_folder(wanted.settings.name(task.identity), task.weights)
    _write(folder / method / place_of, restored.frames, restored.sr_SCHW)
    protocol = wanted.protocols[0]
    cropped = mod_crop(clip, protocol.scale)
    for name, frames_SCHW in (("_hr", cropped.hr_SCHW), ("_lr", low_resolution(cropped, protocol))):
        if not (folder / name / place_of).is_dir():
            _write(folder / name / place_of, restored.frames, frames_SCHW[restored.frames])


def method_folder(name: str, weights: str) -> str:
    """The folder of a method's frames."""
    return path_component(f"{name}@{weights}" if weights else name)


def _write(folder: Path, frames: Sequence[int], frames_SCHW: Frames) -> None:
    for index, frame_HWC in zip(frames, to_bytes(np.asarray(frames_SCHW)), strict=True):
        write_png(folder / f"{index:05d}.png", frame_HWC)
