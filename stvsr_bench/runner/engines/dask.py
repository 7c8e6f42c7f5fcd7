"""A cluster: tasks pulled by dask workers, each of which holds the network once; results stream back to one store.

A worker or node that is lost only re-runs its unfinished clips: dask hands them to another. A scheduler's port is as
trusted as a shell; `docs/cluster.md` says how to keep it closed.
"""

import logging
import os
import platform
import random
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from stvsr_bench import environment, notes
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.installing import extra
from stvsr_bench.runner.engines import greeting
from stvsr_bench.runner.engines.places import absolute_setup, absolute_task
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task
from stvsr_bench.schema import digest

AHEAD = 4  # batches in flight a worker thread: enough to hide the way, few enough that a late worker finds work
BATCH_S = 0.5  # cheap clips travel together: a batch takes about so long, and that much work is lost with a worker
LARGEST_BATCH = 16
CONNECT_S = 30
LOOK_S = 20.0  # between two looks at whether anybody works
WORKERS_S = 900.0  # a queue may take that long to start a worker
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"  # gives freed frames back: 9 x the page faults
LOSSES = 1  # workers that may die under a batch before its clips are suspects, which are then run one by one

_worker: tuple[str, Any] | None = None
_one_at_a_time = threading.Lock()  # random numbers, torch's threads and the network are the process's, not a thread's


def run(tasks: Sequence[Task], setup: Setup, jobs: int = 1, address: str = "") -> Iterator[Outcome]:
    """Outcomes as they come. Without an address a cluster of `jobs` worker processes is started on 127.0.0.1.

    Raises:
        NotRunnableError: dask is not installed, or no scheduler answers at the address.
    """
    distributed = _distributed()
    setup, tasks = absolute_setup(setup), [absolute_task(task) for task in tasks]
    with _quiet(), _client(distributed, jobs, address) as client:
        cluster = _Cluster(client, setup, address)
        cluster.wait_for_workers()
        workers = max(1, jobs, sum(client.nthreads().values()))
        suspects: list[Task] = []
        for batch, outcomes in cluster.pulled(tasks, workers):
            if outcomes is None:
                suspects += batch
            else:
                yield from outcomes
        for task in suspects:  # alone, so that no clip is blamed for another one's crash
            (_, outcomes), *_ = cluster.pulled([task], 1)
            died = Outcome(task, error=f"{task.identity} on {task.clip}: every worker died that ran it, alone as well")
            yield from outcomes or [died]


@contextmanager
def _quiet() -> Iterator[None]:
    """dask's own words about a scheduler that went away are pages; what to do about it is said in a sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class _Cluster:
    """Batches on their way to workers and back."""

    def __init__(self, client: Any, setup: Setup, address: str) -> None:
        self.client, self.setup, self.identity = client, setup, digest(repr(setup))
        self.where = address or "this machine"
        self.submitted = 0

    def wait_for_workers(self) -> None:
        """Come back when a worker is there.

        Raises:
            NotRunnableError: none came in time, or the scheduler does not answer.
        """
        since = said = time.monotonic()
        while not self._workers():
            now = time.monotonic()
            if now - since > WORKERS_S:
                raise NotRunnableError(
                    f"no worker at {self.where} for {now - since:.0f} s; start some, and repeat the command: "
                    "the rows so far are safe"
                )
            if now - said > LOOK_S:
                said = now
                notes.once(f"waiting for workers at {self.where}, {now - since:.0f} s so far")
            time.sleep(min(1.0, LOOK_S))

    def _workers(self) -> int:
        """How many workers the scheduler has; it is asked now, for a client remembers what it last heard."""
        try:
            found = self.client.sync(self.client.scheduler.identity, callback_timeout=CONNECT_S)
        except Exception as error:  # noqa: BLE001 - closed pipes, time-outs and cancelled calls of several libraries
            raise self._gone(error) from None
        return len(found["workers"])

    def _gone(self, error: BaseException) -> NotRunnableError:
        return NotRunnableError(
            f"the dask scheduler at {self.where} no longer answers ({type(error).__name__}); "
            "the rows so far are safe; repeat the command when it is back"
        )

    def _next(self, done: "Queue[Any]") -> Any:
        """The next future that is done; meanwhile it is seen to that somebody works on them."""
        while True:
            try:
                return done.get(timeout=LOOK_S)
            except Empty:
                self.wait_for_workers()

    def pulled(self, tasks: Sequence[Task], workers: int) -> Iterator[tuple[list[Task], list[Outcome] | None]]:
        """Each batch with its outcomes, as they come; None where workers died under it."""
        queue = deque(tasks)
        size = 1
        futures: dict[Any, list[Task]] = {}
        done: Queue[Any] = Queue()
        lost: Counter[Task] = Counter()

        def feed(count: int) -> None:
            for _ in range(count):
                largest = max(1, min(size, len(queue) // (2 * workers)))  # the last ones are shared out evenly
                if batch := [queue.popleft() for _ in range(min(largest, len(queue)))]:
                    futures[future := self._submit(batch)] = batch
                    future.add_done_callback(done.put)

        feed(AHEAD * workers)
        while futures:
            future = self._next(done)
            batch = futures.pop(future)
            if future.status in ("cancelled", "lost"):
                self._workers()  # raises where it is the scheduler that went away
                lost[batch[0]] += 1
                if lost[batch[0]] <= LOSSES:  # a worker took its finished rows with it: they are measured again
                    queue.extendleft(reversed(batch))
                    size = 1
                    feed(1)
                    continue
                outcomes = None
            else:
                outcomes = _outcomes(future, batch)
            if outcomes:
                mean_s = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
                size = max(1, min(LARGEST_BATCH, int(BATCH_S / max(mean_s, 1e-6))))
            yield batch, outcomes
            future.release()
            feed(1)

    def _submit(self, batch: list[Task]) -> Any:
        self.submitted += 1
        key = f"clips-{self.identity[:16]}-{os.getpid()}-{self.submitted}-{digest(repr(batch))[:16]}"
        return self.client.submit(_run, batch, self.setup, self.identity, key=key, pure=False)


def _run(batch: list[Task], setup: Setup, identity: str) -> list[Outcome]:
    """On a worker: some tasks, by a `Worker` that lives as long as the process."""
    global _worker  # noqa: PLW0603 - the process is the cache: a network is built once a worker
    from stvsr_bench import plugins
    from stvsr_bench.runner.engines.isolation import torch_threads
    from stvsr_bench.runner.engines.worker import Worker

    with _one_at_a_time, torch_threads(setup.threads):
        _leave_random_alone()
        if _worker is None or _worker[0] != identity:
            _refuse_other_code(setup)
            plugins.forget()  # an earlier run's plug-ins are not this one's
            _worker = (identity, Worker(setup))
        return [_worker[1].run(task) for task in batch]


def _refuse_other_code(setup: Setup) -> None:
    """Raises a sentence where this worker would fill the run with rows of other code than the planner's."""
    here = dict(environment.made_with())
    differ = [f"{name} {here.get(name) or 'none'}, not {wanted}" for name, wanted in setup.made_with
              if here.get(name) != wanted]  # fmt: skip
    if differ:
        raise NotRunnableError(
            f"the worker on {platform.node()} has {'; '.join(differ)}: its rows would not be those of this run. "
            "Install the same version on all workers and start them again"
        )


