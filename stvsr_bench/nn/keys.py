"""State dicts under the names that a method's authors gave them, renamed strictly both ways.

A rule table turns our names into theirs; the way back is its inverse, so that both cannot disagree.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from stvsr_bench.errors import WeightsError

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
        with torch.device("meta"):
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
                raise WeightsError(f"{start}: '{min(keys)}' is {word}{more}; {len(shapes)} keys are wanted")
        for key, shape in shapes.items():
            if tuple(state[key].shape) != shape:
                raise WeightsError(f"{start}: '{key}' has shape {tuple(state[key].shape)}, not {shape}")
