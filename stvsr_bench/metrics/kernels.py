"""Whether the compiled kernels (`fused.py`) are used: they need numba and give the same numbers faster.

Install with `pip install 'stvsr-bench[fast]'`; `STVSR_BENCH_NUMBA=0` switches them off.
"""

import os
from functools import lru_cache


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether numba can be imported here and is not switched off."""
    if os.environ.get("STVSR_BENCH_NUMBA") == "0":
        return False
    try:
        import numba
    except ImportError:
        return False
    return bool(numba.__version__)


def name() -> str:
    """What computes PSNR and SSIM in this process: `numba` or `opencv`."""
    return "numba" if available() else "opencv"
