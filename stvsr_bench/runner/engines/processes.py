"""A worker process: how it starts, what it says, and that nothing of it is left when it ends.

It has a process group and a folder for temporary files of its own. Children of a method and files that it left are
gone with the worker, whether that ended by itself, was killed, or lost its parent.
"""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from stvsr_bench import notes
from stvsr_bench.errors import BenchError, NotRunnableError, told
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task

GRACE_S = 2.0  # for an idle worker to end by itself
_KILLED = getattr(signal, "SIGKILL", None)  # Windows has no such signal


@dataclass(frozen=True)
class Ready:
    """The worker has started and waits for tasks."""


@dataclass(frozen=True)
class Refused:
    """The worker cannot start, nor could another one."""

    why: str


@dataclass(frozen=True)
class Warming:
    """A first call, which compiles, begins or ends: it is in no time limit."""

    begins: bool


@dataclass(frozen=True)
class Note:
    """A sentence about this machine for the person at the keyboard."""

    sentence: str


Message = Outcome | Ready | Refused | Warming | Note


class Child:
    """One worker process and the pipe to it."""

    def __init__(self, setup: Setup) -> None:
        self._how = ""
        # not fork: torch's and OpenMP's threads do not survive it, and CUDA refuses it
        context = get_context("spawn")
        try:
            self.scratch = tempfile.mkdtemp(prefix="stvsr-bench-")
            self.connection, theirs = context.Pipe()
            self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, setup, self.scratch), daemon=True)
            self.process.start()
        except OSError as error:  # no memory, descriptors or processes left
            raise NotRunnableError(f"a worker process cannot be started: {error.strerror or error}") from None
        theirs.close()

    def send(self, task: Task) -> None:
        """Hand a task over; a worker that has died is found by who waits for it."""
        with suppress(OSError):
            self.connection.send(task)

    def receive(self) -> Message | None:
        """What the worker said; None where it ended, perhaps in the middle of a word."""
        try:
            said: Message = self.connection.recv()
        except Exception:  # noqa: BLE001 - the end of the pipe, or half a pickle: any error can come of that
            return None
        return said

    def has_ended(self) -> bool:
        """Whether the process is dead; a child that it forked may still hold the pipe, which then has no end."""
        if not hasattr(os, "waitid"):
            return not self.process.is_alive()
        # not reaped yet: its number stays its own until the group is killed
        pid = self.process.pid
        assert pid is not None
        try:
            return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def close(self) -> None:
        """Let the worker know that there is no further task."""
        self.connection.close()

    def stop(self, idle: bool) -> str:
        """End the process with all its children, and take away its temporary files; how it ended.

        An idle one may end by itself, so that what a library does at its end is done.
        """
        self.close()
        if self._how:
            return self._how
        if idle:
            wait([self.process.sentinel], timeout=GRACE_S)
        if not self.has_ended():
            self.process.kill()
        with suppress(OSError, AttributeError):  # it died before it had a group; or no POSIX
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        self.process.join(10)  # unless a driver holds it
        shutil.rmtree(self.scratch, ignore_errors=True)
        code = self.process.exitcode
        memory = "; perhaps it ran out of memory" if _KILLED is not None and code == -_KILLED else ""
        self._how = f"signal {-code}{memory}" if code is not None and code < 0 else f"exit code {code}"
        return self._how


def _serve(connection: Connection, setup: Setup, scratch: str) -> None:
    """A worker process: tasks in, outcomes out, until the other side goes."""
    _alone(connection, scratch)
    speaking = threading.Lock()  # a method's thread may have a note to make

    def say(message: Message) -> None:
        with speaking:
            connection.send(message)

    notes.heard_by(lambda sentence: say(Note(sentence)))
    with suppress(EOFError, OSError):  # nobody is left to hear
        _work(connection, setup, say)


def _work(connection: Connection, setup: Setup, say: Callable[[Message], None]) -> None:
    try:
        from stvsr_bench.runner.engines.isolation import torch_threads
        from stvsr_bench.runner.engines.worker import Worker

        worker = Worker(setup, lambda begins: say(Warming(begins)))
    except BaseException as error:  # noqa: BLE001 - the parent tells it and ends the run
        say(Refused(str(error) if isinstance(error, BenchError) else f"a worker process cannot start: {told(error)}"))
        return
    with torch_threads(setup.threads):
        say(Ready())
        while True:
            task = connection.recv()
            say(worker.run(task))


def _alone(connection: Connection, scratch: str) -> None:
    """Cut this process off from its parent's signals, group and temporary files, and end it with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    tempfile.tempdir = os.environ["TMPDIR"] = scratch
    threading.Thread(target=_end_with_parent, args=(scratch,), daemon=True).start()
    if hasattr(os, "setsid"):
        os.setsid()
        # a forked child that lives longer would keep the pipe open
        os.register_at_fork(after_in_child=connection.close)


def _end_with_parent(scratch: str) -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(scratch, ignore_errors=True)
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)
