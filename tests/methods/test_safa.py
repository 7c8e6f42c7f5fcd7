"""SAFA against the numbers of the authors' network, the choice of sizes, and the authors' checkpoint format."""

import re

import pytest
import torch
import torch.nn.functional as F
from stvsr_bench.methods.safa import model, parts, weights
from torch.testing import assert_close

from stvsr_bench import methods, protocols
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.restore import restore
from tests.golden import recipe_of

MINI = {"channels": 8, "tail_depth": 1}
recipe = recipe_of("golden_recipe2")


@pytest.fixture(scope="module")
def net():
    return model.SAFA().double().eval()


def filled(net, name, goldens):
    """The network with the weights of a golden."""
    salt = goldens.case(name)["recipe"]["weights"]["salt"]
    state = recipe.golden_state_dict(weights.to_authors(model.SAFA().state_dict()), salt)
    goldens.check_weights(name, state)
    net.load_state_dict(weights.from_authors({f"module.{key}": tensor for key, tensor in state.items()}))
    return net


def mini(**options):
    torch.manual_seed(0)
    net = model.SAFA(**MINI, **options)
    for name, parameter in net.named_parameters():
        if not name.startswith("head."):
            torch.nn.init.normal_(parameter, std=0.15)
    return net.double().eval()


class Watch:
    """Records what modules see and give under the goldens' names; those of a later gap are not asked for."""

    def __init__(self, net, monkeypatch):
        self.seen, self.counts, self.handles, self.flow = {}, {}, [], {}
        self.on(net.head.normalize, "10 normalize frame {}", lambda given, out: out)
        self.on(net.head.stem, "11 cnn0 frame {}", lambda given, out: F.relu(out))
        self.on(net.head.quarter, "12 cnn1 frame {}", lambda given, out: out)
        self.on(net.head.eighth, "13 cnn2 frame {}", lambda given, out: out)
        self.on(net.head, "14 head frame {}", lambda given, out: out)
        self.on(net.mix, "16 feat0 (shuffle){:.0s}", lambda given, out: out)
        self.blocks(net.choose, "20 time {} block {} x (B,247,H/2,W/2)", lambda given, out: given)
        for frame in range(2):
            part = slice(86 + 80 * frame, 166 + 80 * frame)
            warped = f"warped features of frame {frame}"
            self.blocks(net.choose, "21 time {} block {} " + warped, lambda given, out, part=part: given[:, part])
            part = slice(1 + 80 * frame, 81 + 80 * frame)
            self.on(net.tail, "31 time {} " + warped, lambda given, out, part=part: given[:, part])
        self.blocks(net.choose, "22 time {} block {} p (B,2)", lambda given, out: out)
        self.blocks(net.step, "23 time {} block {} feat", lambda given, out: given)
        self.blocks(net.step, "24 time {} block {} flow (B,6,H,W)", lambda given, out: F.pixel_shuffle(out, 2))
        self.on(net.tail.enter, "32 time {} lastconv.0", lambda given, out: out)
        self.on(net.tail.trunk, "33 time {} lastconv.12", lambda given, out: out)
        self.on(net.tail, "34 time {} lastconv (B,3,H,W)", lambda given, out: out)
        blended = model.blended

        def on_blend(pair, flow):
            out = blended(pair, flow)
            self.keep("30 time {} blend of the warped frames", out)
            return out

        monkeypatch.setattr(model, "blended", on_blend)

    def on(self, module, name, take):
        def act(_, given, out):
            self.keep(name, take(given[0], out))

        self.handles.append(module.register_forward_hook(act))

    def blocks(self, module, name, take):
        def act(_, given, out):
            count = self.counts[name] = self.counts.get(name, -1) + 1
            time, block = divmod(count, model.BLOCKS)
            tensor = take(given[0], out)
            if name.startswith("24"):  # what is seen are the steps
                tensor = self.flow[time] = self.flow.get(time, 0) + tensor
            self.seen[name.format(time, block)] = tensor

        self.handles.append(module.register_forward_hook(act))

    def keep(self, name, tensor):
        count = self.counts[name] = self.counts.get(name, -1) + 1
        self.seen.setdefault(name.format(count) if "{}" in name else name.format(""), tensor)

    def finish(self):
        for handle in self.handles:
            handle.remove()


