"""How much memory a network needs, measured in a fresh process, where nothing else has been allocated or cached.

On the CPU: the highest resident size less the resident size after the imports, so weights, clip, activations and code
compiled on the way count, and the libraries do not. On a GPU: what torch allocated and reserved at most. No limit of
time: the first call of a network compiles, and how long that takes says nothing of the network.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import torch

from stvsr_bench.errors import BenchError, ClipError

MIB = 1024 * 1024
POLL_S = 0.02  # between two looks at its children; the process itself is asked for its own high-water mark
Load = Callable[[], None]  # imports what the work needs
Work = Callable[[], Callable[[], Any]]  # builds the network, gives the call to measure


@dataclass(frozen=True)
class Peak:
    """Mebibytes. `fits` is False where the limit was passed or the process ran out of memory."""

    mib: float = 0.0
    import_mib: float = 0.0
    reserved_mib: float | None = None
    fits: bool = True
    why: str = ""


def peak(load: Load, work: Work, device: str = "cpu", limit_mib: float = 0) -> Peak:
    """The peak of one call beyond the imports. Both functions are pickled into a process of their own.

    A process that is seen above `limit_mib` (0 = none) is stopped. A peak that nobody saw is compared with the limit
    all the same; on CUDA what torch reserved is, and nothing is stopped before its end.

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
        # what the process takes beside a GPU's memory (the driver's context, above all) is not what is limited
        seen_mib = limit_mib if torch.device(device).type != "cuda" else 0
        return _within(_watch(process.pid or 0, ours, seen_mib), limit_mib)
    finally:
        ours.close()
        process.terminate()
        process.join(5)
        if process.is_alive():
            process.kill()


def _watch(pid: int, answers: Connection, limit_mib: float) -> Peak:
    """Poll the process and its children until it answers, ends or passes the limit."""
    base, highest = 0.0, 0.0
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
            return Peak(highest - base, base, fits=False, why=_above(limit_mib))


def _within(found: Peak, limit_mib: float) -> Peak:
    """The peak, which does not fit where it is above the limit: it may have been there between two looks only."""
    needed = found.mib if found.reserved_mib is None else found.reserved_mib
    if not found.fits or not limit_mib or needed <= limit_mib:
        return found
    return replace(found, fits=False, why=_above(limit_mib))


def _above(limit_mib: float) -> str:
    return f"more than {limit_mib:.0f} MiB"


def _answer(word: str, value: Any, polled_mib: float) -> Peak:
    if word == "failed":
        kind, sentence = value
        raise (kind if issubclass(kind, BenchError) else ClipError)(sentence)
    if word == "full":
        return Peak(fits=False, why=value)
    assert isinstance(value, Peak)
    # children that have ended (a method in a process of its own) were seen by polling only
    return value if value.reserved_mib is not None or polled_mib <= value.mib else replace(value, mib=polled_mib)


def _serve(answers: Connection, load: Load, work: Work, device: str) -> None:
    """The fresh process: import, note the size, build and run, note the highest size."""
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
    if torch.device(device).type == "cuda":
        allocated, reserved = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
        return Peak(allocated / MIB, base_mib, reserved / MIB)
    # the marks of a method's own process beside ours: at most what both took at one time, and between two looks too
    children = sum(highest_mib(child.pid) for child in psutil.Process().children(recursive=True))
    return Peak(max(0.0, highest_mib() + children - base_mib), base_mib)


def free_mib(device: str) -> float:
    """The memory that is free for a network: of the GPU, or of the machine."""
    if torch.device(device).type == "cuda":  # written without a GPU at hand: unmeasured
        return float(torch.cuda.mem_get_info(device)[0]) / MIB
    return float(psutil.virtual_memory().available) / MIB


def resident_mib() -> float:
    """The memory that this process occupies now."""
    return float(psutil.Process().memory_info().rss) / MIB


def highest_mib(pid: int | None = None) -> float:
    """The most that this process, or another one, has occupied; 0 for another one where the system does not tell."""
    for line in _status(pid).splitlines():
        if line.startswith("VmHWM:"):  # resident high-water mark, which unlike getrusage's can be reset
            return int(line.split()[1]) / 1024
    if pid is not None:
        return 0.0
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / MIB
    import resource

    # bytes on macOS, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def _status(pid: int | None) -> str:
    try:
        return Path(f"/proc/{pid or 'self'}/status").read_text()
    except OSError:  # no such file on other systems; a child that has just ended
        return ""


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
