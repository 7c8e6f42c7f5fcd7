"""stvsr-bench: space-time video super-resolution, measured so that numbers can be compared."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "build", "compare", "method", "run"]

_LAZY = {
    "run": "stvsr_bench.notebook",
    "method": "stvsr_bench.notebook",
    "build": "stvsr_bench.notebook",
    "compare": "stvsr_bench.report.compare",
}

if TYPE_CHECKING:
    from stvsr_bench.notebook import build, method, run
    from stvsr_bench.report.compare import compare


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'stvsr_bench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
