"""STDAN against the numbers of the authors' network, its options, and the authors' checkpoint format."""

import json
import warnings

import pytest
import torch
from stvsr_bench.methods.stdan import align, fast, model, weights
from torch.testing import assert_close

from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.nn import deform, kernels
from tests.golden import GOLDENS, recipe_of

recipe = recipe_of("golden_recipe")

MINI = {"channels": 8, "embed": 12, "heads": 3, "groups": 2, "stages_extract": 1, "stages_recon": 1, "depth": 2}
CLIPS = ["stdan_a", "stdan_b", "stdan_c", "stdan_d_vimeo"]


@pytest.fixture(scope="module")
def manifest():
    return json.loads((GOLDENS / "state_dicts" / "STDAN.json").read_text())


@pytest.fixture(scope="module")
def authors_state(manifest):
    reference = weights.to_authors(model.STDAN().state_dict())
    return recipe.golden_state_dict(reference)


@pytest.fixture(scope="module")
def net(authors_state):
    net = model.STDAN()
    net.load_state_dict(weights.from_authors(authors_state))
    return net.double().eval()


def golden(name):
    return recipe.load(GOLDENS / "networks" / f"{name}.json")


def golden_clip(case):
    entry = case["recipe"]["input"]
    return recipe.golden_input(entry["seed"], entry["shape"])


