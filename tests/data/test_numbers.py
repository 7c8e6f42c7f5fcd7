"""Frames are in the order that their names mean, or are refused for what is really unclear."""

import random
from pathlib import Path

import pytest

from stvsr_bench.data.numbers import ordered, steady
from stvsr_bench.errors import DataError

FOLDER = Path("clip")


def found(names):
    shuffled = random.Random(0).sample(names, len(names))
    return ordered(FOLDER, [FOLDER / name for name in shuffled])


@pytest.mark.parametrize(
    ("names", "column"),
    [
        ([f"{i}.png" for i in range(8, 12)], 0),
        ([f"im{i}_x4.png" for i in range(1, 8)], 0),
        ([f"hr_2x_{i:04d}.png" for i in range(7)], 1),
        ([f"IMG_20240131_235959_{i:03d}.jpg" for i in range(7)], 2),
        ([f"{i}_28.{q}.png" for i, q in enumerate((41, 3, 9, 14))], 0),
        ([f"frame_{round(i * 1000 / 30)}.png" for i in range(9)], 0),  # 0, 33, 67, 100: milliseconds
        ([f"{1_700_000_000_000_000_000 + round(i * 1e9 / 24)}.png" for i in range(5)], 0),
        ([f"t{i / 25:.2f}.png" for i in range(20, 30)], None),
        ([f"{i / 10:.1f}.png" for i in range(5, 15)], None),
        ([f"DSC_{i:04d}.JPG" for i in (9998, 9999, 1, 2)], None),
        ([f"DSC_{i:04d}.JPG" for i in (9998, 9999, 0, 1)], None),
        ([f"2024-01-31_23-59-{s}.png" for s in (58, 59)] + [f"2024-02-01_00-00-0{s}.png" for s in (0, 1)], None),
        ([f"202402282359{s}.png" for s in (58, 59)] + [f"2024022900000{s}.png" for s in (0, 1)], None),
        ([f"20240131_2358{s}.png" for s in (57, 58, 59)] + ["20240131_235900.png"], None),
        ([f"2024-01-31T23.59.59.{i}.png" for i in (867, 900, 933, 967)] + ["2024-02-01T00.00.00.000.png"], None),
        # as macOS names screenshots, over noon, one o'clock and midnight
        ([f"Screenshot 2024-01-31 at {t}.png" for t in ("11.59.59 AM", "12.00.00 PM", "12.00.01\u202fPM")], None),
        ([f"Screen Shot 2024-01-31 at {t} PM.png" for t in ("12.59.58", "12.59.59", "1.00.00", "1.00.01")], None),
        (["2024-01-31 11-59-59 pm.png", "2024-02-01 12-00-00 am.png", "2024-02-01 12-00-01 am.png"], None),
        ([f"31-01-2024_23-59-{s}.png" for s in (58, 59)] + [f"01-02-2024_00-00-0{s}.png" for s in (0, 1)], None),
        ([f"01-31-2024 23.59.{s}.png" for s in (58, 59)] + [f"02-01-2024 00.00.0{s}.png" for s in (0, 1)], None),
        ([f"{m:02d}-{s:02d}.png" for m, s in ((0, 58), (0, 59), (1, 0), (1, 1))], None),
        ([f"t_{i}.png" for i in range(-3, 4)], None),
        (["f-2.png", "f-1.png", "f+0.png", "f+1.png"], None),
        (["T-2.png", "T-1.png", "T0.png"], None),
        (["clip_1.png", "clip-2.png", "clip_3.png"], 0),
        ([f"clip-{i}.png" for i in range(1, 5)], 0),
        ([f"{i}_{name}.png" for i, name in enumerate(("a3f", "77", "c0d1"))], 0),
        ([f"00-00-{i // 24:02d}-{i % 24:02d}.png" for i in range(30, 60)], None),  # frames of a second, 24 of them
    ],
)
def test_names_are_put_in_the_order_that_they_mean(names, column):
    order = found(names)
    assert [path.name for path in order.paths] == names
    assert order.column == column
    assert steady(order.numbers)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a.png", "b.png"], "a.png has no number in its name|b.png has no number in its name"),
        (["hr_01.png", "lr_01.png"], r"hr_01\.png and lr_01\.png both have the number 1"),
        (["00001.png", "00001 (1).png"], r"both have the number 1"),
        ([f"{s}_{f:02d}.png" for s in (1, 2) for f in range(24)], "are there several clips in one folder"),
        ([f"s{s}_f{f:02d}.png" for s in (1, 2) for f in range(9)], "are there several clips in one folder"),
        ([f"{i}_{9 - i}.png" for i in range(5)], "have 2 numbers that may count the frames"),
        ([f"20240131_2359{s}.png" for s in (57, 59)] + ["20240201_000000.png"], "times in names .* not evenly apart"),
        # 12.59.59 is missing
        ([f"Screenshot 2024-01-31 at {t} PM.png" for t in ("12.59.58", "1.00.00", "1.00.01")], "not evenly apart"),
        (["t=-0.08.png", "t=-0.04.png", "t=0.00.png"], r"t=-0\.0[48]\.png has a negative number beside another"),
        ([f"{i}{'7' * 70}.png" for i in range(3)], "more than 60 digits"),
    ],
)
def test_names_that_tell_no_order_are_refused_for_that(names, sentence):
    with pytest.raises(DataError, match=sentence):
        found(names)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["a1.png", "a-2.png", "a3.png"], [0, 1, 2]),  # a dash that one name has lost
        (["f-1.png", "f-2.png", "f3.png"], [0, 1, 2]),
        (["f-10_1.png", "f-5_2.png", "f5_3.png"], [0, 1, 2]),  # an angle, and a counter
        (["f_-2.png", "f_-1.png", "f_1.png"], [0, 1, 2]),
        (["f_-1.png", "f_-2.png", "f_0.png"], [1, 0, 2]),
    ],
)
def test_a_dash_is_a_sign_only_where_the_numbers_need_it(names, order):
    assert [path.name for path in found(names).paths] == [names[i] for i in order]


def test_a_gap_shows_in_counters_and_in_time_stamps():
    assert not steady(found([f"{i}.png" for i in (0, 1, 3)]).numbers)
    assert not steady(found([f"{round(i * 1000 / 30)}.png" for i in (0, 1, 2, 4, 5, 6)]).numbers)
    assert not steady(found([f"DSC_{i:04d}.JPG" for i in (9998, 9999, 1, 3)]).numbers)
