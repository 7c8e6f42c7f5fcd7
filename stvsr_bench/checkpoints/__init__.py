"""The weights clinic: reads checkpoints that may be hostile, says whose they are, keeps them by SHA-256."""

from stvsr_bench.checkpoints.cache import Entry, add, entries, find, folder, keep, verify
from stvsr_bench.checkpoints.loading import State, fingerprint, load_state, sha256
from stvsr_bench.checkpoints.match import Candidate, Dialect, Fit, compare, identify

__all__ = [
    "Candidate",
    "Dialect",
    "Entry",
    "Fit",
    "State",
    "add",
    "compare",
    "entries",
    "find",
    "fingerprint",
    "folder",
    "identify",
    "keep",
    "load_state",
    "sha256",
    "verify",
]
