"""From what was asked to rows on disk: plan, execute, evaluate; score, replay, forecast and verify."""

from stvsr_bench.runner.execute import Result, execute, run

__all__ = ["Result", "execute", "run"]
