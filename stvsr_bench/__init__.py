"""stvsr-bench: space-time video super-resolution, measured so that numbers can be compared."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "build", "compare", "run"]

_LAZY = {"run": "stvsr_bench.runner", "build": "stvsr_bench.methods", "compare": "stvsr_bench.report.compare"}

if TYPE_CHECKING:
    from stvsr_bench.methods import build
    from stvsr_bench.report.compare import compare
    from stvsr_bench.runner.execute import run


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'stvsr_bench' has no attribute '{name}'")