def _leave_random_alone() -> None:
    """Give dask's threads random numbers of their own.

    They draw from Python's `random` while a clip is measured (heartbeats, compression), and so between the seed of that
    clip and what its method draws: without this, every second run of a test had a row that differed.
    """
    own = random.Random()
    shared = random.random.__self__  # type: ignore[attr-defined] # the generator behind the module's functions
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("dask", "distributed", "tornado"):
            continue
        for attribute, value in list(vars(module).items()):
            if value is random:
                setattr(module, attribute, own)
            elif getattr(value, "__self__", None) is shared:
                setattr(module, attribute, getattr(own, value.__name__))


def _outcomes(future: Any, batch: list[Task]) -> list[Outcome] | None:
    error = future.exception()
    if error is None:
        outcomes: list[Outcome] = future.result()
        return outcomes
    if isinstance(error, NotRunnableError):  # of every clip that this worker would get
        raise error
    if type(error).__name__ == "KilledWorker":
        return None
    return [Outcome(task, error=f"{task.identity} on {task.clip}: {type(error).__name__}: {error}") for task in batch]


def _client(distributed: Any, jobs: int, address: str) -> Any:
    if not address:
        import dask

        # a cluster of others keeps its own count: the setting is one for all who use it
        with dask.config.set({TRIM: None, "distributed.scheduler.allowed-failures": LOSSES}):
            try:
                cluster = distributed.LocalCluster(
                    n_workers=max(1, jobs),
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # of its health page: cannot be turned off
                )
                return _Owned(distributed.Client(cluster), cluster)
            except (OSError, RuntimeError) as error:  # no /dev/shm, no descriptors left, workers that cannot start
                why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")
                raise NotRunnableError(f"a dask cluster cannot be started on this machine ({why})") from None
    security = _security(distributed, address)
    greeting.check(address, security, CONNECT_S)
    try:
        return _Owned(distributed.Client(address, timeout=CONNECT_S, security=security), None)
    except (OSError, TimeoutError, ValueError) as error:
        raise NotRunnableError(f"no dask scheduler answers at {address}: {str(error).splitlines()[0]}") from None


class _Owned:
    """A client that closes the cluster it started, and no other."""

    def __init__(self, client: Any, cluster: Any) -> None:
        self.client = client
        self.cluster = cluster

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def _security(distributed: Any, address: str) -> Any:
    """TLS as the environment says: STVSR_BENCH_TLS_CA, _CERT and _KEY name the files; none of them means plain TCP.

    Raises:
        NotRunnableError: a file is not named or not there, or the address asks for TLS and they do not, or the reverse.
    """
    names = {"tls_ca_file": "CA", "tls_client_cert": "CERT", "tls_client_key": "KEY"}
    files = {key: os.environ.get(f"STVSR_BENCH_TLS_{name}", "") for key, name in names.items()}
    encrypted = address.startswith("tls://")
    if not any(files.values()) and not encrypted:
        return None
    if not all(files.values()):
        raise NotRunnableError("TLS needs all of STVSR_BENCH_TLS_CA, STVSR_BENCH_TLS_CERT and STVSR_BENCH_TLS_KEY")
    if not encrypted:
        raise NotRunnableError(f"STVSR_BENCH_TLS_* name certificates, but {address} is not encrypted; write tls://")
    for key, file in files.items():
        if not Path(file).is_file():
            raise NotRunnableError(f"STVSR_BENCH_TLS_{names[key]} names {file}, which is not a file")
    return distributed.Security(**files, require_encryption=True)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise NotRunnableError(
            f"--engine dask needs dask.distributed, which is not installed: run {extra('cluster')}"
        ) from None
    return distributed
