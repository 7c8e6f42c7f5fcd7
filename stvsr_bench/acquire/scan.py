"""Many clips read and looked at, a few at a time, in order; a clip that cannot be read does not end it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from stvsr_bench.errors import BenchError
from stvsr_bench.schema import Clip

Result = TypeVar("Result")


def scan(
    read: Callable[[str], Clip], names: Sequence[str], look: Callable[[Clip], Result], jobs: int = 1
) -> Iterator[tuple[str, Result | BenchError]]:
    """Each name with what `look` makes of its clip, or with the error that reading it gave.

    Threads suffice: decoding, resizing and flow run outside Python's lock. At most `jobs` clips and as many results are
    in memory.
    """

    def one(name: str) -> Result | BenchError:
        try:
            return look(read(name))
        except BenchError as error:
            return error

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        waiting: deque[tuple[str, Future[Result | BenchError]]] = deque()
        try:
            for name in names:
                waiting.append((name, pool.submit(one, name)))
                if len(waiting) > jobs:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def sample(names: Sequence[str], count: int) -> list[str]:
    """At most `count` of the names, evenly spread; all of them if `count` is 0."""
    if count <= 0 or count >= len(names):
        return list(names)
    return [names[round(i * (len(names) - 1) / max(1, count - 1))] for i in range(count)]
