"""SAFA against the numbers of the authors' network, its choices, and the authors' checkpoint format."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch
from stvsr_bench.methods.safa import model, weights
from torch.testing import assert_close

GOLDENS = Path(__file__).parents[1] / "goldens"
NETS = ["safa_a_pair", "safa_b_times"]
CLIPS = ["safa_c_lr_round", "safa_d_lr_odd"]


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, GOLDENS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.modules.setdefault("golden_recipe", loaded("golden_recipe"))  # the second recipe imports the first by this name
recipe = loaded("golden_recipe2")
MANIFEST = json.loads((GOLDENS / "state_dicts" / "SAFA.json").read_text())


def case_of(name):
    return recipe.load(GOLDENS / "networks" / f"{name}.json")


def reference():
    """Empty tensors of every entry's shape and type."""
    kinds = {"float32": torch.float32, "int64": torch.int64}
    return {key: torch.zeros(e["shape"], dtype=kinds[e["dtype"]]) for key, e in MANIFEST["entries"].items()}


def golden_net(case):
    state = recipe.golden_state_dict(reference(), case["recipe"]["weights"]["salt"])
    found, wanted = recipe.state_dict_checksum(state), case["recipe"]["weights"]["checksum"]
    assert found["numel"] == wanted["numel"]
    assert abs(found["sum"] - wanted["sum"]) < 1e-6
    assert abs(found["sq_sum"] - wanted["sq_sum"]) < 1e-6
    net = model.Safa()
    net.load_state_dict(weights.from_authors(state))
    return net.double().eval()


def clip_of(case):
    entry = case["recipe"]["input"]
    clip = recipe.golden_input(entry["seed"], entry["shape"]).double()
    assert recipe.compare(clip, entry["fingerprint"], tol=1e-12)["ok"]
    return clip


class Watch:
    """What the parts of a network give for the first gap, under the goldens' names."""

    def __init__(self, net, monkeypatch, suffix=""):
        self.seen, self.suffix, self.calls = {}, suffix, {}
        for name, part in (
            ("10 normalize frame {}", net.head.normalize),
            ("11 cnn0 frame {}", net.head.cnn0),
            ("12 cnn1 frame {}", net.head.cnn1),
            ("13 cnn2 frame {}", net.head.cnn2),
            ("14 head frame {}", net.head),
        ):
            part.register_forward_hook(lambda _, inputs, out, name=name: self.both(name, out.chunk(2)))
        net.merge.register_forward_hook(lambda _, inputs, out: self.keep("16 feat0 (shuffle)", out))
        net.correct[0].register_forward_hook(lambda _, inputs, out: self.timed("32 time {} lastconv.0", out))
        net.correct[12].register_forward_hook(lambda _, inputs, out: self.timed("33 time {} lastconv.12", out))
        net.correct.register_forward_hook(lambda _, inputs, out: self.timed("34 time {} lastconv (B,3,H,W)", out))
        net.step.register_forward_hook(lambda _, inputs, out: self.on_step(inputs[0], out))
        net.choose.register_forward_hook(lambda _, inputs, out: self.on_choice(inputs[0], out))
        warped, blend = model.Known.warped, model.Known.blend
        monkeypatch.setattr(model.Known, "blend", lambda *args: self.on_blend(blend(*args)))
        monkeypatch.setattr(model.Known, "warped", lambda *args: self.on_warped(warped(*args)))
        self.flow = 0

    def keep(self, name, tensor):
        self.seen.setdefault(name + self.suffix, tensor)

    def both(self, name, pair):
        for k, tensor in enumerate(pair):
            self.keep(name.format(k), tensor)

    def turn(self, name, every=1):
        """Which time, and which block of it, this call is."""
        k = self.calls[name] = self.calls.get(name, -1) + 1
        return divmod(k, every)

    def timed(self, name, tensor):
        self.keep(name.format(self.turn(name)[0]), tensor)

    def on_choice(self, seen, out):
        time, block = self.turn("choice", model.BLOCKS)
        self.keep(f"20 time {time} block {block} x (B,247,H/2,W/2)", seen)
        self.keep(f"22 time {time} block {block} p (B,2)", out.sigmoid())

    def on_step(self, feat, step):
        time, block = self.turn("step", model.BLOCKS)
        self.flow = step if block == 0 else self.flow + step
        self.keep(f"23 time {time} block {block} feat", feat)
        self.keep(f"24 time {time} block {block} flow (B,6,H,W)", self.flow)

    def on_warped(self, pair):
        time, block = self.turn("warped", model.BLOCKS + 1)
        what = "31 time {0} warped features of frame {2}" if block == model.BLOCKS else (
            "21 time {0} block {1} warped features of frame {2}"
        )  # fmt: skip
        for k, tensor in enumerate(pair):
            self.keep(what.format(time, block, k), tensor)
        return pair

    def on_blend(self, frame):
        self.timed("30 time {} blend of the warped frames", frame)
        return frame

    def check(self, case):
        expected = case["float64"]["intermediate"]
        names = [key for key in expected if not key.startswith("05")]
        assert len(names) > 20
        for key in names:
            report = recipe.compare(self.seen[key], expected[key])
            assert report["ok"], (key, report)


