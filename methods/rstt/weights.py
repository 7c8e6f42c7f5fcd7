"""The authors' checkpoints of RSTT (S 728, M 1080, L 1432 tensors with their buffers) under our names, and back."""

import re
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from stvsr_bench.errors import WeightsError
from stvsr_bench.nn.keys import AuthorsKeys, Rule
from stvsr_bench.nn.window_attention import relative_index

from .body import GIVEN, WINDOW
from .model import FRAMES, RSTT

RULES: list[Rule] = [
    (r"^enter\.", "input_proj.proj.0."),
    (r"^encode\.(\d+)\.", r"encoder_layers.\1.blocks."),
    (r"^decode\.(\d+)\.", r"decoder_layers.\1.blocks."),
    (r"^down\.(\d+)\.", r"downsample.\1.conv.0."),
    (r"^up\.(\d+)\.", r"upsample.\1.deconv.0."),
    (r"^tail\.up", "upconv"),
    (r"^tail\.refine\.", "HRconv."),
    (r"^tail\.last\.", "conv_last."),
    (r"\.attention\.", ".attn."),
    (r"\.own\.", ".attn1."),
    (r"\.cross\.", ".attn2."),
    (r"\.query\.", ".q."),
    (r"\.key_value\.", ".kv."),
    (r"\.bias_table$", ".relative_position_bias_table"),
    (r"\.norm_given\.", ".norm_kv."),
    (r"\.expand\.", ".mlp.fc1."),
    (r"\.shrink\.", ".mlp.fc2."),
]
BLOCK = re.compile(r"^(?:module\.)?encoder_layers\.0\.blocks\.(\d+)\.")
OUR_BLOCK = re.compile(r"^encode\.0\.(\d+)\.")


@cache
def keys(depth: int) -> AuthorsKeys:
    """The names of the network with this many blocks in a stage."""
    return AuthorsKeys(f"RSTT (depth={depth})", lambda: RSTT(depth=depth), RULES)


def from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict under our names; its keys say how deep it is. The buffers are checked and left behind."""
    given = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    found = keys(depth_of(given, BLOCK))
    for key, wanted in buffers(found).items():
        index = given.pop(key, None)
        if index is None or index.shape != wanted.shape or not torch.equal(index.cpu().long(), wanted):
            raise WeightsError(f"these are not the authors' weights of {found.name}: '{key}' is missing or another")
    return found.from_authors(given)


def to_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict under the authors' names with their buffers, for their code to load strictly."""
    found = keys(depth_of(state, OUR_BLOCK))
    return {**found.to_authors(state), **buffers(found)}


def depth_of(state: Mapping[str, Tensor], block: re.Pattern[str]) -> int:
    """How many blocks a stage has."""
    return 1 + max((int(found[1]) for key in state if (found := block.match(key))), default=0)


def buffers(names: AuthorsKeys) -> dict[str, Tensor]:
    """The constant tensors of the authors' state dict: which row of its table each pair of pixels reads."""
    given, wanted = tuple(range(FRAMES)), tuple(range(GIVEN[-1] + 1))
    moments = {"attn": (given, given), "attn1": (wanted, wanted), "attn2": (wanted, GIVEN)}
    index = {name: relative_index(WINDOW, *times) for name, times in moments.items()}
    tables = [key for key in names.theirs.values() if key.endswith(".relative_position_bias_table")]
    starts = [key.removesuffix("bias_table") for key in tables]
    return {f"{start}index": index[start.split(".")[-2]] for start in starts}