class Watch:
    """Records what modules and methods of a plain run see and give, under the goldens' names."""

    def __init__(self, net):
        self.net, self.seen, self.handles, self.counts = net, {}, [], {}
        body, pair = net.extract, net.interpolate
        self.out(body.norm_in, "11 feature_extraction.patch_embed")
        self.out(body.stages[0].blocks[0].attention, "12 feature_extraction.layers.0.blocks.0.attn (windowed)")
        self.out(body.stages[0].blocks[0], "13 feature_extraction.layers.0.blocks.0")
        self.out(body.stages[0].blocks[1].attention, "14 feature_extraction.layers.0.blocks.1.attn (windowed, shifted)")
        self.out(body.stages[0].blocks[1], "15 feature_extraction.layers.0.blocks.1")
        self.out(body.stages[0], "16 feature_extraction.layers.0 (RSTB)")
        self.hook(body, self.on_extract)
        self.hook(pair.align, self.on_align)
        self.first(pair.align.forward_.l3.warp, "21 lstfi call 0 L3_dcnpack_1 (DCN output, before lrelu)")
        self.first(pair.fuse, "23 lstfi call 0 fusion")
        self.hook(pair.recall, self.on_recall)
        self.calls(pair.mix, "25 lstfi[call {}].y")
        self.calls(pair.hidden2, "25 lstfi[call {}].hid")
        self.merged = []
        self.hook(pair.merge, lambda inputs, out: self.merged.append((inputs[0], out)))
        self.hook(net.aggregate, self.on_aggregate)
        self.out(net.aggregate.enter, "31 stdfa.conv_first")
        self.maps = {"q": net.aggregate.query, "k": net.aggregate.key, "v": net.aggregate.value}
        for letter, layer in self.maps.items():
            self.hook(layer, lambda inputs, out, key=letter: self.seen.__setitem__(f"32 stdfa.qkv.{key}", out))
        self.first(net.aggregate.head, "34 stdfa pair (0,1) conv_offset_mask raw")
        self.hook(net.aggregate.leave, lambda i, o: self.seen.__setitem__("38 stdfa.aggregated (B*T,72,H,W)", i[0]))
        self.out(net.restore, "40 feature_recon output")
        self.hook(net.up1, lambda i, o: self.seen.__setitem__("41 conv_before_upsample output", i[0]))
        self.hook(net.last, lambda i, o: self.seen.__setitem__("42 upsample output", i[0]))
        self.pairs = []

    def hook(self, module, act):
        def watch(_, inputs, out):
            act(inputs, out)  # returns nothing: what a hook returns would replace the output

        self.handles.append(module.register_forward_hook(watch))

    def out(self, module, name):
        self.hook(module, lambda inputs, out: self.seen.__setitem__(name, out))

    def first(self, module, name):
        self.hook(module, lambda inputs, out: self.seen.setdefault(name, out))

    def calls(self, module, pattern):
        def act(inputs, out):
            k = self.counts[pattern] = self.counts.get(pattern, -1) + 1
            self.seen[pattern.format(k)] = out

        self.hook(module, act)

    def on_extract(self, inputs, out):
        self.seen["10 feature_extraction.input (lrelu(conv_first))"] = inputs[0]
        self.seen["19 feature_extraction output = L1"] = out

    def on_align(self, inputs, out):
        if "22 lstfi call 0.aligned pair before fusion (cat)" in self.seen:
            return
        self.seen["22 lstfi call 0.aligned pair before fusion (cat)"] = out
        for name, levels in zip(("fea1", "fea2"), inputs, strict=True):
            for level, feature in enumerate(levels, start=1):
                self.seen[f"20 lstfi call 0.{name}.L{level}"] = feature

    def on_recall(self, inputs, out):
        self.seen.setdefault("20 lstfi call 0.hid_in", inputs[1])
        self.seen.setdefault("24 lstfi call 0 pcd_h", out)

    def on_aggregate(self, inputs, out):
        self.seen["30 stdfa.input (B,T,64,H,W)"] = inputs[0]
        self.seen["39 stdfa output"] = out

    def finish(self):
        """Everything in the goldens' layouts."""
        for handle in self.handles:
            handle.remove()
        self.seen["28 fusion_f_b.input cat(fwd,bwd)"] = torch.cat([i for i, _ in self.merged])
        self.seen["29 lr_medium_feat"] = torch.cat([o for _, o in self.merged])
        b, s = self.seen["30 stdfa.input (B,T,64,H,W)"].shape[:2]
        for letter in self.maps:
            pixels = self.seen[f"32 stdfa.qkv.{letter}"]
            self.seen[f"32 stdfa.qkv.{letter}"] = pixels.permute(0, 3, 1, 2).unflatten(0, (b, s))
        self.look_at_pairs()
        return self.seen

    @torch.no_grad()
    def look_at_pairs(self):
        """The first three pairs of the aggregation, by the methods that the plain network runs."""
        q, k, v = (self.seen[f"32 stdfa.qkv.{letter}"] for letter in "qkv")
        module, order = self.net.aggregate, [(j, i) for j in range(q.shape[1]) for i in range(q.shape[1]) if i != j]
        self.seen["33 stdfa pair (0,1).key"] = k[:, 1]
        self.seen["33 stdfa pair (0,1).offset_feature"] = module.offset_feature(q[:, 0], k[:, 1])
        offset, mask = module.points(q[:, 0], k[:, 1])
        sampled = deform.deform_sample(k[:, 1], offset, mask, module.groups)
        self.seen["35 stdfa pair (0,1) sampled key (B,72,9,HW)"] = sampled
        for call, (j, i) in enumerate(order[:3]):
            value, logit = module.pair(q[:, j], k[:, i], v[:, i])
            self.seen[f"36 stdfa pair[call {call}].value (B,72,HW)"] = value
            self.seen[f"36 stdfa pair[call {call}].weight_logit (B,HW)"] = logit


def test_parameters_are_those_of_the_paper(manifest):
    assert sum(p.numel() for p in model.STDAN().parameters()) == manifest["total_parameters"] == 8_292_843


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(authors_state, manifest):
    shapes = {key: list(tensor.shape) for key, tensor in authors_state.items()}
    assert shapes == {key: entry["shape"] for key, entry in manifest["entries"].items()}
    again = weights.to_authors(weights.from_authors({f"module.{key}": t for key, t in authors_state.items()}))
    assert set(again) == set(authors_state)
    assert all(torch.equal(again[key], authors_state[key]) for key in again)


@pytest.mark.parametrize("name", CLIPS)
def test_weights_and_clip_are_those_of_the_golden(name, authors_state):
    case = golden(name)
    assert recipe.state_dict_checksum(authors_state) == case["recipe"]["weights"]["checksum"]
    expected = case["recipe"]["input"]["fingerprint"]
    assert recipe.compare(golden_clip(case).double(), expected, which="float64", tol=1e-12)["ok"]


