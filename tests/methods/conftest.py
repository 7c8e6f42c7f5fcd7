"""Goldens of ZSM and TMNet: the authors' networks' numbers, and hooks that record ours under the same names."""

import pytest
import torch

from stvsr_bench.nn import kernels
from tests.golden import NetworkGoldens


class Goldens(NetworkGoldens):
    """Weights, clips and expected tensors by name."""

    def load(self, net, from_authors, method):
        """The network in float64 with the golden weights."""
        net.load_state_dict(from_authors(self.weights(method)))
        return net.double().eval()

    def filled(self, authors_state):
        """The authors' state dict with the golden weights; constant buffers stay."""
        return self.recipe.golden_state_dict(authors_state)

    def shaken(self, net):
        """A small network in float64 whose every parameter does something, the offset heads too."""
        torch.manual_seed(0)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.15)
        return net.double().eval()

    def times(self, name):
        """The times asked of the golden, float64, or None."""
        times = self.case(name)["recipe"]["forward_args"].get("t")
        return None if times is None else torch.tensor(times, dtype=torch.float64)

    def check(self, name, out, seen, every=True):
        """Nothing, if the output and all intermediates (or those that were seen) equal the golden's."""
        expected = self.check_output(name, out)
        assert not every or set(expected) <= set(seen), set(expected) - set(seen)
        for key in sorted(set(expected) & set(seen)):
            self.check_stage(key, seen[key], expected[key])

    def check_plain(self, name, net, weights):
        """Nothing, if the plain engine equals the golden at every step."""
        net.engine = "plain"
        self.check_weights(name, weights.to_authors(net.state_dict()))
        seen = self.watch(net)
        with torch.no_grad():
            out = net(self.clip(name), self.times(name))
        self.check(name, out, seen())

    def check_fast(self, name, net, torch_only):
        """Nothing, if the fast engine equals the golden wherever it calls a module, and at its end."""
        net.engine = "fast"
        seen = self.watch(net)
        with torch.no_grad(), kernels.only_torch(torch_only):
            out = net(self.clip(name), self.times(name))
        self.check(name, out, seen(), every=False)

    def watch(self, net):
        """A function that stops watching and gives what was seen under the goldens' names."""
        return Watch(net).finish


class Watch:
    """Records what the modules of a network see and give; in a fast run only those that are called as modules."""

    def __init__(self, net):
        self.seen, self.counts, self.handles = {}, {}, []
        cell = net.lstm.cell
        self.outputs(net.front, "10 feature_extraction output = L1")
        self.on(net.align, self.on_align)
        self.calls(net.align, "21 pcd_align[call {}]")
        self.calls(net.fuse, "22 fusion (interpolated feature)[call {}]")
        self.on(net.lstm, lambda inputs, out: self.seen.update({"40 ConvBLSTM.input (B,T,64,H,W)": inputs[0]}))
        self.calls(cell.align_h, "41 pcd_h[call {}]")
        self.calls(cell.align_c, "42 pcd_c[call {}]")
        self.calls(cell, "44 forward_net[call {}].h sequence")
        self.outputs(net.lstm, "49 ConvBLSTM output")
        self.outputs(net.back, "50 recon_trunk output")
        self.on(net.tail, lambda inputs, out: self.seen.update({"51 upconv1.input": inputs[0]}))
        self.cell, self.step = cell, cell.step
        cell.step = self.on_step
        if hasattr(net, "compare"):
            self.watch_times_and_comparison(net)

    def watch_times_and_comparison(self, net):
        """What TMNet adds; its comparison treats all frames as one batch."""
        if net.engine == "plain":  # the fast one treats all gaps as one batch
            self.calls(net.align.forward_.l3.modulate, "20b TMB_A_l3[call {}]")
            self.calls(net.align.backward_.l1.modulate, "20c TMB_B_l1[call {}]")
        self.frames(net.compare.past_offset, "30 layersAtBOffset[call {}]")
        self.frames(net.compare.past, "31 layersAtB (DCN output, before lrelu)[call {}]")
        self.frames(net.compare.future, "32 layersCtB (DCN output, before lrelu)[call {}]")
        self.frames(net.compare.fuse, "33 layersFusion[call {}]")

    def on(self, module, act):
        def watch(_, inputs, out):
            act(inputs, out)  # returns nothing: what a hook returns would replace the output

        self.handles.append(module.register_forward_hook(watch))

    def outputs(self, module, name):
        self.on(module, lambda inputs, out: self.seen.update({name: out}))

    def frames(self, module, pattern):
        self.on(module, lambda i, out: self.seen.update({pattern.format(k): o for k, o in enumerate(out.split(1))}))

    def calls(self, module, pattern):
        self.on(module, lambda inputs, out: self.count(pattern, out))

    def count(self, pattern, out):
        k = self.counts[pattern] = self.counts.get(pattern, -1) + 1
        self.seen[pattern.format(k)] = out

    def on_align(self, inputs, out):
        for name, levels in zip(("fea1", "fea2"), inputs[:2], strict=True):
            for level, feature in enumerate(levels, start=1):
                self.seen.setdefault(f"20 pcd_align call 0.{name}.L{level}", feature)

    def on_step(self, *args):
        h, c = self.step(*args)
        self.count("43 cell[call {}].h", h)
        self.count("43 cell[call {}].c", c)
        return h, c

    def finish(self):
        """Everything seen; the network is as it was."""
        for handle in self.handles:
            handle.remove()
        self.cell.step = self.step
        return self.seen


@pytest.fixture(scope="session")
def goldens():
    """The goldens of networks."""
    return Goldens()
