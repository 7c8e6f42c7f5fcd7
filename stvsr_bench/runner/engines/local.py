"""This machine: in process, or `jobs` worker processes that pull tasks.

A worker that dies or outlives `timeout_s` loses only the task it holds: the task is tried once more in a new process
and then counted as failed.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task

# a worker may die of a neighbour (memory), so once more; twice is the clip's own fault
TRIES = 2
# numba compiles STDAN's kernels in some 13 s here, torch.compile a network in 40
WARM_S = 120.0


@dataclass
class _Slot:
    """One worker process and the task it holds."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None
    since: float = field(default_factory=time.monotonic)
    warming: bool = True  # from its start on: importing torch is in no clip's time either


def run(tasks: Sequence[Task], setup: Setup, jobs: int = 1, timeout_s: float = 0.0) -> Iterator[Outcome]:
    """Outcomes of all tasks: in order with one job, as they come with several.

    With `timeout_s` even one job runs in a process of its own, because a hang can only be killed from outside.
    """
    if jobs <= 1 and not timeout_s:
        from stvsr_bench.runner.engines.isolation import torch_threads
        from stvsr_bench.runner.engines.worker import Worker

        with torch_threads(setup.threads):  # the caller's process: what it had set is given back
            worker = Worker(setup)
            yield from (worker.run(task) for task in tasks)
        return
    yield from _Pool(tasks, setup, max(1, min(jobs, len(tasks))), timeout_s).outcomes()


class _Pool:
    """Hands tasks to worker processes one at a time, so that a lost worker costs one task."""

    def __init__(self, tasks: Sequence[Task], setup: Setup, jobs: int, timeout_s: float) -> None:
        self.setup = setup
        self.queue = deque((task, 1) for task in tasks)
        self.tries: dict[Task, int] = {}
        self.jobs = jobs
        self.timeout_s = timeout_s
        self.slots: list[_Slot] = []

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes as they come; worker processes end with the iteration, however it ends."""
        try:
            self.slots = [self._start() for _ in range(self.jobs)]
            while self.queue or any(slot.task for slot in self.slots):
                for slot in self.slots:
                    self._feed(slot)
                yield from self._collect()
        finally:
            for slot in self.slots:
                self._stop(slot)

    def _start(self) -> _Slot:
        # not fork: torch's and OpenMP's threads do not survive it, and CUDA refuses it
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.setup), daemon=True)
        process.start()
        theirs.close()
        return _Slot(process, ours)

    def _feed(self, slot: _Slot) -> None:
        if slot.task is None and self.queue:
            task, attempt = self.queue.popleft()
            self.tries[task] = attempt
            slot.task, slot.since = task, time.monotonic()
            with suppress(BrokenPipeError, ConnectionError):  # a dead worker: _collect sees its end
                slot.connection.send(task)

    def _collect(self) -> Iterator[Outcome]:
        busy = [slot for slot in self.slots if slot.task]
        ready = wait([slot.connection for slot in busy], timeout=self._patience(busy))
        for slot in busy:
            if slot.connection in ready:
                yield from self._receive(slot)
            elif self.timeout_s and time.monotonic() > self._ends(slot):
                limit = self._ends(slot) - slot.since
                yield from self._lost(slot, f"took longer than {limit:g} s and was stopped", TRIES)

    def _patience(self, busy: list[_Slot]) -> float:
        if not self.timeout_s:
            # nobody hangs: wake up now and then all the same, so that Ctrl-C is answered
            return 60.0
        return max(0.05, min(self._ends(slot) - time.monotonic() for slot in busy))

    def _ends(self, slot: _Slot) -> float:
        """When the task of a slot has taken too long; a first call, which compiles, has a limit of its own."""
        return slot.since + (max(self.timeout_s, WARM_S) if slot.warming else self.timeout_s)

    def _receive(self, slot: _Slot) -> Iterator[Outcome]:
        try:
            outcome: Outcome | bool = slot.connection.recv()
        except (EOFError, ConnectionError):
            slot.process.join(5)
            code = slot.process.exitcode
            why = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            memory = "; perhaps it ran out of memory" if code == -9 else ""
            yield from self._lost(slot, f"killed its worker process ({why}{memory})", 1)
            return
        if isinstance(outcome, bool):
            slot.since, slot.warming = time.monotonic(), outcome
            return
        slot.task = None
        yield outcome

    def _lost(self, slot: _Slot, what: str, cost: int) -> Iterator[Outcome]:
        task = slot.task
        self._stop(slot)
        self.slots[self.slots.index(slot)] = self._start()
        if task is None:
            return
        tried = self.tries[task] + cost - 1
        if tried < TRIES:
            # at the front: a clip that kills workers is found out at once, not at the end of the night
            self.queue.appendleft((task, tried + 1))
        else:
            yield Outcome(task, error=f"{task.identity} on {task.clip} {what}")

    @staticmethod
    def _stop(slot: _Slot) -> None:
        slot.connection.close()
        slot.process.terminate()
        slot.process.join(2)
        if slot.process.is_alive():
            slot.process.kill()
            slot.process.join(5)


def _serve(connection: Connection, setup: Setup) -> None:
    """A worker process: tasks in, outcomes out, until the other side goes."""
    import signal

    from stvsr_bench.runner.engines.isolation import torch_threads
    from stvsr_bench.runner.engines.worker import Worker

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with torch_threads(setup.threads):
        worker = Worker(setup, connection.send)
        while True:
            try:
                task = connection.recv()
            except (EOFError, ConnectionError):
                return
            connection.send(worker.run(task))