@pytest.mark.parametrize("name", ["safa_a_pair", "safa_b_times", "safa_c_lr_round", "safa_d_lr_odd"])
def test_it_equals_the_authors_network_at_every_step(name, net, goldens, monkeypatch):
    filled(net, name, goldens)
    asked, clip = goldens.case(name)["recipe"]["forward_args"], goldens.clip(name)
    times = None if asked["times"] is None else torch.tensor([asked["times"]], dtype=torch.float64)
    watch = Watch(net, monkeypatch)
    with torch.no_grad():
        if asked["level"] == "net":
            out, _ = net.pair(clip[:, 0], clip[:, 1], times, torch.tensor(asked["scales"]))
        else:
            out = net(clip, times)
            fed = [model.padded(frame) for frame in model.enlarged(clip).flip(2).unbind(1)]
            watch.seen["05 upsampled, BGR, padded (B,T,3,H,W)"] = torch.stack(fed, dim=1)
    watch.finish()
    case = goldens.case(name)
    assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
    for key, expected in case["float64"]["intermediate"].items():
        report = recipe.compare(watch.seen[re.sub(r" \[gap 0\]$", "", key)], expected)
        assert report["ok"], (key, report)


def test_parameters_and_keys_are_those_of_the_authors(net, goldens):
    manifest = goldens.manifest("SAFA")
    assert sum(p.numel() for p in net.parameters()) == manifest["total_parameters"] == 4_941_442
    fresh = model.SAFA()
    goldens.check_keys("SAFA", fresh, weights, 275)
    written = weights.to_authors(fresh.state_dict())
    assert {key: str(tensor.dtype) for key, tensor in written.items()} == {
        key: f"torch.{entry['dtype']}" for key, entry in manifest["entries"].items()
    }
    del written["lastconv.12.beta"]
    with pytest.raises(WeightsError, match=r"'lastconv\.12\.beta' is missing"):
        weights.from_authors(written)


def test_each_item_of_a_batch_has_its_own_sizes_and_gradients_do_not_change_the_result():
    net, pair = mini(), torch.rand(3, 2, 3, 32, 64, dtype=torch.float64)
    times = torch.tensor([[0.0, 0.4], [0.2, 0.6], [0.7, 1.0]], dtype=torch.float64)
    bits = torch.randint(0, 2, (2, 6, 3, 2), generator=torch.Generator().manual_seed(0))
    assert {tuple(each) for each in bits[0, 0].tolist()} != {tuple(bits[0, 0, 0].tolist())}
    with torch.no_grad():
        together, chances = net.pair(pair[:, 0], pair[:, 1], times, bits)
        for b in range(3):
            alone, chance = net.pair(*pair[b : b + 1].unbind(1), times[b : b + 1], bits[:, :, b : b + 1])
            assert_close(together[b], alone[0], rtol=0, atol=1e-12)
            assert_close(chances[:, :, b], chance[:, :, 0], rtol=0, atol=1e-12)
    with_gradients, _ = net.pair(pair[:, 0], pair[:, 1], times, bits)
    assert_close(with_gradients, together, rtol=0, atol=1e-12)


def test_every_parameter_learns_those_of_the_choice_too():
    net = mini()
    net(torch.rand(1, 2, 3, 16, 16, dtype=torch.float64), torch.tensor([[0.3]])).sum().backward()
    assert [name for name, parameter in net.named_parameters() if not parameter.grad.any()] == []


