"""Many clips read and looked at, a few at a time, in order; a clip that cannot be read does not end it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from stvsr_bench.errors import BenchError
from stvsr_bench.schema import Clip

Result = TypeVar("Result")
Made = TypeVar("Made")


def scan(
    read: Callable[[str], Clip], names: Sequence[str], look: Callable[[Clip], Result], jobs: int = 1
) -> Iterator[tuple[str, Result | BenchError]]:
    """Each name with what `look` makes of its clip, or with the error that reading it gave."""

    def one(name: str) -> tuple[str, Result | BenchError]:
        try:
            return name, look(read(name))
        except BenchError as error:
            return name, error

    yield from ahead(one, names, jobs)


def ahead(make: Callable[[str], Made], names: Sequence[str], jobs: int = 1) -> Iterator[Made]:
    """What `make` makes of each name, in order, `jobs` at a time.

    Threads suffice: decoding, resizing, flow and compiled metrics run outside Python's lock. At most `jobs` clips and
    as many results are in memory.
    """
    if jobs <= 1:  # here, where the caller's Ctrl-C reaches it
        yield from map(make, names)
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for name in names:
                waiting.append(pool.submit(make, name))
                if len(waiting) > jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def sample(names: Sequence[str], count: int) -> list[str]:
    """At most `count` of the names, evenly spread; all of them if `count` is 0."""
    if count <= 0 or count >= len(names):
        return list(names)
    return [names[round(i * (len(names) - 1) / max(1, count - 1))] for i in range(count)]
