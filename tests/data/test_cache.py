"""A cache may hold anything: it is read if it is what was kept, and made again if not."""

import random

import numpy as np
import pytest

from stvsr_bench.data import cache, facts


@pytest.mark.fault("E2", "a file of the cache with flipped bits", "made again", "0")
def test_a_flipped_cache_is_the_same_or_none(tmp_path):
    lr = np.arange(300, dtype=np.uint8).reshape(3, 100)
    cache.store(tmp_path / "a.npz", lr=lr)
    whole, dice = (tmp_path / "a.npz").read_bytes(), random.Random(0)
    for _ in range(400):
        bad = bytearray(whole)
        bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        (tmp_path / "a.npz").write_bytes(bad)
        found = cache.load(tmp_path / "a.npz")
        assert found is None or "lr" not in found or np.array_equal(found["lr"], lr)


@pytest.mark.fault("E2", "a file of the cache that is another program's", "made again", "0")
@pytest.mark.parametrize(
    "about", [None, b"", b"[]", b"{}", b'{"rate": "x"}', b'{"rate": "1/0", "tick": "1", "sar": "1"}']
)
def test_foreign_facts_of_a_video_are_none(tmp_path, about):
    arrays = (
        {"other": np.zeros(3)} if about is None else {"about": np.frombuffer(about, np.uint8), "ticks": np.zeros(2)}
    )
    cache.store(tmp_path / "a.npz", **arrays)
    assert facts._load(tmp_path / "a.npz") is None
