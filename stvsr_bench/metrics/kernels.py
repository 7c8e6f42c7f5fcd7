"""Whether the compiled kernels (`fused.py`) are used: they need numba and give the same numbers faster.

Install with `pip install 'stvsr-bench[fast]'`; `STVSR_BENCH_NUMBA=0` switches them off.
"""

import os
from functools import lru_cache
from importlib import import_module


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether the kernels can be used here and are not switched off."""
    if os.environ.get("STVSR_BENCH_NUMBA") == "0":
        return False
    try:
        import_module("stvsr_bench.metrics.fused")
    except (ImportError, RuntimeError):  # no numba, or one that finds no folder to keep compiled code in
        return False
    return True


def name() -> str:
    """What computes PSNR and SSIM in this process: `numba` or `opencv`."""
    return "numba" if available() else "opencv"
