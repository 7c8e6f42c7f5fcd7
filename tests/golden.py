"""The recorded numbers of the authors' networks: weights, clips and tensors by name, for every family of networks.

Each sheet of the specification has a recipe of its own for what it draws (`tests/goldens/golden_recipe*.py`).
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch

GOLDENS = Path(__file__).parent / "goldens"


def recipe_of(name):
    """A recipe as a module."""
    spec = importlib.util.spec_from_file_location(name, GOLDENS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.modules.setdefault("golden_recipe", recipe_of("golden_recipe"))  # later recipes import the first by this name


class NetworkGoldens:
    """What the goldens of every family have in common; `recipe` is the module that drew them."""

    recipe = sys.modules["golden_recipe"]
    prefix = "module."  # as files saved from DataParallel have it

    def manifest(self, method):
        return json.loads((GOLDENS / "state_dicts" / f"{method}.json").read_text())

    def case(self, name):
        return self.recipe.load(GOLDENS / "networks" / f"{name}.json")

    def weights(self, method, *salt):
        """The authors' state dict of a method's goldens, float32."""
        shapes = {key: torch.empty(entry["shape"]) for key, entry in self.manifest(method)["entries"].items()}
        return self.recipe.golden_state_dict(shapes, *salt)

    def check_weights(self, name, authors_state):
        """Nothing, if these are the weights of the golden, in the authors' names."""
        expected = self.case(name)["recipe"]["weights"]["checksum"]
        found = self.recipe.state_dict_checksum(authors_state)
        assert found["numel"] == expected["numel"]
        assert abs(found["sum"] - expected["sum"]) < 1e-6
        assert abs(found["sq_sum"] - expected["sq_sum"]) < 1e-6

    def clip(self, name):
        """The golden clip in float64, its fingerprint checked."""
        entry = self.case(name)["recipe"]["input"]
        clip = self.recipe.golden_input(entry["seed"], entry["shape"]).double()
        assert self.recipe.compare(clip, entry["fingerprint"], tol=1e-12)["ok"]
        return clip

    def check_output(self, name, out):
        """Nothing, if the output equals the golden's; the intermediates of the golden come back."""
        case = self.case(name)
        report = self.recipe.compare(out, case)
        assert report["ok"], report
        return case["float64"]["intermediate"]

    def check_stage(self, key, seen, expected):
        """Nothing, if a tensor on the way equals the golden's."""
        report = self.recipe.compare(seen.reshape(expected["shape"]), expected)
        assert report["ok"], (key, report)

    def check_keys(self, method, net, weights, entries=None):
        """Nothing, if every key and shape of the authors is written and read back."""
        written = weights.to_authors(net.state_dict())
        expected = {key: entry["shape"] for key, entry in self.manifest(method)["entries"].items()}
        assert {key: list(tensor.shape) for key, tensor in written.items()} == expected
        again = weights.to_authors(weights.from_authors({self.prefix + key: of for key, of in written.items()}))
        assert len(again) == (entries or len(expected))
        assert all(torch.equal(again[key], written[key]) for key in written)