def test_parameters_are_those_of_the_authors():
    count = sum(p.numel() for p in model.Safa().parameters())
    assert count == MANIFEST["total_parameters"] == 4_941_442


def test_every_key_and_shape_of_the_authors_is_written_and_read_back():
    written = weights.to_authors(model.Safa().state_dict())
    assert {k: list(v.shape) for k, v in written.items()} == {k: e["shape"] for k, e in MANIFEST["entries"].items()}
    again = weights.to_authors(weights.from_authors({f"module.{key}": tensor for key, tensor in written.items()}))
    assert len(again) == 275
    assert all(torch.equal(again[key], written[key]) for key in written)


@pytest.mark.parametrize("name", NETS)
def test_a_pair_equals_the_authors_network_at_every_step(name, monkeypatch):
    case = case_of(name)
    net, frames, asked = golden_net(case), clip_of(case), case["recipe"]["forward_args"]
    watch = Watch(net, monkeypatch)
    times, bits = torch.tensor([asked["times"]], dtype=torch.float64), torch.tensor(asked["scales"])
    with torch.no_grad():
        out, chances = net.pair(frames[:, 0], frames[:, 1], times, bits)
    assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
    assert chances.shape == (len(asked["times"]), 6, 1, 2)
    watch.check(case)


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_equals_the_authors_network_at_every_step(name, monkeypatch):
    case = case_of(name)
    net, times = golden_net(case), case["recipe"]["forward_args"]["times"]
    watch, clip = Watch(net, monkeypatch, " [gap 0]"), clip_of(case)
    with torch.no_grad():
        out = net(clip, None if times is None else torch.tensor([times], dtype=torch.float64))
    assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
    watch.check(case)
    frames, _ = model.enlarged(clip)
    first = "05 upsampled, BGR, padded (B,T,3,H,W)"
    assert recipe.compare(frames, case["float64"]["intermediate"][first])["ok"]


@pytest.fixture(scope="module")
def net():
    return golden_net(case_of("safa_c_lr_round"))


@pytest.fixture
def lr_BTChw():
    return torch.rand(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(2)).double()


def test_items_of_a_batch_choose_for_themselves(net, lr_BTChw):
    frames, _ = model.enlarged(lr_BTChw)
    times = torch.tensor([[0.3], [0.8]], dtype=torch.float64)
    bits = torch.tensor([[[0, 0], [1, 1]], [[0, 1], [1, 0]], [[1, 1], [0, 1]]]).repeat(2, 1, 1)[None]
    with torch.no_grad():
        together, _ = net.pair(frames[:, 0], frames[:, 1], times, bits)
        alone = [net.pair(f[:, 0], f[:, 1], t, bits[:, :, k : k + 1])[0]
                 for k, (f, t) in enumerate(zip(frames.split(1), times.split(1), strict=True))]  # fmt: skip
    assert_close(together, torch.cat(alone), rtol=0, atol=1e-12)


def test_with_gradients_it_is_the_same_and_every_parameter_learns(net, lr_BTChw):
    frames, _ = model.enlarged(lr_BTChw[:1])
    times, bits = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([[[1, 1]], [[0, 1]], [[0, 0]]] * 2)[None]
    with torch.no_grad():
        plain, _ = net.pair(frames[:, 0], frames[:, 1], times, bits)
    learning = net.pair(frames[:, 0], frames[:, 1], times, bits)[0]
    assert_close(learning, plain, rtol=0, atol=1e-12)
    learning.square().sum().backward()
    without = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    net.zero_grad()
    assert without == set()


def test_a_sample_is_drawn_by_its_own_seed_and_moves_no_other_dice(net, lr_BTChw):
    state = torch.get_rng_state()
    made = {}
    with torch.no_grad():
        for rule, seed in (("round", 0), ("sample", 1), ("sample", 2)):
            net.rule, net.seed = rule, seed
            made[rule, seed] = net(lr_BTChw)
            assert torch.equal(net(lr_BTChw), made[rule, seed])
    net.rule, net.seed = "round", 0
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(made["sample", 1], made["sample", 2])


def test_a_bit_is_one_as_often_as_its_chance_says(net):
    net.rule = "sample"
    chance = torch.tensor([[0.2, 0.9]]).expand(20_000, 2)
    drawn = net.bits(chance, torch.Generator().manual_seed(0)).mean(0)
    net.rule = "round"
    assert_close(drawn, torch.tensor([0.2, 0.9]), rtol=0, atol=0.01)  # three deviations are 0.0085 and 0.0064
    assert net.bits(torch.tensor([[0.5, 0.49]]), torch.Generator()).tolist() == [[1.0, 0.0]]


def test_a_given_frame_between_two_gaps_is_the_end_of_the_first(net):
    clip = torch.rand(1, 3, 3, 8, 8, generator=torch.Generator().manual_seed(4)).double()
    with torch.no_grad():
        whole, first, second = net(clip), net(clip[:, :2]), net(clip[:, 1:])
    assert whole.shape == (1, 5, 3, 32, 32)
    assert_close(whole, torch.cat([first, second[:, 1:]], dim=1), rtol=0, atol=1e-12)
