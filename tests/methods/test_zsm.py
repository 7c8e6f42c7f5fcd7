"""Zooming Slow-Mo against the numbers of the authors' network, its options, and the authors' checkpoint format."""

import pytest
import torch
from stvsr_bench.methods.zsm import model, weights
from torch.testing import assert_close

from stvsr_bench.errors import UsageError, WeightsError

MINI = {"channels": 8, "groups": 2, "front_blocks": 1, "back_blocks": 2}
HEAVY = pytest.param("zsm_d_vimeo", False, marks=pytest.mark.heavy)
CLIPS = ["zsm_a", "zsm_b", "zsm_c", pytest.param("zsm_d_vimeo", marks=pytest.mark.heavy)]


@pytest.fixture(scope="module")
def net(goldens):
    return goldens.load(model.ZoomingSlowMo(), weights.from_authors, "ZSM")


@pytest.fixture
def mini(goldens):
    return goldens.shaken(model.ZoomingSlowMo(**MINI))


def test_parameters_are_those_of_the_paper(goldens):
    count = sum(p.numel() for p in model.ZoomingSlowMo().parameters())
    assert count == goldens.manifest("ZSM")["total_parameters"] == 11_102_771


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("ZSM", model.ZoomingSlowMo(), weights, 416)


@pytest.mark.parametrize("name", CLIPS)
def test_plain_equals_the_authors_network_at_every_step(name, net, goldens):
    goldens.check_plain(name, net, weights)


@pytest.mark.parametrize(("name", "torch_only"), [*((clip, False) for clip in CLIPS[:3]), ("zsm_c", True), HEAVY])
def test_fast_equals_the_authors_network(name, torch_only, net, goldens):
    goldens.check_fast(name, net, torch_only)


@pytest.mark.parametrize("options", [{}, {"skip": "trilinear"}, {"groups": 1}], ids=str)
def test_both_engines_are_one_function_for_every_option_and_a_batch(options, goldens):
    net = goldens.shaken(model.ZoomingSlowMo(**{**MINI, **options}))
    lr_BTChw = torch.rand(2, 3, 3, 12, 16, dtype=torch.float64)
    with torch.no_grad():
        quick, alone = net(lr_BTChw), torch.cat([net(clip) for clip in lr_BTChw.split(1)])
        net.engine = "plain"
        plain = net(lr_BTChw)
    assert quick.shape == (2, 5, 3, 48, 64)
    assert_close(quick, plain, rtol=0, atol=1e-9)
    assert_close(alone, plain, rtol=0, atol=1e-9)


def test_both_engines_have_the_same_gradients_and_reach_every_parameter(mini):
    lr_BTChw = torch.rand(1, 3, 3, 8, 12, dtype=torch.float64)
    found = []
    for engine in ("plain", "fast"):
        mini.engine = engine
        mini.zero_grad()
        mini(lr_BTChw).square().sum().backward()
        found.append({name: p.grad.clone() for name, p in mini.named_parameters()})
    for name, gradient in found[0].items():
        assert gradient.abs().sum() > 0, name
        assert_close(found[1][name], gradient, rtol=1e-9, atol=1e-9, msg=name)


def test_the_midpoint_by_name_is_the_midpoint(mini):
    lr_BTChw = torch.rand(1, 2, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(mini(lr_BTChw, torch.tensor([[0.5]])), mini(lr_BTChw))


@pytest.mark.parametrize("times", [[[0.25]], [[0.25, 0.75]], [[]]])
def test_other_times_are_refused_with_one_sentence(mini, times):
    with pytest.raises(UsageError, match="zsm"):
        mini(torch.rand(1, 2, 3, 8, 8), torch.tensor(times))


def test_sizes_that_do_not_fit_the_pyramid_are_refused_with_one_sentence(mini):
    with pytest.raises(UsageError, match="multiples of 4, not 10x16"):
        mini(torch.rand(1, 2, 3, 10, 16))
    with pytest.raises(UsageError, match="at least 2 frames"):
        mini(torch.rand(1, 1, 3, 8, 8))


def test_fresh_offset_heads_are_zero_and_fresh_residual_branches_small():
    net = model.ZoomingSlowMo(**MINI)
    heads = [m for m in net.modules() if hasattr(m, "head")]
    assert len(heads) == 18
    assert all(not head.head.weight.any() and not head.head.bias.any() and not head.bias.any() for head in heads)
    assert all(not block.conv1.bias.any() for block in net.back)


def test_a_small_version_has_half_a_million_parameters():
    count = sum(p.numel() for p in model.ZoomingSlowMo(channels=16, groups=1, back_blocks=10).parameters())
    assert 300_000 < count < 600_000


def break_key(state):
    state["fusion.wait"] = state.pop("fusion.weight")


def break_shape(state):
    state["fusion.weight"] = state["fusion.weight"][:1]


@pytest.mark.parametrize(
    ("spoil", "word"), [(break_key, "'fusion.weight' is missing"), (break_shape, "'fusion.weight' has")]
)
def test_a_wrong_key_or_shape_is_named_in_one_sentence(spoil, word):
    state = weights.to_authors(model.ZoomingSlowMo().state_dict())
    spoil(state)
    with pytest.raises(WeightsError, match=word):
        weights.from_authors(state)