@pytest.mark.parametrize("name", ["stdan_a", "stdan_b", "stdan_c", pytest.param(CLIPS[3], marks=pytest.mark.heavy)])
def test_plain_equals_the_authors_network_at_every_step(name, net):
    case = golden(name)
    net.engine = "plain"
    watch = Watch(net)
    with torch.no_grad():
        out = net(golden_clip(case).double())
    seen = watch.finish()
    assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
    expected = case["float64"]["intermediate"]
    assert set(expected) <= set(seen)
    for key, fingerprint in expected.items():
        report = recipe.compare(seen[key].reshape(fingerprint["shape"]), fingerprint)
        assert report["ok"], (key, report)


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        *((name, kernel) for name in CLIPS[:3] for kernel in ("torch", "best")),
        pytest.param(CLIPS[3], "best", marks=pytest.mark.heavy),
    ],
)
def test_fast_equals_the_authors_network(name, kernel, net):
    case = golden(name)
    net.engine = "fast"
    seen = {}
    watched = {"19 feature_extraction output = L1": net.extract, "40 feature_recon output": net.restore}
    handles = [m.register_forward_hook(lambda _, i, o, k=k: seen.__setitem__(k, o)) for k, m in watched.items()]
    with torch.no_grad(), kernels.only_torch(kernel == "torch"):
        out = net(golden_clip(case).double())
    for handle in handles:
        handle.remove()
    assert recipe.compare(out, case)["ok"], recipe.compare(out, case)
    for key, feature in seen.items():
        fingerprint = case["float64"]["intermediate"][key]
        assert recipe.compare(feature.reshape(fingerprint["shape"]), fingerprint)["ok"], key


def test_float32_is_near_float64_but_for_a_few_flipped_choices(authors_state):
    net = model.STDAN()
    net.load_state_dict(weights.from_authors(authors_state))
    case = golden("stdan_b")
    with torch.no_grad():
        out = net.eval()(golden_clip(case))
    assert out.dtype == torch.float32
    report = recipe.compare(out, case, which="float64", allow_flips=True)
    assert report["ok"], report


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_t": 9},
        {"top_t": 1, "kernel": 1},
        {"kernel": 5, "top_t": 3},
        {"aggregation": "stfa"},
        {"aggregation": "conv3d"},
        {"aggregation": "none"},
        {"interpolation": "short"},
        {"skip": "trilinear"},
    ],
    ids=str,
)
def test_both_engines_are_one_function_for_every_option_and_a_batch(options):
    torch.manual_seed(0)
    net = model.STDAN(**MINI, **options).double().eval()
    shake(net)
    lr_BTChw = torch.rand(2, 3, 3, 16, 24, dtype=torch.float64)
    with torch.no_grad():
        quick, alone = net(lr_BTChw), torch.cat([net(clip) for clip in lr_BTChw.split(1)])
        net.engine = "plain"
        plain = net(lr_BTChw)
    assert quick.shape == (2, 5, 3, 64, 96)
    assert_close(quick, plain, rtol=0, atol=1e-9)
    assert_close(alone, plain, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(8, 8), (8, 24), (16, 16)], ids=str)
