"""blend and dis: what lies between two frames, at any time, without weights."""

import pytest
import torch
from torch import Tensor

from stvsr_bench import methods
from stvsr_bench.errors import UsageError


@pytest.fixture(params=["blend", "dis"])
def net(request: pytest.FixtureRequest) -> torch.nn.Module:
    return methods.build(request.param).net


def moving(frames: int = 3, step: float = 4.0, size: int = 64, dtype: torch.dtype = torch.float32) -> Tensor:
    """A smooth picture that slides `step` pixels to the right a frame, (1, T, 3, size, size)."""
    x = torch.arange(size, dtype=dtype)
    shown = []
    for index in range(frames):
        place = x - step * index
        wave = (
            0.5
            + 0.25 * torch.sin(place / 5)[None] * torch.cos(x / 7)[:, None]
            + 0.2 * torch.sin(place[None] / 11 + x[:, None] / 9)
        )
        shown.append(wave.expand(3, size, size))
    return torch.stack(shown)[None]


def test_given_frames_are_passed_through_untouched(net: torch.nn.Module) -> None:
    frames_BTCHW = torch.rand(2, 3, 3, 16, 16)
    out_BSCHW = net(frames_BTCHW)
    assert out_BSCHW.shape == (2, 5, 3, 16, 16)
    assert torch.equal(out_BSCHW[:, 0::2], frames_BTCHW)


def test_two_times_a_gap_give_three_frames_a_gap(net: torch.nn.Module) -> None:
    frames_BTCHW = moving(3, size=32)
    out_BSCHW = net(frames_BTCHW, torch.tensor([[0.25, 0.5]]))
    assert out_BSCHW.shape[1] == 3 + 2 * 2
    assert torch.equal(out_BSCHW[:, 0::3], frames_BTCHW)
    assert torch.allclose(out_BSCHW[:, 2::3], net(frames_BTCHW)[:, 1::2], atol=1e-5)


def test_every_batch_item_is_treated_as_if_alone(net: torch.nn.Module) -> None:
    frames_BTCHW = torch.cat([moving(2, 4), moving(2, -3)])
    times = torch.tensor([[0.5], [0.2]])
    together = net(frames_BTCHW, times)
    alone = torch.cat([net(frames_BTCHW[i : i + 1], times[i : i + 1]) for i in range(2)])
    assert torch.equal(together, alone)


def test_a_still_scene_stays_still(net: torch.nn.Module) -> None:
    frame = moving(1)
    out_BSCHW = net(frame.expand(-1, 2, -1, -1, -1))
    assert torch.allclose(out_BSCHW[:, 1], frame[:, 0], atol=1e-3)


def test_float64_in_is_float64_out(net: torch.nn.Module) -> None:
    assert net(moving(2, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_in_is_half_precision_out_and_close(net: torch.nn.Module, dtype: torch.dtype) -> None:
    frames_BTCHW = moving(2)
    half = net(frames_BTCHW.to(dtype))
    assert half.dtype == dtype
    assert (half.float() - net(frames_BTCHW)).abs().mean() < 0.005  # 8-bit luma may round the other way here and there


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 23), (33, 80)])
def test_small_and_odd_sizes_work(net: torch.nn.Module, size: tuple[int, int]) -> None:
    out_BSCHW = net(torch.rand(1, 2, 3, *size))
    assert out_BSCHW.shape == (1, 3, 3, *size)
    assert torch.isfinite(out_BSCHW).all()


@pytest.mark.parametrize("times", [torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[1.5, 0.5]])])
def test_a_time_outside_the_gap_is_refused(net: torch.nn.Module, times: Tensor) -> None:
    with pytest.raises(UsageError, match="strictly between 0 and 1"):
        net(torch.rand(1, 2, 3, 16, 16), times)


def test_one_frame_alone_is_refused(net: torch.nn.Module) -> None:
    with pytest.raises(UsageError, match="T >= 2"):
        net(torch.rand(1, 1, 3, 16, 16))


def test_blend_is_the_mean_and_is_linear_in_time() -> None:
    a, b = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    net = methods.build("blend").net
    out_BSCHW = net(torch.stack([a, b], 1), torch.tensor([[0.25, 0.5]]))
    assert torch.allclose(out_BSCHW[:, 1], 0.75 * a + 0.25 * b)
    assert torch.allclose(out_BSCHW[:, 2], (a + b) / 2)


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_dis_follows_the_motion_to_the_wanted_time(t: float) -> None:
    step = 4.0
    frames_BTCHW = moving(2, step)
    truth = moving(2, step * t)[:, 1]
    middle = (..., slice(12, -12), slice(12, -12))
    error = (methods.build("dis").net(frames_BTCHW, torch.tensor([[t]]))[:, 1] - truth)[middle].abs().mean()
    ghost = (methods.build("blend").net(frames_BTCHW, torch.tensor([[t]]))[:, 1] - truth)[middle].abs().mean()
    assert error < 0.01
    assert error < ghost / 4


def test_dis_shows_the_background_that_only_one_neighbour_sees() -> None:
    """A bright square moves over a textured ground; what it uncovers is read from the neighbour that shows it."""
    gen = torch.Generator().manual_seed(3)
    ground = torch.nn.functional.interpolate(torch.rand(1, 3, 24, 24, generator=gen), size=(96, 96), mode="bicubic")
    ground = 0.4 * ground[0].clamp(0, 1)
    texture = 0.7 + 0.3 * torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12, generator=gen), size=(32, 32))[0]

    def frame(left: int) -> Tensor:
        shown = ground.clone()
        shown[:, 32:64, left : left + 32] = texture
        return shown

    pair_BTCHW = torch.stack([frame(24), frame(36)])[None]
    truth = frame(30)
    dis = methods.build("dis").net(pair_BTCHW)[0, 1]
    blend = methods.build("blend").net(pair_BTCHW)[0, 1]
    assert (dis - truth).square().mean() < 0.25 * (blend - truth).square().mean()


def test_dis_gives_the_same_bytes_twice_whatever_the_number_of_threads() -> None:
    import cv2

    net = methods.build("dis").net
    frames_BTCHW = moving(2, 5.0, size=96)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = net(frames_BTCHW)
        cv2.setNumThreads(4)
        assert torch.equal(one, net(frames_BTCHW))
    finally:
        cv2.setNumThreads(threads)


def test_time_reversal_reverses_the_output(net: torch.nn.Module) -> None:
    frames_BTCHW = moving(3, 3.0)
    assert torch.allclose(net(frames_BTCHW.flip(1)), net(frames_BTCHW).flip(1), atol=1e-4)
