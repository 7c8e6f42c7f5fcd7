"""Whether the compiled kernels (`fused.py`) are used: they need numba and give the same numbers faster.

Part of the extra `fast`; `STVSR_BENCH_NUMBA=0` switches them off.
"""

from stvsr_bench import compiling


def available() -> bool:
    """Whether the kernels can be used here and are not switched off."""
    return compiling.usable()


def name() -> str:
    """What computes PSNR and SSIM in this process: `numba` or `opencv`."""
    return "numba" if available() else "opencv"
