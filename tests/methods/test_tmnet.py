"""TMNet against the numbers of the authors' network, its options, and the authors' checkpoint format."""

import pytest
import torch
from stvsr_bench.methods.tmnet import model, weights
from torch.testing import assert_close

from stvsr_bench.errors import UsageError, WeightsError

MINI = {"channels": 8, "groups": 2, "front_blocks": 1, "back_blocks": 2}
CLIPS = [
    "tmnet_a_notime",
    "tmnet_a_t05",
    "tmnet_b_t2",
]
HEAVY = ["tmnet_c_six", "tmnet_d_vimeo"]


@pytest.fixture(scope="module")
def net(goldens):
    return goldens.load(model.TMNet(), weights.from_authors, "TMNet")


@pytest.fixture
def mini(goldens):
    return goldens.shaken(model.TMNet(**MINI))


def test_parameters_are_those_of_the_paper(goldens):
    count = sum(p.numel() for p in model.TMNet().parameters())
    assert count == goldens.manifest("TMNet")["total_parameters"] == 12_263_523


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("TMNet", model.TMNet(), weights, 482)


@pytest.mark.parametrize("name", [*CLIPS, *(pytest.param(name, marks=pytest.mark.heavy) for name in HEAVY)])
def test_plain_equals_the_authors_network_at_every_step(name, net, goldens):
    goldens.check_plain(name, net, weights)


@pytest.mark.parametrize(
    ("name", "torch_only"),
    [
        *((clip, False) for clip in CLIPS),
        ("tmnet_a_t05", True),
        *(pytest.param(clip, False, marks=pytest.mark.heavy) for clip in HEAVY),
        pytest.param("tmnet_c_six", True, marks=pytest.mark.heavy),
    ],
)
def test_fast_equals_the_authors_network(name, torch_only, net, goldens):
    goldens.check_fast(name, net, torch_only)


@pytest.mark.parametrize("options", [{}, {"skip": "trilinear"}], ids=str)
@pytest.mark.parametrize("times", [None, [[0.25, 0.75]], [[0.1, 0.5, 0.3], [0.9, 0.2, 0.6]]], ids=str)
def test_both_engines_are_one_function_for_every_option_and_a_batch(times, options, goldens):
    net = goldens.shaken(model.TMNet(**MINI, **options))
    times = None if times is None else torch.tensor(times, dtype=torch.float64)
    lr_BTChw = torch.rand(2, 3, 3, 12, 16, dtype=torch.float64)
    each = [None] * 2 if times is None else times.expand(2, -1).split(1)
    with torch.no_grad():
        quick = net(lr_BTChw, times)
        alone = torch.cat([net(clip, t) for clip, t in zip(lr_BTChw.split(1), each, strict=True)])
        net.engine = "plain"
        plain = net(lr_BTChw, times)
    assert quick.shape == (2, 3 + 2 * (1 if times is None else times.shape[1]), 3, 48, 64)
    assert_close(quick, plain, rtol=0, atol=1e-9)
    assert_close(alone, plain, rtol=0, atol=1e-9)


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_the_middle_by_name_is_the_middle_without_a_time(engine, mini):
    mini.engine = engine
    lr_BTChw = torch.rand(1, 2, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        assert_close(mini(lr_BTChw, torch.tensor([[0.5]])), mini(lr_BTChw), rtol=0, atol=1e-12)


def test_times_may_come_in_any_order_and_single_precision(mini):
    pyramid = [level[None] for level in mini.extract(torch.rand(3, 3, 8, 8, dtype=torch.float64))]
    with torch.no_grad():
        up, down = (mini.interpolate(pyramid, torch.tensor([t]).double()) for t in ([0.25, 0.75], [0.75, 0.25]))
        assert_close(up, down.flip(2), rtol=0, atol=1e-12)
        assert mini(torch.rand(1, 2, 3, 8, 8, dtype=torch.float64), torch.tensor([[0.3]])).dtype == torch.float64


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_time_modulation_learns_only_away_from_the_middle(engine, mini):
    mini.engine = engine
    lr_BTChw = torch.rand(1, 2, 3, 8, 8, dtype=torch.float64)
    for times, moved in ((torch.tensor([[0.5]]), False), (torch.tensor([[0.3]]), True)):
        mini.zero_grad()
        mini(lr_BTChw, times).square().sum().backward()
        for name, parameter in mini.named_parameters():
            assert bool(parameter.grad.any()) is (moved or "modulate" not in name), (name, times)


def test_both_engines_have_the_same_gradients(mini):
    lr_BTChw, times = torch.rand(1, 3, 3, 8, 12, dtype=torch.float64), torch.tensor([[0.2, 0.7]])
    found = []
    for engine in ("plain", "fast"):
        mini.engine = engine
        mini.zero_grad()
        mini(lr_BTChw, times).square().sum().backward()
        found.append({name: p.grad.clone() for name, p in mini.named_parameters()})
    for name, gradient in found[0].items():
        assert_close(found[1][name], gradient, rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.parametrize("times", [[[0.0]], [[1.0]], [[0.5, 1.5]], [[float("nan")]], [[]], [0.5]])
def test_times_outside_the_gap_or_none_at_all_are_refused_with_one_sentence(mini, times):
    with pytest.raises(UsageError, match="times must"):
        mini(torch.rand(1, 2, 3, 8, 8), torch.tensor(times))


@pytest.mark.parametrize("size", [(14, 16), (22, 44), (10, 16), (9, 13)])
def test_sizes_that_do_not_halve_evenly_work(mini, size):
    with torch.no_grad():
        assert mini(torch.rand(1, 2, 3, *size, dtype=torch.float64)).shape[-2:] == (4 * size[0], 4 * size[1])


def test_fresh_offset_heads_are_zero_and_fresh_residual_branches_small():
    net = model.TMNet(**MINI)
    heads = [m for m in net.modules() if hasattr(m, "head")]
    assert len(heads) == 20
    assert all(not head.head.weight.any() and not head.head.bias.any() and not head.bias.any() for head in heads)
    assert all(not block.conv1.bias.any() for block in net.back)


def test_a_small_version_has_half_a_million_parameters():
    count = sum(p.numel() for p in model.TMNet(channels=16, groups=1, front_blocks=2, back_blocks=6).parameters())
    assert 300_000 < count < 600_000


def break_key(state):
    state["fusion.wait"] = state.pop("fusion.weight")


def break_shape(state):
    state["fusion.weight"] = state["fusion.weight"][:1]


@pytest.mark.parametrize(
    ("spoil", "word"), [(break_key, "'fusion.weight' is missing"), (break_shape, "'fusion.weight' has")]
)
def test_a_wrong_key_or_shape_is_named_in_one_sentence(spoil, word):
    state = weights.to_authors(model.TMNet().state_dict())
    spoil(state)
    with pytest.raises(WeightsError, match=word):
        weights.from_authors(state)
