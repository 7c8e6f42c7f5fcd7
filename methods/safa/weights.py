"""The authors' checkpoint of SAFA (275 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys

from .model import Safa

KEYS = AuthorsKeys(
    "SAFA",
    Safa,
    [
        (r"^head\.", "block.convimg."),
        (r"^merge\.", "block.shuffle."),
        (r"^bodies\.", "block.convblock."),
        (r"^step\.", "block.convflow."),
        (r"^choose\.", "block.getscale."),
        (r"^correct\.", "lastconv."),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
