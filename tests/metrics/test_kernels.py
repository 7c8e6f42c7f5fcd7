"""When the compiled kernels are used."""

import subprocess
import sys

import pytest

from stvsr_bench.metrics import kernels

CODE = "from stvsr_bench.metrics import kernels; import sys; print(kernels.name(), 'numba' in sys.modules)"


def run(code, **environment):
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout.split()


def test_the_kernels_can_be_switched_off_and_numba_is_not_even_loaded():
    assert run(CODE, STVSR_BENCH_NUMBA="0") == ["opencv", "False"]


def test_without_numba_everything_runs_on_opencv():
    absent = "import sys; sys.modules['numba'] = None; " + CODE.replace("'numba' in sys.modules", "''")
    assert run(absent) == ["opencv"]


def test_with_numba_the_kernels_are_used():
    pytest.importorskip("numba")
    assert kernels.name() == "numba"
