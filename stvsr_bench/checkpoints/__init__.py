"""The weights clinic: reads checkpoints that may be hostile, says whose they are, keeps them by SHA-256."""

from stvsr_bench.checkpoints.cache import (
    Entry,
    add,
    entries,
    find,
    folder,
    keep,
    listed,
    prove,
    remove,
    remove_unused,
    unused,
    verify,
)
from stvsr_bench.checkpoints.loading import State, blob_id, fingerprint, load_state, sha256, unprefixed
from stvsr_bench.checkpoints.match import Candidate, Dialect, Fit, compare, identify
from stvsr_bench.checkpoints.trained import Trained, from_text, trained

__all__ = [
    "Candidate",
    "Dialect",
    "Entry",
    "Fit",
    "State",
    "Trained",
    "add",
    "blob_id",
    "compare",
    "entries",
    "find",
    "fingerprint",
    "folder",
    "from_text",
    "identify",
    "keep",
    "listed",
    "load_state",
    "prove",
    "remove",
    "remove_unused",
    "sha256",
    "trained",
    "unprefixed",
    "unused",
    "verify",
]
