import pytest

from stvsr_bench import compiling
from stvsr_bench.data import compiled


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
