"""The authors' checkpoint of VideoINR (442 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys, zsm_rules

from .model import VideoINR

KEYS = AuthorsKeys(
    "VideoINR",
    VideoINR,
    [
        (r"^nets\.feature\.", "feat_imnet."),
        (r"^nets\.flow\.", "flow_imnet."),
        (r"^nets\.colour\.", "encode_imnet."),
        (r"^encoder\.", ""),
        *zsm_rules(),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
