"""Work in another thread: the same items in the same order, few at a time, errors to who waits, no thread left."""

import threading
import time
from itertools import count

import pytest

from stvsr_bench.restore.ahead import AHEAD, Behind, ahead


def threads(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def eventually(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_items_come_in_order_and_few_are_made_before_they_are_wanted():
    made = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    read = ahead(items())
    assert next(read) == 0
    # one in hand, those held, and one that waits for room
    assert eventually(lambda: len(made) == AHEAD + 2)
    time.sleep(0.15)  # longer than the maker waits before it looks again
    assert len(made) == AHEAD + 2
    assert list(read) == list(range(1, 20)) and not threads("reading")


def test_what_the_items_raise_comes_after_those_before_it():
    def items():
        yield 1
        yield 2
        raise KeyError("broken")

    seen = []
    with pytest.raises(KeyError, match="broken"):
        for item in ahead(items()):
            seen.append(item)
    assert seen == [1, 2] and not threads("reading")


def test_who_stops_early_leaves_no_thread():
    read = ahead(count())
    assert next(read) == 0 and threads("reading")
    read.close()
    assert not threads("reading")


def test_work_behind_is_done_in_order_and_waited_for():
    done = []
    writer = Behind(lambda item: (time.sleep(0.01), done.append(item)))
    for item in range(6):
        writer.put(item)
    writer.finish()
    assert done == list(range(6)) and not threads("writing")
    writer.finish()  # again: nothing to wait for


def test_an_error_of_the_work_is_raised_by_a_later_put_and_at_the_end_and_nothing_more_is_done():
    done, go = [], threading.Event()

    def work(item):
        go.wait(5)
        if item == 1:
            raise OSError("disk full")
        done.append(item)

    writer = Behind(work)
    writer.put(0)
    writer.put(1)
    go.set()
    with pytest.raises(OSError, match="disk full"):
        for item in range(2, 200):
            writer.put(item)
            time.sleep(0.001)
    with pytest.raises(OSError, match="disk full"):
        writer.finish()
    assert done == [0] and not threads("writing")


def test_no_more_waits_for_the_work_than_is_held():
    go, put = threading.Event(), []
    writer = Behind(lambda item: go.wait(5))

    def feed():
        for item in range(8):
            writer.put(item)
            put.append(item)

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert eventually(lambda: len(put) == AHEAD + 1)  # one is worked on
    time.sleep(0.05)
    assert len(put) == AHEAD + 1
    go.set()
    feeder.join(5)
    writer.finish()
    assert len(put) == 8
