"""The Python API: `stvsr_bench.run`, `method`, `build`, `compare`, and the `Result` of a run for notebooks."""

from stvsr_bench.notebook.own import Own, method
from stvsr_bench.notebook.result import Result
from stvsr_bench.notebook.running import build, run

__all__ = ["Own", "Result", "build", "method", "run"]
