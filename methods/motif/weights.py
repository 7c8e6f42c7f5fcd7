"""The authors' checkpoint of MoTIF (698 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys, zsm_rules

from .model import Motif

KEYS = AuthorsKeys(
    "MoTIF",
    Motif,
    [
        (r"^motion_encoder\.", "flow_process."),
        (r"^motion_net\.", "flow_imnet."),
        (r"^texture_net\.", "imnet."),
        *zsm_rules("encoder."),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
