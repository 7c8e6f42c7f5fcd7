"""Everything passed on or written down: cards, protocols, clips, methods, jobs, rows."""

from stvsr_bench.schema.row import *  # noqa: F403 - each file gets its part in the next commit
