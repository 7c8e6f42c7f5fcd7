"""The authors' key names of DAT-light, and ours."""

import re
from collections.abc import Mapping

from torch import Tensor

from stvsr_bench.errors import WeightsError

# buffers that follow from the window's size; ours are computed
_COMPUTED = re.compile(
    r"layers\.0\.blocks\.\d+\.attn\.(attn_mask_[01]|attns\.[01]\.(rpe_biases|relative_position_index))"
)

_RENAMED = [
    (re.compile(pattern), ours)
    for pattern, ours in (
        (r"conv_first\.", "head."),
        (r"before_RG\.1\.", "enter."),
        (r"layers\.0\.blocks\.", "blocks."),
        (r"layers\.0\.conv\.", "group_tail."),
        (r"norm\.", "leave."),
        (r"conv_after_body\.", "body_tail."),
        (r"upsample\.", "upscale."),
    )
]
_INSIDE = {
    ".attn.attns.": ".attention.bias.",
    ".attn.": ".attention.",
    ".pos.pos_proj.": ".enter.",
    ".pos.pos": ".layer",
    ".proj.": ".project.",
    ".dwconv.": ".local.",
    ".channel_interaction.": ".channel_gate.",
    ".spatial_interaction.": ".space_gate.",
    ".ffn.fc1.": ".feed.widen.",
    ".ffn.sg.norm.": ".feed.norm.",
    ".ffn.sg.conv.": ".feed.spread.",
    ".ffn.fc2.": ".feed.narrow.",
}


def from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `model.DatLight`.

    Raises:
        WeightsError: a key is none of DAT-light's.
    """
    return {_ours(key): tensor for key, tensor in state.items() if not _COMPUTED.fullmatch(key)}


def _ours(key: str) -> str:
    for pattern, ours in _RENAMED:
        match = pattern.match(key)
        if match:
            renamed = ours + key[match.end() :]
            for theirs, inside in _INSIDE.items():
                renamed = renamed.replace(theirs, inside)
            return renamed
    raise WeightsError(f"dat-light: '{key[:80]}' is no key of a DAT-light network")
