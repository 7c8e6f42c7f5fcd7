"""Work that runs beside the network: reading ahead of it, writing behind it. Few items are held at a time."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
AHEAD = 2  # items held between two threads: frames of 4K are 100 MB


class _End:
    """After the last item: what ended it, if it was an error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, made in another thread a little before they are wanted."""
    held: queue.Queue[Item | _End] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stopped.is_set():
            try:
                held.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:  # noqa: BLE001 - handed to who wants the items
            put(_End(error))

    maker = threading.Thread(target=make, daemon=True, name="reading")
    maker.start()
    try:
        while True:
            item = held.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        maker.join()


class Behind(Generic[Item]):
    """Calls a function with each item that is put, in order, in another thread; its error is raised by the next put."""

    def __init__(self, work: Callable[[Item], None]) -> None:
        self._work = work
        self._held: queue.Queue[Item | _End] = queue.Queue(AHEAD)
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._run, daemon=True, name="writing")
        self._worker.start()

    def put(self, item: Item) -> None:
        """Hand over an item, once there is room.

        Raises:
            BaseException: what the work on an earlier one raised.
        """
        self._held.put(item)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait until all is done.

        Raises:
            BaseException: what the work on an item raised.
        """
        if self._worker.is_alive():
            self._held.put(_End())
            self._worker.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not isinstance(item := self._held.get(), _End):
            if self._error is None:  # after an error the queue is emptied, so that nobody waits for room
                try:
                    self._work(item)
                except BaseException as error:  # noqa: BLE001 - raised by the next put
                    self._error = error
