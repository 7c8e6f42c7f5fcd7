"""State dicts under the names that a method's authors gave them, renamed strictly both ways.

A rule table turns our names into theirs; the way back is its inverse, so that both cannot disagree.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from stvsr_bench.errors import WeightsError, counted

Rule = tuple[str, str]  # a regular expression on our name, and its replacement


class AuthorsKeys:
    """Renames between our state dict of a net and the authors', checking every key and shape."""

    def __init__(self, name: str, make_net: Callable[[], nn.Module], rules: Sequence[Rule]) -> None:
        self.name = name
        self.make_net = make_net
        self.rules = [(re.compile(pattern), replacement) for pattern, replacement in rules]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor under our name."""
        with torch.device("meta"):  # only shapes are wanted: no memory, and no random numbers are drawn
            state = self.make_net().state_dict()
        return {ours: tuple(tensor.shape) for ours, tensor in state.items()}

    @cached_property
    def theirs(self) -> dict[str, str]:
        """Our name -> the authors' name."""
        return {ours: self._renamed(ours) for ours in self.shapes}

    def _renamed(self, ours: str) -> str:
        for pattern, replacement in self.rules:
            ours = pattern.sub(replacement, ours)
        return ours

    def from_authors(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The authors' state dict under our names; a leading `module.` is dropped."""
        given = {key.removeprefix("module."): tensor for key, tensor in state.items()}
        self._check(given, {theirs: self.shapes[ours] for ours, theirs in self.theirs.items()}, "the authors'")
        return {ours: given[theirs] for ours, theirs in self.theirs.items()}

    def to_authors(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our state dict under the authors' names, for their code to load."""
        self._check(state, self.shapes, "our")
        return {theirs: state[ours] for ours, theirs in self.theirs.items()}

    def _check(self, state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], whose: str) -> None:
        start = f"these are not {whose} weights of {self.name}"
        for word, keys in (("missing", shapes.keys() - state.keys()), ("not known", state.keys() - shapes.keys())):
            if keys:
                more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
                has = f"; the file has '{min(state)}'" if state and len(keys) == len(shapes) else ""
                wanted = counted(len(shapes), "key")
                raise WeightsError(f"{start}: '{min(keys)}' is {word}{more}; wanted: {wanted}{has}")
        for key, shape in shapes.items():
            if tuple(state[key].shape) != shape:
                raise WeightsError(f"{start}: '{key}' has shape {tuple(state[key].shape)}, not {shape}")


def align_rules(head: str) -> list[Rule]:
    """Rules for pyramids and pair aligners, the same in all three networks but for the name of the offset head."""
    # the order counts: a later rule sees what an earlier one wrote. L3 has nothing to merge, so its last convolution is
    # the authors' second, not their third
    return [
        (r"\bpyramid\.l(\d)_down\.", r"fea_L\1_conv1."),
        (r"\bpyramid\.l(\d)_refine\.", r"fea_L\1_conv2."),
        (r"\bforward_\.l(\d)\.modulate\.", r"TMB_A_l\1."),
        (r"\bbackward_\.l(\d)\.modulate\.", r"TMB_B_l\1."),
        (r"(TMB_._l\d)\.spatial1\.", r"\1.f_process.0."),
        (r"(TMB_._l\d)\.spatial2\.", r"\1.f_process.2."),
        (r"(TMB_._l\d)\.time1\.", r"\1.t_process.0."),
        (r"(TMB_._l\d)\.time2\.", r"\1.t_process.2."),
        (r"(TMB_._l\d)\.time3\.", r"\1.t_process.4."),
        (r"\bforward_\.l(\d)\.(\w+)\.", r"L\1_\2_1."),
        (r"\bbackward_\.l(\d)\.(\w+)\.", r"L\1_\2_2."),
        (r"L3_refine_", "L3_offset_conv2_"),
        (r"(L\d)_compare_", r"\1_offset_conv1_"),
        (r"(L\d)_merge_", r"\1_offset_conv2_"),
        (r"(L\d)_refine_", r"\1_offset_conv3_"),
        (r"(L\d)_warp_", r"\1_dcnpack_"),
        (r"(L\d)_fuse_", r"\1_fea_conv_"),
        (r"\.head\.", f".{head}."),
    ]


def zsm_rules(prefix: str = "") -> list[Rule]:
    """Rules for Zooming Slow-Mo, and for all that others took over from it, under `prefix` in our names and theirs."""
    start = "^" + re.escape(prefix)
    cell, authors_cell = start + r"lstm\.cell\.", prefix + "ConvBLSTM.forward_net."
    return [
        (start + r"first\.", prefix + "conv_first."),
        (start + r"front\.", prefix + "feature_extraction."),
        (start + r"align\.", prefix + "pcd_align."),
        (start + r"fuse\.", prefix + "fusion."),
        (start + r"lstm\.fuse\.", prefix + "ConvBLSTM.conv_1x1."),
        (cell + r"gates\.", authors_cell + "cell_list.0.conv."),
        (cell + r"align_([hc])\.pyramid\.", authors_cell + r"pcd_\1.pyramid."),
        (cell + r"align_([hc])\.align\.", authors_cell + r"pcd_\1.pcd_align."),
        (cell + r"align_([hc])\.fuse\.", authors_cell + r"pcd_\1.fusion."),
        (start + r"back\.", prefix + "recon_trunk."),
        (start + r"tail\.up", prefix + "upconv"),
        (start + r"tail\.refine\.", prefix + "HRconv."),
        (start + r"tail\.last\.", prefix + "conv_last."),
        *align_rules("conv_offset_mask"),
    ]
