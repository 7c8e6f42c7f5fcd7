"""Goldens of VideoINR, MoTIF, BF-STVSR and RAFT-small, and hooks that record our tensors under the goldens' names.

A golden's name for a tensor starts with two digits, the stage: `seen` of a Watch maps stages to tensors.
"""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stvsr_bench.nn.continuous import PairNet

GOLDENS = Path(__file__).parents[2] / "goldens"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, GOLDENS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.modules.setdefault("golden_recipe", loaded("golden_recipe"))  # the third recipe imports the first by this name
recipe = loaded("golden_recipe3")


class Goldens:
    """Weights, clips and expected tensors by name."""

    def manifest(self, method):
        return json.loads((GOLDENS / "state_dicts" / f"{method}.json").read_text())

    def case(self, name):
        return recipe.load(GOLDENS / "networks" / f"{name}.json")

    def weights(self, method, name):
        """The authors' state dict of a golden, float32, its checksum tested."""
        shapes = {key: torch.empty(entry["shape"]) for key, entry in self.manifest(method)["entries"].items()}
        wanted = self.case(name)["recipe"]["weights"]
        state = recipe.golden_state_dict(shapes, wanted["salt"], override=wanted.get("override"))
        found = recipe.state_dict_checksum(state)
        assert found["numel"] == wanted["checksum"]["numel"]
        assert abs(found["sum"] - wanted["checksum"]["sum"]) < 1e-6
        assert abs(found["sq_sum"] - wanted["checksum"]["sq_sum"]) < 1e-6
        return state

    def clip(self, name):
        """The golden clip in float64, its fingerprint tested."""
        entry = self.case(name)["recipe"]["input"]
        clip = recipe.golden_input(entry["seed"], entry["shape"]).double()
        assert recipe.compare(clip, entry["fingerprint"], tol=1e-12)["ok"]
        return clip

    def asked(self, name):
        """The padded clip, times (B, S), size of the padded output, and the size that is kept of it."""
        clip, wanted = self.clip(name), self.case(name)["recipe"]["forward_args"]
        times = [t if isinstance(t, list) else [t] * len(clip) for t in wanted["times"]]
        height, width = clip.shape[-2:]
        padded = F.pad(clip, (0, -width % 4, 0, -height % 4))
        if wanted["size"]:
            size = kept = tuple(wanted["size"])
        else:
            size = tuple(wanted["scale"] * side for side in padded.shape[-2:])
            kept = (wanted["scale"] * height, wanted["scale"] * width)
        return padded, torch.tensor(times, dtype=torch.float64).T, size, kept

    def restored(self, name, net):
        """What a network makes of a golden's clip at the golden's times, as the authors' wrapper cuts it."""
        clip, times_BS, size, kept = self.asked(name)
        with torch.no_grad():
            return net.restore(clip, times_BS, size)[..., : kept[0], : kept[1]]

    def check(self, name, out, seen=None, batched=()):
        """Nothing, if the output and, where a dict of stages is given, every intermediate equal the golden's."""
        case = self.case(name)
        report = recipe.compare(out, case)
        assert report["ok"], report
        expected = case["float64"]["intermediate"] if seen is not None else {}
        for key in expected:
            found = seen[key].reshape(expected[key]["shape"])
            report = recipe.compare(found, expected[key])
            assert report["ok"], (key, report)

    def check_keys(self, method, net, weights, entries):
        """Nothing, if every key and shape of the authors is written and read back."""
        written = weights.to_authors(net.state_dict())
        expected = self.manifest(method)["entries"]
        assert {key: list(tensor.shape) for key, tensor in written.items()} == {
            key: entry["shape"] for key, entry in expected.items()
        }
        again = weights.to_authors(weights.from_authors({f"module.{key}": tensor for key, tensor in written.items()}))
        assert len(again) == entries
        assert all(torch.equal(again[key], written[key]) for key in written)

    def check_gradients(self, method, net, to_authors, names):
        """Nothing, if exactly the parameters of the authors' audit get no gradient."""
        for parameter in net.parameters():
            parameter.grad = None
        net(torch.rand(1, 2, 3, 8, 8)).square().sum().backward()
        none = {key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()}


class Watch:
    """Everything that modules saw or gave, call after call."""

    def __init__(self):
        self.calls = {}

    def add(self, name, tensor):
        self.calls.setdefault(name, []).append(tensor)

    def outputs(self, module, name):
        module.register_forward_hook(lambda _, inputs, out: self.add(name, out))

    def both(self, module, seen, given):
        def watch(_, inputs, out):
            self.add(seen, inputs[0])
            self.add(given, out)

        module.register_forward_hook(watch)

    def encoder(self, encoder):
        """The stages of Zooming Slow-Mo's encoder."""
        self.outputs(encoder.front, "10 feature_extraction output = L1")
        self.outputs(encoder.fuse, "22 fusion (middle feature)")
        self.both(encoder.lstm, "40 ConvBLSTM.input (B,T,64,h,w)", "49 ConvBLSTM output")
        self.outputs(encoder.back, "50")

    def seen(self):
        return {name: parts[0] if len(parts) == 1 else list(parts) for name, parts in self.calls.items()}

    def queries(self, name, height):
        """The rows of all calls under this name, picture by picture, as (B, Q, C)."""
        rows = torch.cat(self.calls[name], dim=2)
        return [picture.flatten(2).transpose(1, 2) for picture in rows.split(height, dim=2)]


@pytest.fixture(scope="session")
def goldens():
    """The goldens of the continuous networks."""
    return Goldens()


@pytest.fixture
def watch():
    """An empty Watch."""
    return Watch()


@pytest.fixture
def counted(monkeypatch):
    """A list that grows by one for every call of an encoder."""
    from stvsr_bench.nn.zsm_encoder import ZsmEncoder

    calls, encode = [], ZsmEncoder.encode
    monkeypatch.setattr(ZsmEncoder, "encode", lambda self, x: (calls.append(x.shape), encode(self, x))[1])
    return calls