def test_the_folded_tail_is_the_tail_up_to_the_border(size, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(fast, "FOLD_PIXELS", 0)
    net = model.STDAN(**MINI).double().eval()
    feature = torch.randn(2, MINI["channels"], *size, dtype=torch.float64)
    with torch.no_grad():
        assert_close(net.tail(feature, "fast"), net.tail(feature, "plain"), rtol=0, atol=1e-12)


def test_small_budgets_change_no_number(monkeypatch):
    torch.manual_seed(0)
    net = model.STDAN(**MINI).double().eval()
    shake(net)
    clip = torch.rand(1, 3, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad(), kernels.only_torch():
        expected = net(clip)
        monkeypatch.setattr(fast, "BODY_PIXELS", 1)
        monkeypatch.setattr(fast, "SAMPLE_BYTES", 1)
        monkeypatch.setattr(deform, "CHUNK_BYTES", 1)
        assert_close(net(clip), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_and_is_near(dtype):
    torch.manual_seed(0)
    net = model.STDAN(**MINI, skip="trilinear").eval()
    torch.nn.init.normal_(net.last.weight, std=0.02)
    clip = torch.rand(1, 2, 3, 8, 8)
    with torch.no_grad():
        expected = net(clip)
        out = net.to(dtype)(clip.to(dtype))
    assert out.dtype == dtype
    assert_close(out.float(), expected, rtol=0, atol=0.05)


def test_both_engines_have_the_same_gradients():
    torch.manual_seed(0)
    net = model.STDAN(**MINI).double().eval()
    shake(net)
    lr_BTChw = torch.rand(1, 3, 3, 16, 16, dtype=torch.float64)
    found = []
    for engine in ("plain", "fast"):
        net.engine = engine
        net.zero_grad()
        net(lr_BTChw).square().sum().backward()
        found.append({name: p.grad.clone() for name, p in net.named_parameters()})
    for name, gradient in found[0].items():
        assert gradient.abs().sum() > 0, name
        assert_close(found[1][name], gradient, rtol=1e-9, atol=1e-9, msg=name)


def shake(net):
    """Offset heads start at zero; move them, so that deformation is seen."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "head" in name or name.startswith("last"):
                parameter.normal_(std=0.2)


def test_training_drops_whole_branches_of_some_frames_and_evaluation_none():
    torch.manual_seed(0)
    net = model.STDAN(**{**MINI, "depth": 6})
    clip = torch.rand(1, 2, 3, 16, 16)
    assert not torch.equal(net.train()(clip), net.train()(clip))
    assert torch.equal(net.eval()(clip), net.eval()(clip))
    assert [block.rate for block in net.extract.stages[0].blocks][::5] == [0.0, 0.1]


def test_with_a_skip_an_untrained_network_gives_the_interpolated_clip():
    net = model.STDAN(**MINI, skip="trilinear").eval()
    flat = torch.full((1, 3, 3, 8, 8), 0.25)
    with torch.no_grad():
        assert_close(net(flat), torch.full((1, 5, 3, 32, 32), 0.25))


def test_a_start_has_no_offset_and_half_a_mask():
    net = model.STDAN(**MINI)
    assert isinstance(net.interpolate, align.Lstfi)
    heads = [p for name, p in net.named_parameters() if ".head." in name]
    assert heads and not any(p.any() for p in heads)


@pytest.mark.parametrize(
    ("shape", "said"), [((1, 4, 3, 12, 16), "multiples of 8"), ((1, 1, 3, 8, 8), "2 frames"), ((1, 3, 8, 8), "shape")]
)
def test_a_clip_that_does_not_fit_gives_one_sentence(shape, said):
    with pytest.raises(UsageError, match=said):
        model.STDAN(**MINI)(torch.rand(shape))


def test_only_the_midpoint_is_made():
    net, clip = model.STDAN(**MINI), torch.rand(1, 2, 3, 8, 8)
    assert net(clip, torch.full((1, 1), 0.5)).shape == (1, 3, 3, 32, 32)
    with pytest.raises(UsageError, match="middle"):
        net(clip, torch.tensor([[0.25]]))


@pytest.mark.parametrize(
    ("options", "said"), [({"kernel": 2}, "odd"), ({"top_t": 10}, "top_t=10"), ({"heads": 5}, "heads=5")]
)
def test_options_that_make_no_network_give_one_sentence(options, said):
    with pytest.raises(UsageError, match=said):
        model.STDAN(**{**MINI, **options})


def test_a_wrong_checkpoint_is_named_by_its_key(authors_state):
    for change, said in (
        (lambda s: s.pop("conv_last.bias"), "'conv_last.bias' is missing"),
        (lambda s: s.__setitem__("extra", torch.zeros(1)), "'extra' is not known"),
        (lambda s: s.__setitem__("fusion_f_b.bias", torch.zeros(3)), "'fusion_f_b.bias' has shape"),
        (lambda s: s.pop("feature_recon.layers.0.residual_group.blocks.1.attn_mask"), "attn_mask' is missing"),
    ):
        state = dict(authors_state)
        change(state)
        with pytest.raises(WeightsError, match=said):
            weights.from_authors(state)


def test_nothing_warns_on_a_first_forward():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.STDAN(**MINI)(torch.rand(1, 2, 3, 8, 8))
