"""Goldens of VideoINR, MoTIF, BF-STVSR and RAFT-small, and hooks that record our tensors under the goldens' names."""

import pytest
import torch
import torch.nn.functional as F

from stvsr_bench.nn import implicit
from stvsr_bench.nn.splat import Landing
from tests.golden import NetworkGoldens, recipe_of

MINI = {"channels": 8, "groups": 2, "front_blocks": 1, "back_blocks": 1}


class Goldens(NetworkGoldens):
    """Weights, clips and expected tensors by name."""

    recipe = recipe_of("golden_recipe3")

    def asked(self, name):
        """The padded clip, times (B, S), size of the padded output, and the size that is kept of it."""
        clip, wanted = self.clip(name), self.case(name)["recipe"]["forward_args"]
        times = [t if isinstance(t, list) else [t] * len(clip) for t in wanted["times"]]
        padded = F.pad(clip, (0, -clip.shape[-1] % 4, 0, -clip.shape[-2] % 4))
        sizes = [
            tuple(wanted["size"] or (wanted["scale"] * side for side in each.shape[-2:])) for each in (padded, clip)
        ]
        return padded, torch.tensor(times, dtype=torch.float64).T, *sizes

    def restored(self, name, net):
        """What a network makes of a golden's clip at the golden's times, as the authors' wrapper cuts it."""
        clip, times_BS, size, kept = self.asked(name)
        with torch.no_grad():
            return net.restore(clip, times_BS, size)[..., : kept[0], : kept[1]]

    def check(self, name, out, seen=None):
        """Nothing, if the output and, where a dict of stages is given, every intermediate equal the golden's."""
        expected = self.check_output(name, out)
        for key in expected if seen is not None else ():
            self.check_stage(key, seen[key], expected[key])

    def check_gradients(self, method, net, weights):
        """Nothing, if exactly the parameters of the authors' audit get no gradient; at the golden weights."""
        net.load_state_dict(weights.from_authors(self.weights(method)))
        torch.manual_seed(0)
        pair = torch.rand(1, 2, 3, 8, 8)
        net.restore(pair, torch.tensor([[0.3, 0.6]]), (32, 32)).square().sum().backward()
        none = {key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()}
        audit = self.manifest(method)["gradient_audit"]["default"]
        assert {weights.KEYS.theirs[key] for key in none} == {*audit["grad_none"], *audit["grad_zero"]}


class Watch:
    """Everything that modules saw or gave, call after call."""

    def __init__(self):
        self.calls, self.handles = {}, []

    def add(self, name, tensor):
        self.calls.setdefault(name, []).append(tensor)

    def outputs(self, module, name):
        self.handles.append(module.register_forward_hook(lambda _, inputs, out: self.add(name, out)))

    def both(self, module, seen, given):
        def watch(_, inputs, out):
            self.add(seen, inputs[0])
            self.add(given, out)

        self.handles.append(module.register_forward_hook(watch))

    def remove(self):
        """The modules are as they were."""
        for handle in self.handles:
            handle.remove()

    def encoder(self, encoder):
        """The stages of Zooming Slow-Mo's encoder."""
        self.outputs(encoder.front, "10 feature_extraction output = L1")
        self.outputs(encoder.fuse, "22 fusion (middle feature)")
        self.both(encoder.lstm, "40 ConvBLSTM.input (B,T,64,h,w)", "49 ConvBLSTM output")
        self.outputs(encoder.back, "50 recon_trunk output")

    def splats(self, monkeypatch):
        """What each source throws: values, flow and weights, and what each lands as on an empty picture."""
        add, highest, count, start = Landing.add, Landing.highest, Landing.count, Landing.__init__

        def on_start(landing, flow, *rest):
            self.add("67 splat flow (.,2,H,W)", flow)
            start(landing, flow, *rest)

        def on_add(landing, values, onto):
            weight = values[:, -1:]
            self.add("66 splat features (.,130,H,W)", values[:, :-1] / weight)
            self.add("68 z (.,1,H,W)", weight.log())
            landed = add(landing, values, torch.zeros_like(onto))
            self.add("70 splatted sum (.,130,H,W)", landed[:, :-1])
            self.add("71 splatted weight (.,1,H,W)", landed[:, -1:])
            return add(landing, values, onto)

        def on_highest(landing, values, onto):
            self.add("72 splatted max (.,1,H,W)", highest(landing, values, torch.ones_like(onto)))
            return highest(landing, values, onto)

        def on_count(landing, onto):
            self.add("73 count (.,1,H,W)", count(landing, torch.zeros_like(onto)))
            return count(landing, onto)

        for name, replaced in (("__init__", on_start), ("add", on_add), ("highest", on_highest), ("count", on_count)):
            monkeypatch.setattr(Landing, name, replaced)

    def one(self, name):
        """What the only call under this name recorded."""
        (tensor,) = self.calls[name]
        return tensor

    def stages(self, size, times):
        """Everything under the goldens' names: sources first, then items, then times; queries as (B, Q, C)."""
        seen = {name: self.one(name) for name in self.calls if name[0] in "1245"}
        seen["50 encoder output (B,3,64,h,w)"] = seen["50 recon_trunk output"]
        for name in self.calls:
            pictures = torch.stack(self.calls[name]) if name[0] in "678" else None
            if pictures is None:
                continue
            if name[:2] in ("66", "67", "68", "70", "71", "72", "73"):  # called time by time, source by source
                seen[name] = pictures.unflatten(0, (times, 2)).permute(1, 2, 0, 3, 4, 5).flatten(0, 2)
                continue
            calls = pictures.flatten(3).transpose(2, 3)  # (calls, B, Q, C)
            groups = (1, times) if name[0] == "8" else (2, len(calls) // 2)
            seen[name] = calls.unflatten(0, groups).transpose(1, 2).flatten(0, 2)
        return seen


@pytest.fixture(scope="session")
def goldens():
    """The goldens of the continuous networks."""
    return Goldens()


@pytest.fixture
def watch(monkeypatch):
    """An empty Watch; pictures are decoded as a whole, so that each call of a network is one picture."""
    monkeypatch.setattr(implicit, "QUERY_BYTES", 2**40)
    return Watch()


class Small:
    """What holds of every continuous network, on small ones whose every parameter does something, in float64."""

    pair = torch.rand(2, 2, 3, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    times = torch.tensor([[0.2, 0.7, 0.4], [0.9, 0.1, 0.5]], dtype=torch.float64)

    def net(self, make, engine="fast"):
        """A small network; its flows are of a few pixels and its sines of a turn or so."""
        torch.manual_seed(0)
        net = make(**MINI, engine=engine).double().eval()
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if name.startswith("encoder."):
                    torch.nn.init.normal_(parameter, std=0.1)
        return net

    def made(self, net, size=(16, 24), times=None):
        with torch.no_grad():
            return net(self.pair, self.times if times is None else times, size)


@pytest.fixture(scope="session")
def small():
    """Small networks and a batch of two pairs."""
    return Small()
