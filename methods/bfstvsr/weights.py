"""The authors' checkpoints of BF-STVSR (678 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys, zsm_rules

from .model import BfStvsr

KEYS = AuthorsKeys(
    "BF-STVSR",
    BfStvsr,
    [
        (r"^(motion|texture)\.siren\.", r"\1."),
        (r"^motion\.", "flow_imnet."),
        (r"^texture\.", "imnet."),
        *zsm_rules("encoder."),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
