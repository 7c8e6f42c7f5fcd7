"""The authors' checkpoints of TMNet (482 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys, zsm_rules

from .model import TMNet

KEYS = AuthorsKeys(
    "TMNet",
    TMNet,
    [
        (r"^compare\.past_offset\.", "layersAtBOffset."),
        (r"^compare\.past\.", "layersAtB."),
        (r"^compare\.future_offset\.", "layersCtBOffset."),
        (r"^compare\.future\.", "layersCtB."),
        (r"^compare\.fuse\.", "layersFusion."),
        *zsm_rules(),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
