"""RSTT against the numbers of the authors' networks, its options, and the authors' checkpoint format."""

import re

import pytest
import torch
import torch.nn.functional as F
from stvsr_bench.methods.rstt import model, weights
from torch.testing import assert_close

from stvsr_bench import methods
from stvsr_bench.errors import UsageError, WeightsError

MINI = {"depth": 2, "channels": 16}
SIZES = {4: ("RSTT-S", 4_485_275, 728), 6: ("RSTT-M", 6_079_895, 1080), 8: ("RSTT-L", 7_674_515, 1432)}
DEPTHS = {"s": 4, "m": 6, "l": 8}
SLOW = ["rstt_s_a", "rstt_m_a", "rstt_l_a", "rstt_l_b_odd"]
HEAVY = ["rstt_s_b", "rstt_s_d_wide", "rstt_m_b_odd", "rstt_m_c", "rstt_l_c"]
# each takes some seconds; the parts of all three networks are the same
CLIPS = [
    "rstt_s_c_odd",
    *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    *(pytest.param(name, marks=pytest.mark.heavy) for name in HEAVY),
]


def built(name, engine, goldens):
    net = model.RSTT(depth=DEPTHS[name.split("_")[1]], engine=engine)
    net.load_state_dict(weights.from_authors(goldens.filled(weights.to_authors(net.state_dict()))))
    return net.double().eval()


def mini(engine="fast"):
    torch.manual_seed(0)
    net = model.RSTT(**MINI, engine=engine)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return net.double().eval()


class Watch:
    """Records what modules see and give under the goldens' names."""

    def __init__(self, net, names, blocks):
        self.seen = {}
        self.on(net.enter, lambda given, out: self.keep(F.leaky_relu(out, 0.01), "11 input_proj"))
        for name in names:
            if place := re.match(r"\d+ (\w+)_layers\.(\d)(?:\.blocks\.(\d))?(?:\.(attn\d?))?$", name):
                stage = (net.encode if place[1] == "encoder" else net.decode)[int(place[2])]
                if blocks:
                    self.block(stage, place[3], place[4], name)
            elif place := re.match(r"\d+ (down|up)sample\.(\d)$", name):
                self.on(getattr(net, place[1])[int(place[2])], lambda given, out, name=name: self.keep(out, name))
        if blocks:
            padded = "12 encoder_layers.0 input (zero-padded)"
            self.on(net.encode[0][0], lambda given, out: self.keep(model.channels_first(given[0]), padded))
            self.on(net.decode[0][0], lambda given, out: self.keep(model.channels_first(given[0][0]), "40 queries"))
        self.on(net.tail, lambda given, out: self.keep(given[0], "60 upconv1 input (cropped)"))
        for name, part in (
            ("61 upconv1", "up1"),
            ("62 upconv2", "up2"),
            ("63 HRconv", "refine"),
            ("64 conv_last", "last"),
        ):
            self.on(getattr(net.tail, part), lambda given, out, name=name: self.keep(out, name))

    def block(self, stage, block, attention, name):
        if block is None:  # the whole stage
            self.on(stage[-1], lambda given, out: self.keep(model.channels_first(out), name))
        elif attention is None:
            self.on(stage[int(block)], lambda given, out: self.keep(out, name))
        else:
            part = {"attn": "attention", "attn1": "own", "attn2": "cross"}[attention]
            self.on(getattr(stage[int(block)], part).proj, lambda given, out: self.keep(out, name))

    def on(self, module, act):
        module.register_forward_hook(lambda _, given, out: act(given, out))

    def keep(self, tensor, name):
        # the fast engine enlarges frame by frame
        self.seen[name] = torch.cat([self.seen[name], tensor]) if name in self.seen else tensor


def check(name, engine, goldens):
    net = built(name, engine, goldens)
    goldens.check_weights(name, weights.to_authors(net.state_dict()))
    names = goldens.case(name)["float64"]["intermediate"]
    watch = Watch(net, names, blocks=engine == "plain")
    clip = goldens.clip(name)
    with torch.no_grad():
        out = net(clip)
    watch.keep(model.skip(clip), "10 trilinear skip (B,7,3,4H,4W)")
    goldens.check(name, out, watch.seen, every=engine == "plain")


@pytest.mark.parametrize("name", CLIPS)
def test_plain_equals_the_authors_network_at_every_step(name, goldens):
    check(name, "plain", goldens)


@pytest.mark.parametrize("name", ["rstt_s_c_odd", pytest.param("rstt_l_c", marks=pytest.mark.slow)])
def test_fast_equals_the_authors_network(name, goldens):
    check(name, "fast", goldens)


