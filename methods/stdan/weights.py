"""The authors' checkpoint of STDAN (914 tensors, 72 of them constant buffers) under our names, and back."""

import re
from collections.abc import Mapping

from torch import Tensor

from stvsr_bench.errors import WeightsError
from stvsr_bench.nn.keys import AuthorsKeys, Rule, align_rules
from stvsr_bench.nn.window_attention import relative_index, shift_mask

from .body import SHIFT, WINDOW
from .model import STDAN

STORED_SIDE = 32  # the authors store the shift mask of a 32x32 map

BODY: list[Rule] = [
    (r"^extract\.", "feature_extraction."),
    (r"^restore\.", "feature_recon."),
    (r"^(feature_\w+)\.enter\.", r"\1.conv_first."),
    (r"^(feature_\w+)\.norm_in\.", r"\1.patch_embed.norm."),
    (r"^(feature_\w+)\.norm_out\.", r"\1.norm."),
    (r"^(feature_\w+)\.join\.", r"\1.conv_after_body."),
    (r"^(feature_\w+)\.leave\.", r"\1.conv_last."),
    (r"\.stages\.(\d+)\.blocks\.", r".layers.\1.residual_group.blocks."),
    (r"\.stages\.", ".layers."),
    (r"\.attention\.bias_table$", ".attn.relative_position_bias_table"),
    (r"\.attention\.", ".attn."),
    (r"\.expand\.", ".mlp.fc1."),
    (r"\.shrink\.", ".mlp.fc2."),
]
AGGREGATE: list[Rule] = [
    (r"^aggregate\.enter\.", "stdfa.conv_first."),
    (r"^aggregate\.leave\.", "stdfa.conv_last."),
    (r"^aggregate\.(query|key|value)\.", r"stdfa.qkv_maps.\1."),
    (r"\.query\.", ".w_qs."),
    (r"\.key\.", ".w_ks."),
    (r"\.value\.", ".w_vs."),
    (r"^aggregate\.offset(\d)\.", r"stdfa.deformable_corr.offset_conv\1."),
    (r"^aggregate\.head\.", "stdfa.deformable_corr.dcn_attention.conv_offset_mask."),
]
INTERPOLATE: list[Rule] = [
    (r"^interpolate\.merge\.", "fusion_f_b."),
    (r"^interpolate\.mix\.", "pcd_align_modified.fusion_1x1."),
    (r"^interpolate\.hidden(\d)\.", r"pcd_align_modified.conv_h\1."),
    (r"^interpolate\.fuse\.", "pcd_align_modified.fusion."),
    (r"^interpolate\.align\.", "pcd_align_modified."),
    (r"^interpolate\.recall\.fuse\.", "pcd_align_modified.pcd_h.fusion."),
    (r"^interpolate\.recall\.align\.", "pcd_align_modified.pcd_h.pcd_align."),
    (r"^interpolate\.recall\.", "pcd_align_modified.pcd_h."),
]
ENDS: list[Rule] = [
    (r"^first\.", "conv_first."),
    (r"^before\.", "conv_before_upsample.0."),
    (r"^up1\.", "upsample.0."),
    (r"^up2\.", "upsample.2."),
    (r"^last\.", "conv_last."),
]
KEYS = AuthorsKeys("STDAN", STDAN, [*BODY, *AGGREGATE, *INTERPOLATE, *ENDS, *align_rules("conv_offset")])
BLOCK = re.compile(r"(feature_\w+\.layers\.\d+\.residual_group\.blocks\.(\d+)\.)norm1\.weight$")


def from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict under our names; their buffers are checked and left behind."""
    given = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    for key, wanted in buffers().items():
        if key not in given:
            raise WeightsError(f"these are not the authors' weights of STDAN: the buffer '{key}' is missing")
        if given[key].shape != wanted.shape:
            shapes = f"{tuple(given[key].shape)}, not {tuple(wanted.shape)}"
            raise WeightsError(f"these are not the authors' weights of STDAN: '{key}' has shape {shapes}")
        del given[key]
    return KEYS.from_authors(given)


def to_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict under the authors' names with their buffers, for their code to load strictly."""
    return {**KEYS.to_authors(state), **buffers()}


def buffers() -> dict[str, Tensor]:
    """The 72 constant tensors of the authors' state dict."""
    found: dict[str, Tensor] = {}
    for key in KEYS.theirs.values():
        if block := BLOCK.match(key):
            found[block[1] + "attn.relative_position_index"] = relative_index(WINDOW)
            if int(block[2]) % 2:
                found[block[1] + "attn_mask"] = shift_mask(STORED_SIDE, STORED_SIDE, WINDOW, SHIFT)
    return found
