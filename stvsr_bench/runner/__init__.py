"""From what was asked to rows on disk: plan, execute, evaluate; score, replay, forecast and verify."""

from stvsr_bench.runner.execute import Result

__all__ = ["Result"]