def test_a_bits_gradient_passes_straight_to_its_chance():
    body = parts.Body(4, 2).double()
    seen, chance = torch.rand(1, 4, 8, 8, dtype=torch.float64), torch.tensor([[0.7, 0.6]], dtype=torch.float64)
    chance.requires_grad_()
    with torch.no_grad():
        full, half, quarter = (parts.at_size(body, seen, by).sum() for by in (1, 2, 4))
    # full s1 s0 + half s1 (1 - s0) + quarter (1 - s1) by hand, at s0 = 1, s1 = 1
    out = parts.at_chosen_sizes(body, seen, chance, torch.tensor([[0.5, 0.5]]))
    assert_close(out.sum(), full)
    assert_close(torch.autograd.grad(out.sum(), chance)[0], torch.stack([full - half, full - quarter])[None])
    # and at s0 = 0, s1 = 0
    out = parts.at_chosen_sizes(body, seen, chance, torch.tensor([[0.8, 0.8]]))
    assert_close(out.sum(), quarter)
    assert_close(torch.autograd.grad(out.sum(), chance)[0], torch.stack([torch.zeros_like(half), half - quarter])[None])


def test_sampled_sizes_depend_on_frames_time_and_seed_and_on_nothing_else():
    net = mini(scales="sample").float()
    lr_BTChw, times = torch.rand(2, 3, 3, 8, 8), torch.tensor([[0.25, 0.5]])
    before = torch.get_rng_state()
    with torch.no_grad():
        out = net(lr_BTChw, times)
        assert torch.equal(torch.get_rng_state(), before)
        assert_close(out[1], net(lr_BTChw[1:], times)[0])
        assert_close(out[:, [0, 2, 3, 5, 6]], net(lr_BTChw, times[:, 1:]))
        assert not torch.allclose(out, mini(scales="sample", seed=1).float()(lr_BTChw, times))
    drawn = torch.stack([model.dice(torch.rand(2, 3, 4, 4), 0.5, 0) for _ in range(400)])
    assert drawn.min() >= 0 and drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 5 / (12 * drawn.numel()) ** 0.5  # five standard deviations
    same = torch.stack([model.dice(torch.zeros(2, 3, 4, 4), 0.5, seed) for seed in range(400)])
    assert abs(same.mean() - 0.5) < 5 / (12 * same.numel()) ** 0.5


def test_a_bit_is_one_from_the_half_on():
    net = mini()
    floors = net.floors(torch.rand(1, 2, 3, 8, 8), torch.tensor([[0.5]]))
    seen, body = torch.rand(1, 4, 8, 8), parts.Body(4, 2)
    with torch.no_grad():
        for chance, by in (((0.5, 0.5), 1), ((0.499, 0.5), 2), ((0.9, 0.499), 4)):
            made = parts.at_chosen_sizes(body, seen, torch.tensor([chance]), floors[0, 0])
            assert torch.equal(made, parts.at_size(body, seen, by))


def test_in_training_bits_are_drawn_and_batch_norm_stays_as_it_is():
    net = model.SAFA(**MINI).train()
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    torch.manual_seed(0)
    floors = net.floors(torch.rand(1, 2, 3, 8, 8), torch.tensor([[0.5]]))
    assert floors.unique().numel() == floors.numel() == 12
    torch.manual_seed(0)
    net(torch.rand(1, 2, 3, 8, 8))
    assert all(torch.equal(buffer, before[name]) for name, buffer in net.named_buffers())


def test_the_suite_neither_pads_its_frames_nor_cuts_its_clips():
    card = methods.card("safa")
    assert (card.multiple_of, card.frames_in, card.time, card.tiles.safe) == (1, (2, 1000), "any", False)
    method = methods.build("safa:channels=8:tail_depth=1:scales=sample:seed=3@none")
    assert "scales=sample" in method.spec and "seed=3" in method.spec
    restored = restore(method, torch.rand(5, 3, 9, 11).numpy(), protocols.get("suite-1:time_scale=4"))
    assert restored.sr_SCHW.shape == (5, 3, 36, 44) and restored.how == {}


@pytest.mark.parametrize("options", [{"channels": 7}, {"channels": 0}, {"tail_depth": -1}])
def test_options_that_no_network_can_be_made_of_are_refused(options):
    with pytest.raises(UsageError, match="must be even"):
        model.SAFA(**options)
