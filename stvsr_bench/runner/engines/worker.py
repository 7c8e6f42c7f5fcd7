"""What one worker does with one task, whichever engine handed it out: it reads the clip and has it evaluated.

A worker builds each network once and keeps it. Everything here can be pickled into another process or machine.
"""

import time
import traceback
from dataclasses import replace

import torch

from stvsr_bench import datasets, methods, plugins, protocols
from stvsr_bench.errors import BenchError, CannotWriteError, interrupted
from stvsr_bench.restore import pick_device, place
from stvsr_bench.runner.engines.isolation import seeded
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task
from stvsr_bench.runner.evaluate import evaluate
from stvsr_bench.runner.measure import Wanted
from stvsr_bench.schema import Clip, Method, Row


class Worker:
    """Runs tasks one after the other; networks and data sets are opened once."""

    def __init__(self, setup: Setup) -> None:
        plugins.allow(setup.overrides)  # also those of $STVSR_BENCH_PATH
        for path in setup.included:
            plugins.include(path)
        # torch's default for convolutions is TF32 on Ampere and later: fp32 must mean float32 here
        torch.backends.cuda.matmul.allow_tf32 = setup.settings.precision == "tf32"
        torch.backends.cudnn.allow_tf32 = setup.settings.precision == "tf32"
        self.setup = replace(setup, settings=replace(setup.settings, device=pick_device(setup.settings.device)))
        self._methods: dict[str, Method] = {}
        self._data_sets: dict[str, datasets.DataSet] = {}
        self._clips: dict[tuple[str, str, str], datasets.Clips] = {}
        self._last: tuple[tuple[str, str, str, str], Clip] | None = None

    def run(self, task: Task) -> Outcome:
        """The outcome of one task. A mistake or a failing method is an outcome, never an exception; Ctrl-C is one."""
        start = time.perf_counter()
        try:
            rows = self._run(task)
            return Outcome(task, tuple(rows), seconds=time.perf_counter() - start)
        except Exception as error:
            if interrupted(error):
                raise KeyboardInterrupt from error
            return _failure(task, error, time.perf_counter() - start)

    def _run(self, task: Task) -> list[Row]:
        setup = self.setup
        wanted = Wanted(
            tuple(protocols.get(name) for name in task.protocols),
            setup.metrics,
            setup.settings,
            setup.threads,
            setup.env,
            frames_dir=setup.frames_dir if task.save else None,
        )
        start = time.perf_counter()
        clip = self._clip(task, wanted.protocols[0].lists)
        read_s = time.perf_counter() - start
        method = self._method(task.method)
        key = protocols.restoring_key(wanted.protocols[0])
        with seeded(setup.seed, setup.settings.name(task.identity), task.label, task.split, task.clip, key):
            return evaluate(method, clip, wanted, read_s)

    def _method(self, spec: str) -> Method:
        if spec not in self._methods:
            with seeded(self.setup.seed, spec):
                method = methods.build(spec, trust_pickle=self.setup.trust_pickle)
            self._methods = {spec: place(method, self.setup.settings)}  # one network at a time: memory
        return self._methods[spec]

    def _data_set(self, name: str) -> datasets.DataSet:
        if name not in self._data_sets:
            self._data_sets[name] = datasets.find(name, self.setup.root)
        return self._data_sets[name]

    def _clip(self, task: Task, lists: str) -> Clip:
        place_of = (task.dataset, task.split, lists)
        if place_of not in self._clips:
            self._clips[place_of] = self._data_set(task.dataset).clips(task.split, lists)
        wanted = (*place_of, task.clip)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._clips[place_of].read(task.clip))
        return self._last[1]


def _failure(task: Task, error: Exception, seconds: float) -> Outcome:
    if isinstance(error, BenchError):
        return Outcome(task, error=str(error), seconds=seconds, fatal=isinstance(error, CannotWriteError))
    sentence = f"{task.identity} raised {type(error).__name__}: {error}"
    return Outcome(task, error=sentence, detail="".join(traceback.format_exception(error)), seconds=seconds)
