from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stvsr_bench import methods
from stvsr_bench.cli import call
from stvsr_bench.errors import USAGE, UsageError
from stvsr_bench.inspection import attention
from stvsr_bench.schema import Clip, Method

SMALL = "stdan:channels=8:embed=8:heads=1:groups=2:stages_extract=1:stages_recon=1:depth=1@none"


@dataclass(frozen=True)
class Seen:
    frame: int
    points: Tensor
    weights: Tensor
    share: Tensor


class Knowing(nn.Module):
    """A net that knows the motion: its points lie `error` lr pixels to the right of where the pixel is."""

    def __init__(self, motion: tuple[float, float], error: float) -> None:
        super().__init__()
        self.motion, self.error = motion, error

    def look(self, lr_BTChw: Tensor, target: int) -> list[Seen]:
        _, t, _, h, w = lr_BTChw.shape
        others = [i for i in range(2 * t - 1) if i != target]
        found = []
        for i in others:
            x, y = (step * (i - target) / 4 for step in self.motion)
            point = torch.tensor([y, x + self.error]).view(1, 1, 1, 2, 1, 1).expand(1, 2, 1, 2, h, w)
            found.append(Seen(i, point, torch.ones(1, 1, h, w), torch.full((1, h, w), 1 / len(others))))
        return found


def sliding_clip(motion: tuple[float, float]) -> Clip:
    flow = np.broadcast_to(np.array(motion, np.float32), (6, 64, 96, 2)).copy()
    return Clip("toy", "slow", "a", np.full((7, 3, 64, 96), 0.5, np.float32), flow_FHW2=flow)


def knowing(motion: tuple[float, float], error: float) -> Method:
    return Method("toy", methods.card("stdan"), Knowing(motion, error))


def test_points_at_the_true_place_have_no_error() -> None:
    columns, _ = attention.followed(knowing((4.0, -2.0), 0.0), sliding_clip((4.0, -2.0)), [1])
    table = np.concatenate(columns)
    assert table[:, 1].max() < 1e-4
    assert table[:, 0].min() == pytest.approx(np.hypot(4, 2), rel=1e-5)


def test_a_point_one_lr_pixel_off_is_four_hr_pixels_wrong() -> None:
    columns, _ = attention.followed(knowing((3.0, 0.0), 1.0), sliding_clip((3.0, 0.0)), [3])
    facts = attention.by_motion("slow", columns)
    assert [(f.low_px, f.high_px) for f in facts] == [(2.0, 4.0), (4.0, 8.0), (8.0, 16.0)]
    assert [f.error_px for f in facts] == pytest.approx([4.0] * 3, abs=1e-4)
    assert [f.still_px for f in facts] == pytest.approx([3.0, 6.0, 9.0], rel=1e-5)


def test_displacement_follows_a_flow_that_changes_on_the_way() -> None:
    flow = np.zeros((2, 8, 40, 2), np.float32)
    flow[0, ..., 0] = 10.0
    flow[1, :, 20:, 1] = 3.0  # only what has come to the right half goes down
    moved = attention.displacement(flow, 0, 2)
    assert moved[4, 5].tolist() == pytest.approx([10, 0])
    assert moved[4, 15].tolist() == pytest.approx([10, 3])


def test_even_weights_have_entropy_one_and_a_single_frame_zero() -> None:
    def shares(*values: float) -> list[Seen]:
        nothing = torch.zeros(1)
        return [Seen(i, nothing, nothing, torch.full((1, 2, 2), value)) for i, value in enumerate(values)]

    assert attention.spread(shares(0.25, 0.25, 0.25, 0.25)) == pytest.approx((1.0, 4.0))
    assert attention.spread(shares(1.0, 0.0, 0.0, 0.0)) == pytest.approx((0.0, 1.0), abs=1e-9)


def test_points_outside_the_frame_are_counted() -> None:
    points = torch.zeros(1, 1, 2, 2, 4, 4)
    points[:, :, 1, 1] = -1.0  # the second point one to the left: outside in the first column alone
    outside = attention.outside_share(Seen(0, points, torch.zeros(1), torch.zeros(1)))
    assert outside[:, 0].tolist() == [0.5] * 4
    assert outside[:, 1:].max() == 0


def test_looks_of_the_network_are_what_its_forward_takes() -> None:
    method = methods.build(SMALL)
    lr_BTChw = torch.rand(1, 2, 3, 16, 16)
    seen = method.net.look(lr_BTChw, 1)
    assert [look.frame for look in seen] == [0, 2]
    assert torch.allclose(sum(look.share for look in seen), torch.ones(1, 16, 16))
    assert all(int((look.weights > 0).sum(1).max()) == 2 for look in seen)  # top_t
    query, key, value = method.net.aggregate.embed(method.net.sequence(lr_BTChw, "plain"))
    taken = method.net.aggregate.gather(query, key, value, 1)
    values = [method.net.aggregate.look(query[:, 1], key[:, i], value[:, i]).value for i in (0, 2)]
    assert torch.allclose(taken, sum(v * look.share[:, None] for v, look in zip(values, seen, strict=True)), atol=1e-6)


def test_inspect_writes_tables_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["inspect", SMALL, "--split", "fast", "--limit", "1", "--out", str(tmp_path)]) == 0
    assert call(["inspect", SMALL, "--split", "fast", "--clip", "0000", "--at", "100,90", "--out", str(tmp_path)]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.name for path in written] == [
        "motion.csv", "frame_weights.csv", "motion.png", "points.png", "shares.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 0 for path in written)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["blend"], "no attention"),
        ([SMALL, "--clip", "0000", "--at", "900,1"], "outside"),
        ([SMALL, "--clip", "0000", "--at", "middle"], "x,y"),
        ([SMALL, "--clip", "0000", "--frame", "7"], "0 to 6"),
        ([SMALL.replace("@", ":aggregation=none@"), "--clip", "0000"], "no attention"),
    ],
)
def test_a_mistake_is_one_sentence(
    argv: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["inspect", *argv, "--out", str(tmp_path)]) == USAGE
    assert said in capsys.readouterr().err


def test_a_data_set_without_flow_is_refused() -> None:
    clip = Clip("toy", "slow", "a", np.zeros((7, 3, 64, 96), np.float32))
    with pytest.raises(UsageError, match="true motion"):
        attention.followed(knowing((0.0, 0.0), 0.0), clip, [0])
