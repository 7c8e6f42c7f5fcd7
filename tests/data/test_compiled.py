import numpy as np
import pytest

from stvsr_bench import compiling
from stvsr_bench.data import compiled, degrade, frames


@pytest.fixture(autouse=True)
def fresh():
    compiled.function.cache_clear()
    compiling.usable.cache_clear()
    yield
    compiled.function.cache_clear()
    compiling.usable.cache_clear()


def test_the_compiled_functions_are_found_where_numba_is(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.delenv("STVSR_BENCH_NUMBA", raising=False)
    assert compiled.function("quarter", "resize") is not None
    assert compiled.function("unfilter", "rgb") is not None


def test_they_are_not_used_where_switched_off(monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_NUMBA", "0")
    assert compiled.function("quarter", "resize") is None


def by_numpy(monkeypatch, work):
    """What the twin of the kernels computes."""
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "function", lambda module, name: None)
        return work()


def values_around_every_tie():
    """Frames whose values lie on, just below and just above each place where rounding decides, and outside [0, 1]."""
    ties = (np.arange(256, dtype=np.float64) + 0.5) / 255
    near = [np.nextafter(ties.astype(np.float32), np.float32(way)) for way in (-1, 2)]
    outside = np.array([-1e9, -0.25, -0.0, 1.0, 1.001, 2.0, 1e9], np.float32)
    every = np.concatenate([ties.astype(np.float32), *near, outside, np.arange(256, dtype=np.float32) / 255])
    return np.resize(every, (2, 3, 24, 32))


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "as plain Python"])
def test_levels_and_frames_are_equal_to_the_bit_with_numba_and_without(monkeypatch, plain):
    pytest.importorskip("numba")
    from stvsr_bench.data import levels

    for name in ("spread", "round") if plain else ():
        monkeypatch.setattr(levels, f"_{name}", getattr(levels, f"_{name}_plain"))
    values = values_around_every_tie()
    wanted = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    cut = np.pad(values, ((0, 0), (0, 0), (0, 3), (0, 5)))[..., :24, :32]  # its rows are not one run of memory
    for of in (values, cut):
        np.testing.assert_array_equal(degrade._as_bytes(of), wanted)
        np.testing.assert_array_equal(by_numpy(monkeypatch, lambda of=of: degrade._as_bytes(of)), wanted)
    pictures = np.arange(2 * 20 * 24 * 3, dtype=np.uint8).reshape(2, 20, 24, 3)
    wanted = (pictures / np.float32(255)).astype(np.float32).transpose(0, 3, 1, 2)
    for of in (pictures, np.ascontiguousarray(pictures[..., ::-1])[..., ::-1]):
        assert frames.from_bytes(of).tobytes() == np.ascontiguousarray(wanted).tobytes()
        assert by_numpy(monkeypatch, lambda of=of: frames.from_bytes(of)).tobytes() == frames.from_bytes(of).tobytes()
