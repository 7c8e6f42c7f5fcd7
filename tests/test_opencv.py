"""OpenCV's portable path: what was switched off is as it was afterwards, whatever happens inside, in every thread."""

import threading

import cv2
import pytest

from stvsr_bench.opencv import portable


def switches():
    return cv2.useOptimized(), cv2.ipp.useIPP(), cv2.ocl.useOpenCL()


@pytest.fixture(autouse=True)
def as_before():
    optimized, ipp, opencl = switches()
    yield
    cv2.setUseOptimized(optimized)
    cv2.ipp.setUseIPP(ipp)
    cv2.ocl.setUseOpenCL(opencl)


@pytest.mark.parametrize(("optimized", "ipp"), [(True, True), (True, False), (False, False), (False, True)])
def test_all_three_switches_are_given_back_also_when_the_body_raises(optimized, ipp):
    cv2.setUseOptimized(optimized)
    cv2.ipp.setUseIPP(ipp)
    before = switches()
    with portable():
        assert switches() == (False, False, False)
    assert switches() == before
    with pytest.raises(ZeroDivisionError), portable():
        raise ZeroDivisionError
    assert switches() == before


def test_an_inner_context_does_not_end_the_outer_one():
    before = switches()
    with portable():
        with portable():
            pass
        assert switches() == (False, False, False)
    assert switches() == before


def test_a_thread_that_leaves_takes_the_portable_path_from_no_other():
    """Two threads overlap in every order of leaving: each computes portably, and each is left as it began."""
    before = switches()
    for first_leaves_first in (True, False):
        entered, leave = [threading.Event() for _ in range(2)], [threading.Event() for _ in range(2)]
        inside, after = [None, None], [None, None]

        def work(own, entered=entered, leave=leave, inside=inside, after=after):
            with portable():
                entered[own].set()
                leave[own].wait(10)
                inside[own] = switches()
            after[own] = switches()

        threads = [threading.Thread(target=work, args=(own,)) for own in range(2)]
        for own, thread in enumerate(threads):
            thread.start()
            assert entered[own].wait(10)
        for own in (0, 1) if first_leaves_first else (1, 0):
            leave[own].set()
            threads[own].join(10)
        assert inside == [(False, False, False)] * 2
        assert switches() == before
        assert after[1 if first_leaves_first else 0] == before, "the last one to leave switches the path back on"


def test_many_threads_and_failures_leave_nothing_behind():
    before = switches()

    def work(number):
        for turn in range(50):
            try:
                with portable():
                    assert not cv2.useOptimized() and not cv2.ipp.useIPP()
                    if (turn + number) % 3 == 0:
                        raise ValueError
            except ValueError:
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert switches() == before