@pytest.mark.parametrize("depth", SIZES)
def test_parameters_and_keys_are_those_of_the_authors(depth, goldens):
    name, parameters, entries = SIZES[depth]
    net = model.RSTT(depth=depth)
    assert sum(p.numel() for p in net.parameters()) == goldens.manifest(name)["total_parameters"] == parameters
    goldens.check_keys(name, net, weights, entries)
    kinds = {
        key: str(tensor.dtype).removeprefix("torch.") for key, tensor in weights.to_authors(net.state_dict()).items()
    }
    assert kinds == {key: entry["dtype"] for key, entry in goldens.manifest(name)["entries"].items()}


@pytest.mark.parametrize("size", [(32, 40), (17, 42)])
def test_both_engines_are_one_function_for_a_batch_of_any_size(size):
    lr_BTChw = torch.rand(2, 4, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        quick, plain = (mini(engine)(lr_BTChw) for engine in ("fast", "plain"))
        alone = torch.cat([mini()(clip) for clip in lr_BTChw.split(1)])
    assert quick.shape == (2, 7, 3, 4 * size[0], 4 * size[1])
    assert_close(quick, plain, rtol=0, atol=1e-9)
    assert_close(alone, plain, rtol=0, atol=1e-9)


def test_both_engines_have_the_same_gradients_and_only_the_unused_layer_has_none():
    lr_BTChw, found = torch.rand(1, 4, 3, 20, 40, dtype=torch.float64), []
    for engine in ("plain", "fast"):
        net = mini(engine)
        with torch.inference_mode():
            net(lr_BTChw)  # masks are kept: those of a run without gradients must serve one with them
        net(lr_BTChw).square().mean().backward()
        found.append({name: p.grad for name, p in net.named_parameters()})
    assert {name for name, grad in found[0].items() if grad is None} == {"down.3.weight", "down.3.bias"}
    for name, grad in found[0].items():
        if grad is not None:
            assert grad.any(), name
            assert_close(found[1][name], grad, rtol=1e-9, atol=1e-12, msg=name)


def test_what_it_adds_to_is_read_between_frames_as_between_pixels():
    lr_BTChw = torch.rand(1, 4, 3, 6, 5, dtype=torch.float64)
    large = F.interpolate(lr_BTChw[0], scale_factor=4, mode="bilinear", align_corners=False)
    shares = torch.zeros(7, 4, dtype=torch.float64)
    shares[0, 0] = shares[6, 3] = 1
    shares[1, :2] = torch.tensor([9, 5]) / 14
    shares[2, :2] = torch.tensor([1, 13]) / 14
    shares[3, 1:3] = 0.5
    shares[4:6] = shares[1:3].flip(0, 1)
    assert_close(model.skip(lr_BTChw)[0], torch.einsum("st,tchw->schw", shares, large), rtol=0, atol=1e-7)


def test_in_training_a_branch_is_dropped_for_a_whole_clip_and_more_often_the_deeper_it_is():
    net = model.RSTT(**MINI).train()
    rates = [[block.rate for stage in part for block in stage] for part in (net.encode, net.decode)]
    assert rates[0] == pytest.approx([0.1 * i / 7 for i in range(8)])
    assert rates[1] == rates[0][::-1]
    block = net.decode[0][0]
    torch.manual_seed(0)
    kept = block.dropped(torch.ones(400, 7, 2, 2, 1))
    assert kept.unique().tolist() == pytest.approx([0, 1 / 0.9])
    assert torch.equal(kept.amin((1, 2, 3, 4)), kept.amax((1, 2, 3, 4)))
    assert 20 <= int((kept[:, 0, 0, 0, 0] == 0).sum()) <= 60  # 40 +- 3.3 standard deviations


@pytest.mark.parametrize(
    ("shape", "times", "word"),
    [
        ((1, 3, 3, 32, 32), None, "exactly 4 frames, not 3"),
        ((1, 4, 1, 32, 32), None, "clips of shape"),
        ((1, 4, 3, 32, 32), [[0.25]], "times must be 0.5"),
    ],
)
def test_a_clip_that_it_cannot_take_is_refused_in_one_sentence(shape, times, word):
    with pytest.raises(UsageError, match=word):
        model.RSTT(**MINI)(torch.rand(shape), None if times is None else torch.tensor(times))


def test_the_tags_say_how_deep_and_that_use_is_not_commercial():
    card = methods.card("rstt")
    assert {tag: facts.options["depth"] for tag, facts in card.weights.items()} == DEPTHS
    assert {facts.licence for facts in card.weights.values()} == {"CC-BY-NC-SA-4.0"}
    assert card.frames_in == (4, 4)


@pytest.mark.parametrize("spoil", ["pop", "other"])
def test_a_file_with_other_position_buffers_is_refused(spoil):
    state = weights.to_authors(model.RSTT(depth=4).state_dict())
    key = "decoder_layers.0.blocks.0.attn2.relative_position_index"
    if spoil == "pop":
        del state[key]
    else:
        state[key] = state[key] + 1
    with pytest.raises(WeightsError, match=r"attn2\.relative_position_index' is missing or another"):
        weights.from_authors(state)
