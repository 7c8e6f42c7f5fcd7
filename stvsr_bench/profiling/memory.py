"""How much memory a network needs, measured in a fresh process, where nothing else has been allocated or cached.

On the CPU: the highest resident size less the resident size after the imports, so weights, clip, activations and code
compiled on the way count, and the libraries do not. On a GPU: what torch allocated and reserved at most.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from stvsr_bench.errors import BenchError, ClipError

MIB = 1024 * 1024
POLL_S = 0.02  # between two looks at its children; the process itself is asked for its own high-water mark
Load = Callable[[], None]  # imports what the work needs
Work = Callable[[], Callable[[], Any]]  # builds the network, gives the call to measure


@dataclass(frozen=True)
class Peak:
    """Mebibytes. `fits` is False where the process was stopped at its limit, ran out of memory or of time."""

    mib: float = 0.0
    import_mib: float = 0.0
    reserved_mib: float | None = None
    fits: bool = True
    why: str = ""


def peak(load: Load, work: Work, device: str = "cpu", limit_mib: float = 0, limit_s: float = 0) -> Peak:
    """The peak of one call beyond the imports. Both functions are pickled into a process of their own.

    Above `limit_mib` or `limit_s` (0 = none) the process is stopped.

    Raises:
        BenchError: what the work itself raised, in its words.
    """
    # spawn, not fork: a forked child begins with all that this process has allocated
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, load, work, device), daemon=True)
    process.start()
    theirs.close()
    try:
        return _watch(process.pid or 0, ours, limit_mib, limit_s)
    finally:
        ours.close()
        process.terminate()
        process.join(5)
        if process.is_alive():
            process.kill()


def _watch(pid: int, answers: Connection, limit_mib: float, limit_s: float) -> Peak:
    """Poll the process and its children until it answers, ends or passes a limit."""
    start, base, highest = time.monotonic(), 0.0, 0.0
    while True:
        if answers.poll(POLL_S):
            try:
                word, value = answers.recv()
            except (EOFError, ConnectionError):  # no answer, no exception: Linux's OOM killer leaves no other trace
                return Peak(highest - base, base, fits=False, why="out of memory (its process was killed)")
            if word == "imported":
                base, highest = value, value
                continue
            return _answer(word, value, highest - base)
        highest = max(highest, _tree_mib(pid))
        if limit_mib and base and highest - base > limit_mib:
            return Peak(highest - base, base, fits=False, why=f"more than {limit_mib:.0f} MiB")
        if limit_s and time.monotonic() - start > limit_s:
            return Peak(highest - base, base, fits=False, why=f"longer than {limit_s:.0f} s")


def _answer(word: str, value: Any, polled_mib: float) -> Peak:
    if word == "failed":
        kind, sentence = value
        raise (kind if issubclass(kind, BenchError) else ClipError)(sentence)
    if word == "full":
        return Peak(fits=False, why=value)
    assert isinstance(value, Peak)
    # children (a method in a process of its own) are seen by polling only
    return value if value.reserved_mib is not None or polled_mib <= value.mib else _with(value, polled_mib)


def _with(found: Peak, mib: float) -> Peak:
    return Peak(mib, found.import_mib, found.reserved_mib)


def _serve(answers: Connection, load: Load, work: Work, device: str) -> None:
    """The fresh process: import, note the size, build and run, note the highest size."""
    import torch

    try:
        load()
        _forget_peak()
        base = resident_mib()
        answers.send(("imported", base))
        call = work()
        if torch.device(device).type == "cuda":  # written without a GPU at hand: unmeasured
            torch.cuda.reset_peak_memory_stats(device)
        call()
        answers.send(("done", _found(base, device)))
    except (MemoryError, torch.OutOfMemoryError) as error:
        answers.send(("full", f"out of memory: {error}"[:200]))
    except BenchError as error:
        answers.send(("failed", (type(error), str(error)) if _plain(error) else (ClipError, str(error))))
    except Exception as error:  # noqa: BLE001 - a method is anyone's code: whatever it raises is told in one sentence
        full = "allocate memory" in str(error)  # torch's CPU allocator raises a plain RuntimeError
        answers.send(("full", "out of memory") if full else ("failed", (ClipError, f"{type(error).__name__}: {error}")))


def _plain(error: BenchError) -> bool:
    return type(error).__init__ is Exception.__init__


def _found(base_mib: float, device: str) -> Peak:
    import torch

    if torch.device(device).type == "cuda":
        allocated, reserved = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
        return Peak(allocated / MIB, base_mib, reserved / MIB)
    return Peak(max(0.0, highest_mib() - base_mib), base_mib)


def resident_mib() -> float:
    """The memory that this process occupies now."""
    return float(psutil.Process().memory_info().rss) / MIB


def highest_mib() -> float:
    """The most that this process has occupied."""
    for line in _status().splitlines():
        if line.startswith("VmHWM:"):  # resident high-water mark, which unlike getrusage's can be reset
            return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / MIB
    import resource

    # bytes on macOS, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def _status() -> str:
    path = Path("/proc/self/status")
    return path.read_text() if path.is_file() else ""


def _forget_peak() -> None:
    """Let the system's high-water mark start again from here, where it can."""
    path = Path("/proc/self/clear_refs")
    try:
        if path.exists():
            path.write_text("5")  # proc(5): resets VmHWM and nothing else
    except OSError:
        return  # the mark then includes the imports' own peak, which is lower than a network's


def _tree_mib(pid: int) -> float:
    """The memory of a process and its children now; 0 when it has ended."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(float(member.memory_info().rss) for member in family) / MIB
    except psutil.Error:
        return 0.0
