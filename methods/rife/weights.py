"""The authors' key names of RIFE 4.0's flow network, and ours."""

import re
from collections.abc import Mapping

from torch import Tensor

from stvsr_bench.errors import WeightsError

# block0.conv0.1.0.weight: block, part, layer in the part, then convolution (0) or PReLU (1)
_KEY = re.compile(r"block(?P<block>[0-3])\.(?P<part>conv0|convblock|lastconv)\.(?P<rest>.+)")
_PARTS = {"conv0": "enter", "convblock": "trunk", "lastconv": "leave"}
# parts of training that inference does not use: the teacher, and the refinement that version 4 leaves out
_UNUSED = ("block_tea.", "contextnet.", "unet.")


def from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `model.Rife`; what only training uses is dropped.

    Raises:
        WeightsError: a key is none of RIFE 4.0's.
    """
    ours = {}
    for key, tensor in state.items():
        bare = key.removeprefix("module.")
        if bare.startswith(_UNUSED):
            continue
        match = _KEY.fullmatch(bare)
        if match is None:
            raise WeightsError(f"rife: '{key[:80]}' is no key of a RIFE 4.0 flow network")
        ours[f"blocks.{match['block']}.{_PARTS[match['part']]}.{match['rest']}"] = tensor
    return ours
