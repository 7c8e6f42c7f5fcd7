import pytest

from stvsr_bench.data import compiled


@pytest.fixture(autouse=True)
def fresh():
    compiled.function.cache_clear()
    yield
    compiled.function.cache_clear()


def test_the_compiled_functions_are_found_where_numba_is(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.delenv("STVSR_BENCH_NUMBA", raising=False)
    assert compiled.function("quarter", "resize") is not None
    assert compiled.function("unfilter", "rgb") is not None


def test_they_are_not_used_where_switched_off(monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_NUMBA", "0")
    assert compiled.function("quarter", "resize") is None


@pytest.mark.parametrize("error", [ImportError("no numba"), RuntimeError("cannot cache function: no locator")])
def test_a_numba_that_is_missing_or_cannot_keep_its_code_is_done_without(monkeypatch, error):
    def broken(name):
        raise error

    monkeypatch.delenv("STVSR_BENCH_NUMBA", raising=False)
    monkeypatch.setattr(compiled, "import_module", broken)
    assert compiled.function("quarter", "resize") is None
