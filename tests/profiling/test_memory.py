"""Peak memory in a fresh process, and how a process that takes too much is stopped."""

import functools
import subprocess
import sys

import pytest
import torch

from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.profiling import memory

KEPT = []


def load():
    torch.zeros(1)


def take(mib):
    """Work that fills `mib` mebibytes and holds them until it returns."""
    return functools.partial(_fill, mib)


def _fill(mib):
    return torch.ones(mib, 1024, 256).sum()  # 1 MiB of float32 a row


def refuse():
    raise UsageError("stdan takes sides that are multiples of 8")


def stumble():
    return functools.partial(_divide, 0)


def _divide(by):
    return 1 // by


def test_what_a_call_holds_is_measured_and_the_imports_are_not():
    found = memory.peak(load, functools.partial(take, 300))
    assert 295 < found.mib < 345
    assert found.import_mib > 50 and found.fits


def test_a_process_that_passes_its_limit_is_stopped_and_does_not_fit():
    found = memory.peak(load, functools.partial(take, 3000), limit_mib=200)
    assert not found.fits and "200 MiB" in found.why


def test_a_peak_that_nobody_saw_is_compared_with_the_limit(monkeypatch):
    monkeypatch.setattr(memory, "POLL_S", 60.0)  # the answer comes before the first look
    above = memory.peak(load, functools.partial(take, 150), limit_mib=100)
    assert not above.fits and above.why == "more than 100 MiB" and 145 < above.mib < 195


def test_a_peak_of_a_methods_own_process_that_nobody_saw_counts(monkeypatch):
    monkeypatch.setattr(memory, "POLL_S", 60.0)
    found = memory.peak(load, own_process, limit_mib=150)
    assert not found.fits and 195 < found.mib < 290


def own_process():
    return _fill_and_forget


def _fill_and_forget():
    words = "taken = bytearray(b'1') * (200 << 20); del taken; print('done', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    KEPT.append(child)  # as a method's process, it lives on after its answer
    child.stdout.readline()


@pytest.mark.parametrize(("reserved", "fits"), [(99.0, True), (101.0, False)])
def test_on_a_gpu_what_is_reserved_must_fit(reserved, fits):
    found = memory._within(memory.Peak(50.0, 10.0, reserved), 100)
    assert found.fits is fits and found.mib == 50 and bool(found.why) is not fits


def test_a_users_mistake_keeps_its_kind_and_words():
    with pytest.raises(UsageError, match="multiples of 8"):
        memory.peak(load, refuse)


def test_whatever_a_method_raises_is_one_sentence():
    with pytest.raises(ClipError, match="ZeroDivisionError"):
        memory.peak(load, stumble)
