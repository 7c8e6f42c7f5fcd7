"""What one worker does with one task, whichever engine handed it out: it reads the clip and has it evaluated.

A worker builds each network once and keeps it. Everything here can be pickled into another process or machine.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from stvsr_bench import datasets, methods, metrics, plugins, protocols
from stvsr_bench.errors import LONGEST, BenchError, CannotWriteError, NotRunnableError, interrupted, shortened, told
from stvsr_bench.methods import Identity
from stvsr_bench.methods.builder import from_identity
from stvsr_bench.profiling import warm
from stvsr_bench.restore import pick_device, place
from stvsr_bench.restore.kept import kept
from stvsr_bench.rows import frames
from stvsr_bench.runner.engines.isolation import seeded
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task
from stvsr_bench.runner.evaluate import evaluate, score_again
from stvsr_bench.runner.made import made_by
from stvsr_bench.runner.measure import Wanted
from stvsr_bench.schema import Clip, Method, Row


class Worker:
    """Runs tasks one after the other; networks and data sets are opened once.

    `warming` is told when a first call begins, which compiles and is in no time limit, and when it ends.
    """

    def __init__(self, setup: Setup, warming: Callable[[bool], None] = lambda begins: None) -> None:
        plugins.allow(setup.overrides)  # also those of $STVSR_BENCH_PATH
        for path in setup.included:
            plugins.include(path)
        self.warming = warming
        self.setup = replace(setup, settings=replace(setup.settings, device=pick_device(setup.settings.device)))
        self._methods: dict[str, tuple[Method, dict[str, str]]] = {}
        self._data_sets: dict[tuple[str, str], datasets.DataSet] = {}
        self._clips: dict[tuple[str, str, str], datasets.Clips] = {}
        self._last: tuple[tuple[str, str, str, str], Clip] | None = None

    def run(self, task: Task) -> Outcome:
        """The outcome of one task. A mistake or a failing method is an outcome, never an exception; Ctrl-C is one."""
        start = time.perf_counter()
        try:
            rows = self._run(task)
            return Outcome(task, tuple(rows), seconds=time.perf_counter() - start)
        except BaseException as error:
            if interrupted(error):
                raise KeyboardInterrupt from error
            return _failure(task, error, time.perf_counter() - start)

    def _run(self, task: Task) -> list[Row]:
        setup = self.setup
        chosen = tuple(protocols.get(name) for name in task.protocols)
        self.warming(True)
        warm.suite(chosen[0])
        self.warming(False)
        start = time.perf_counter()
        clip = self._clip(task, chosen[0].lists)
        read_s = time.perf_counter() - start
        key = protocols.restoring_key(chosen[0])
        name = task.name
        place_of = frames.Place(setup.out, key, name, task.weights, task.contents, task.place) if setup.out else None
        # a row that gains a metric, or is scored again by other code, keeps what it had
        had = {name for row in task.before for name in (*row.values, *row.scalars) if not metrics.missing(name)}
        names = tuple(dict.fromkeys((*setup.metrics, *sorted(had))))
        wanted = Wanted(chosen, names, setup.settings, setup.threads, setup.env, task.made, place_of)
        # saved frames serve only where they make all that is missing
        if len(task.before) == len(task.keys) and (rows := score_again(task.before, clip, wanted)) is not None:
            return rows
        method, made = self._method(task.method)
        wanted = replace(wanted, made=made, save=place_of if task.save else None, warming=self.warming)
        with seeded(setup.seed, name, task.label, task.split, task.clip, key):
            return evaluate(method, clip, wanted, read_s)

    def _method(self, spec: str) -> tuple[Method, dict[str, str]]:
        """The method, and what makes its rows: the code that was loaded, whatever its file says later."""
        if spec not in self._methods:
            self.warming(True)  # reading a large file of weights is in no clip's time limit
            identity = methods.resolve(spec)
            made = self._made(identity)
            with seeded(self.setup.seed, spec), kept() as changed:
                method = from_identity(identity, trust_pickle=self.setup.trust_pickle)
            method.changes.update(changed)
            if self._made(identity) != made:
                raise NotRunnableError(f"{spec}: its code changed while it was loaded; run the command again")
            # one network at a time: memory
            self._methods = {spec: (place(method, self.setup.settings), made)}
            self.warming(False)
        return self._methods[spec]

    def _made(self, identity: Identity) -> dict[str, str]:
        return made_by(identity, self.setup.settings, self.setup.threads, self.setup.seed)

    def _data_set(self, name: str, label: str) -> datasets.DataSet:
        if (name, label) not in self._data_sets:
            self._data_sets[name, label] = datasets.find(name, self.setup.root, label, self.setup.reading)
        return self._data_sets[name, label]

    def _clip(self, task: Task, lists: str) -> Clip:
        place_of = (task.dataset, task.split, lists)
        if place_of not in self._clips:
            self._clips[place_of] = self._data_set(task.dataset, task.label).clips(task.split, lists)
        wanted = (*place_of, task.clip)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._clips[place_of].read(task.clip))
        return self._last[1]


def _failure(task: Task, error: BaseException, seconds: float) -> Outcome:
    if isinstance(error, BenchError):
        why = error.__cause__  # a method's own error behind the sentence
        sentence, fatal = shortened(str(error)), isinstance(error, CannotWriteError)
        return Outcome(task, error=sentence, detail=_traceback(why) if why else "", seconds=seconds, fatal=fatal)
    return Outcome(task, error=f"{task.identity} raised {told(error)}", detail=_traceback(error), seconds=seconds)


def _traceback(error: BaseException) -> str:
    return shortened("".join(traceback.format_exception(error)), 10 * LONGEST)
