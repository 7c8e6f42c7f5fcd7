"""The authors' checkpoints of BasicVSR (316 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys

from .model import BasicVsr

KEYS = AuthorsKeys(
    "BasicVSR",
    BasicVsr,
    [
        (r"^flow\.levels\.(\d)\.", r"spynet.basic_module.\1.basic_module."),
        (r"^flow\.", "spynet."),
        (r"^(backward|forward)_\.enter\.", r"\1_trunk.main.0."),
        (r"^(backward|forward)_\.blocks\.", r"\1_trunk.main.2."),
        (r"^fuse\.", "fusion."),
        (r"^tail\.up", "upconv"),
        (r"^tail\.refine\.", "conv_hr."),
        (r"^tail\.last\.", "conv_last."),
    ],
)
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
