"""Numba decides how fast the suite is and nothing else: broken, without a folder, a full disk, damaged files."""

import builtins
import importlib.util

import pytest

from stvsr_bench import compiling, notes
from stvsr_bench.data import compiled
from stvsr_bench.metrics import kernels as of_metrics
from stvsr_bench.nn import kernels as of_networks

numba = pytest.importorskip("numba")
MODULE = """
from stvsr_bench.compiling import compiled

@compiled()
def twice(x):
    return 2 * x
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    said = []
    monkeypatch.setattr(notes, "_hear", [said.append])
    monkeypatch.setattr(notes, "_said", set())
    compiling.usable.cache_clear()
    compiled.function.cache_clear()
    yield said
    compiling.usable.cache_clear()
    compiled.function.cache_clear()


@pytest.fixture
def process(tmp_path, monkeypatch):
    """A module that compiles a function, loaded as a new process would: the function."""
    path = tmp_path / "code" / "module_of_test.py"
    path.parent.mkdir()
    path.write_text(MODULE)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))

    def load():
        spec = importlib.util.spec_from_file_location("module_of_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.twice

    return load


def was_read(function):
    """Whether its code came from the disk."""
    hits, misses = sum(function.stats.cache_hits.values()), sum(function.stats.cache_misses.values())
    assert hits + misses == 1
    return hits == 1


@pytest.mark.fault("E1", "numba is installed and cannot be used", "one note; slower code computes", "0")
@pytest.mark.parametrize("error", [ImportError("Numba needs NumPy 2.3 or less"), OSError("libllvm.so"), SystemError()])
def test_a_broken_numba_is_done_without_and_said_once(error, fresh, monkeypatch):
    real = builtins.__import__

    def broken(name, *rest):
        if name == "numba" or name.startswith("numba."):
            raise error
        return real(name, *rest)

    monkeypatch.delenv("STVSR_BENCH_NUMBA", raising=False)
    monkeypatch.setattr(builtins, "__import__", broken)
    assert not of_metrics.available()
    assert compiled.function("quarter", "resize") is None and of_networks.backend() == "torch"
    (sentence,) = fresh
    assert type(error).__name__ in sentence and "slower code computes the same" in sentence


@pytest.mark.parametrize("switch", ["0", "1"])
def test_one_switch_turns_all_compiled_code_off(switch, fresh, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_NUMBA", switch)
    on = switch == "1"
    assert of_metrics.available() is on and (of_networks.backend() == "numba") is on
    assert (compiled.function("unfilter", "rgb") is not None) is on and fresh == []


@pytest.mark.fault("E1", "no folder where numba may keep compiled code", "one note; measured all the same", "0")
def test_where_nothing_can_be_kept_each_process_compiles_and_says_so(tmp_path, process, fresh, monkeypatch):
    (tmp_path / "kept").write_text("a file, so that no folder can be made here")
    (tmp_path / "code" / "__pycache__").write_text("")
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    for folder in (str(tmp_path / "kept"), ""):
        monkeypatch.setattr(numba.config, "CACHE_DIR", folder)
        notes.forget()
        function, other = process(), process()
        assert function(21) == other(21) == 42
        compiling.compiled()(_thrice)
    assert len(fresh) == 2 and all("compiled code cannot be kept" in said for said in fresh)


def test_what_was_compiled_is_read_by_the_next_process(process, fresh):
    assert process()(21) == 42
    function = process()
    assert function(21) == 42 and was_read(function) and fresh == []


def test_compiled_code_that_cannot_be_read_for_a_moment_stays(tmp_path, process, fresh, monkeypatch):
    assert process()(21) == 42
    whole = {file: file.read_bytes() for file in (tmp_path / "kept").rglob("*-sum.*")}
    assert len(whole) > 1

    def away(*_):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as broken:
        broken.setattr("numba.core.caching.IndexDataCacheFile._load_index", away)
        broken.setattr("numba.core.caching.IndexDataCacheFile._save_index", away)
        assert process()(21) == 42
    assert {file: file.read_bytes() for file in whole} == whole
    function = process()
    assert function(21) == 42 and was_read(function)


@pytest.mark.fault("E1", "compiled code on disk is empty, cut short, flipped or of other arguments", "made anew", "0")
def test_damaged_compiled_code_is_compiled_again_and_never_run(tmp_path, process, fresh):
    function = process()
    assert (function(21), function(2.5)) == (42, 5)
    whole = {file: file.read_bytes() for file in (tmp_path / "kept").rglob("*-sum.*")}
    index, first, second = sorted(whole, key=lambda file: (file.suffix != ".nbi", file.name))

    def flipped(data, at):
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    cases = [(file, bad) for file in (index, first) for bad in (b"", whole[file][: len(whole[file]) // 2])]
    cases += [(first, flipped(whole[first], at)) for at in (5, 100, len(whole[first]) // 2)]
    cases += [(first, whole[second]), (index, b"\x80\x05"), (index, b"junk"), (first, b"junk" * 100)]
    for file, bad in cases:
        for path, before in whole.items():
            path.write_bytes(before)
        file.write_bytes(bad)
        function, later = process(), process()
        assert function(21) == later(21) == 42
        assert not was_read(function) and was_read(later), "damage is mended for the next process"
    assert fresh == []


def test_a_disk_that_is_full_costs_time_and_no_call(tmp_path, fresh, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_index", full)
    assert compiling.compiled()(_thrice)(3) == 9
    (sentence,) = fresh
    assert "compiled code cannot be kept (No space left on device)" in sentence


def _thrice(x):
    return 3 * x
