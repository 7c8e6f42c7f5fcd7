"""Peak memory in a fresh process, and how a process that takes too much is stopped."""

import functools

import pytest
import torch

from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.profiling import memory


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


def test_a_users_mistake_keeps_its_kind_and_words():
    with pytest.raises(UsageError, match="multiples of 8"):
        memory.peak(load, refuse)


def test_whatever_a_method_raises_is_one_sentence():
    with pytest.raises(ClipError, match="ZeroDivisionError"):
        memory.peak(load, stumble)
