"""This machine: in process, or `jobs` worker processes that pull tasks.

A worker that dies loses only the task it holds: the task is tried once more in a new process and then counted as
failed. One that outlives `timeout_s` is stopped, and its task failed.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from stvsr_bench import notes
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.runner.engines.processes import Child, Message, Note, Ready, Refused, Warming
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task

# a worker may die of a neighbour (memory), so once more; twice is the clip's own fault
TRIES = 2
# numba compiles STDAN's kernels in some 13 s here, torch.compile a network in 40
WARM_S = 120.0
START_S = 600.0  # to import torch, from a slow network drive too
LOOK_S = 1.0  # between two looks at whether workers live: a child of theirs may hold their pipe open


@dataclass
class _Slot:
    """One worker process, the task it holds, and since when it does what it does."""

    child: Child
    task: Task | None = None
    since: float = field(default_factory=time.monotonic)
    ready: bool = False
    warming: bool = False


def run(tasks: Sequence[Task], setup: Setup, jobs: int = 1, timeout_s: float = 0.0) -> Iterator[Outcome]:
    """Outcomes of all tasks: in order with one job, as they come with several.

    With `timeout_s` even one job runs in a process of its own, because a hang can only be killed from outside.

    Raises:
        UsageError: the device asked for is not there.
        NotRunnableError: worker processes cannot start.
    """
    if jobs <= 1 and not timeout_s:
        from stvsr_bench.runner.engines.isolation import torch_threads
        from stvsr_bench.runner.engines.worker import Worker

        with torch_threads(setup.threads):  # the caller's process: what it had set is given back
            worker = Worker(setup)
            yield from (worker.run(task) for task in tasks)
        return
    from stvsr_bench.restore import pick_device

    pick_device(setup.settings.device)  # here, and not in every worker
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
        self.stillborn = 0  # workers in a row that died before they were ready

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes as they come; worker processes end with the iteration, however it ends."""
        completed = False
        try:
            self.slots = [_Slot(Child(self.setup)) for _ in range(self.jobs)]
            while self.queue or any(slot.task for slot in self.slots):
                for slot in self.slots:
                    self._feed(slot)
                yield from self._collect()
            completed = True
        finally:
            for slot in self.slots:
                slot.child.close()
            for slot in self.slots:
                slot.child.stop(idle=completed and slot.ready)

    def _feed(self, slot: _Slot) -> None:
        if slot.ready and slot.task is None and self.queue:
            task, attempt = self.queue.popleft()
            self.tries[task] = attempt
            slot.task, slot.since = task, time.monotonic()
            slot.child.send(task)

    def _collect(self) -> Iterator[Outcome]:
        busy = [slot for slot in self.slots if slot.task or not slot.ready]
        # also where nobody can hang: Ctrl-C is answered when this wakes up
        limit = min([LOOK_S, *(self._ends(slot) - time.monotonic() for slot in busy)])
        heard = wait([slot.child.connection for slot in busy], timeout=max(0.05, limit))
        for slot in busy:
            if slot.child.connection in heard:
                yield from self._take(slot, slot.child.receive())
            # once more, for it may have died with its last word on the way
            elif slot.child.has_ended() and not slot.child.connection.poll():
                yield from self._died(slot)
            elif time.monotonic() > self._ends(slot):
                yield from self._too_long(slot)

    def _ends(self, slot: _Slot) -> float:
        """When what a worker does has taken too long; starting and a first call, which compiles, have limits apart."""
        if not slot.ready:
            return slot.since + START_S
        if not self.timeout_s:
            return float("inf")
        return slot.since + (max(self.timeout_s, WARM_S) if slot.warming else self.timeout_s)

    def _take(self, slot: _Slot, said: Message | None) -> Iterator[Outcome]:
        match said:
            case None:
                yield from self._died(slot)
            case Refused(why):
                raise NotRunnableError(why)
            case Note(sentence):
                notes.once(sentence)
            case Warming(begins):
                slot.since, slot.warming = time.monotonic(), begins
            case Ready():
                slot.ready, self.stillborn = True, 0
            case Outcome():
                slot.task = None
                yield said

    def _died(self, slot: _Slot) -> Iterator[Outcome]:
        how = slot.child.stop(idle=False)
        if not slot.ready:
            self.stillborn += 1
            if self.stillborn >= TRIES:
                raise NotRunnableError(
                    f"worker processes end before they can begin ({how}); what they said is above. "
                    "Without --jobs and --timeout everything runs in this process"
                )
        yield from self._replace(slot, f"killed its worker process ({how})", 1)

    def _too_long(self, slot: _Slot) -> Iterator[Outcome]:
        took = self._ends(slot) - slot.since
        slot.child.stop(idle=False)
        if not slot.ready:
            raise NotRunnableError(f"a worker process did not start within {took:g} s")
        yield from self._replace(slot, f"took longer than {took:g} s and was stopped", TRIES)

    def _replace(self, slot: _Slot, what: str, cost: int) -> Iterator[Outcome]:
        """A new worker in place of one that is gone, and what becomes of the task that it had."""
        self.slots[self.slots.index(slot)] = _Slot(Child(self.setup))
        if slot.task is None:
            return
        tried = self.tries[slot.task] + cost - 1
        if tried < TRIES:
            # at the front: a clip that kills workers is found out at once, not at the end of the night
            self.queue.appendleft((slot.task, tried + 1))
        else:
            yield Outcome(slot.task, error=f"{slot.task.identity} on {slot.task.clip} {what}")
