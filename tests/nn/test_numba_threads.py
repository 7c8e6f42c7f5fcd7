"""Work shared among numba's threads is the work of one thread, and a forked process does it alone."""

import multiprocessing

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn import deform

pytest.importorskip("numba")
GROUPS = 2


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def given():
    seeded = torch.Generator().manual_seed(3)
    x = torch.randn(2, 6, 9, 11, generator=seeded, dtype=torch.float64)
    head = torch.randn(2, 3 * GROUPS * 9, 9, 11, generator=seeded, dtype=torch.float64)
    return x, head


def samples():
    x, head = given()
    with torch.inference_mode():
        return deform.deform_sample(x, *deform.split_head(head, GROUPS), GROUPS)


def attended():
    x, head = given()
    key = torch.stack([x, x.flip(2), x.flip(3)], dim=1)
    heads = torch.cat([head[:1], head[:1].flip(3), head[1:], head[1:].flip(3)])  # two pictures meet each query
    with torch.inference_mode():
        return deform.attend_samples(x, key, -key, *deform.split_head(heads, GROUPS), GROUPS, 2, [0, 2])


def alone(function):
    torch.set_num_threads(1)
    return function()


@pytest.mark.parametrize("function", [samples, attended])
def test_two_threads_compute_what_one_does(function, two_threads):
    shared = function()
    assert_close(shared, alone(function), rtol=0, atol=0)


def test_offsets_inside_a_wider_channels_last_map_are_read_where_they_lie(two_threads):
    x, head = given()
    expected = samples()
    laid = head.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        assert_close(deform.deform_sample(x, *deform.split_head(laid, GROUPS), GROUPS), expected, rtol=0, atol=1e-14)


def test_some_pictures_are_chosen_among_all(two_threads):
    x, head = given()
    key = torch.stack([x, x.flip(2), x.flip(3)], dim=1)
    heads = torch.cat([head[:1], head[:1].flip(3), head[1:], head[1:].flip(3)])
    points = deform.split_head(heads, GROUPS)
    expected = deform.attend_samples_torch(x, key[:, [0, 2]], -key[:, [0, 2]], *points, GROUPS, 2)
    assert_close(attended(), expected, rtol=0, atol=1e-12)


def child(queue):
    queue.put(float(samples().sum()))


def test_a_forked_process_works_alone_and_ends(two_threads):
    expected = float(samples().sum())  # the parent's threads exist now
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == expected
    process.join(timeout=60)
    assert process.exitcode == 0
