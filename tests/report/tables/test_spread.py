"""One method under every protocol and variant: each number by hand from per-frame values."""

import math

import numpy as np
import pytest

from stvsr_bench.report.tables.spread import spread, spread_md

FIRST = [30.0, 20.0, 31.0, 21.0, 32.0, 22.0, 33.0]  # given frames are the even ones
SECOND = [40.0, math.inf, 41.0, 35.0, 42.0, 36.0, 43.0]


def variants(rows, measure="psnr"):
    return {(each.protocol, each.name): each for each in spread(rows, measure)}


def test_every_choice_of_frames_and_means_is_what_it_says(row):
    rows = [row("net", "w", "mini", "slow", "a", FIRST), row("net", "w", "mini", "slow", "b", SECOND)]
    found = variants(rows)
    finite = [value for value in SECOND if math.isfinite(value)]
    expected = {
        "as the protocol says": np.mean([np.mean(FIRST), np.mean(finite)]),
        "given frames": np.mean([31.5, 41.5]),
        "between frames": np.mean([21.0, 35.5]),
        "centre frames": np.mean([21.0, 35.0]),
        "all except the last frames": np.mean([np.mean(FIRST[:-1]), np.mean(finite[:-1])]),
    }
    for name, value in expected.items():
        assert found["suite-1", name].value == pytest.approx(value, abs=1e-12), name
    pooled = [-10 * math.log10(np.mean([10 ** (-value / 10) for value in clip])) for clip in (FIRST, SECOND)]
    assert found["suite-1", "pooled MSE of a clip"].value == pytest.approx(np.mean(pooled), abs=1e-9)
    assert found["suite-1", "as the protocol says"].n_inf == 1
    assert found["suite-1", "given frames"].n_inf == 0


def test_protocols_stand_apart_and_differences_are_to_the_suites_own(row):
    rows = [
        row("net", "w", "mini", "slow", "a", FIRST, protocol="zsm-2020"),
        row("net", "w", "mini", "slow", "a", [20.0] * 7),
    ]
    found = spread(rows)
    assert (found[0].protocol, found[0].value, found[0].delta) == ("suite-1", 20.0, 0.0)
    others = {each.protocol: each for each in found if each.name == "as the protocol says"}
    assert others["zsm-2020"].delta == pytest.approx(np.mean(FIRST) - 20.0)


def test_a_protocol_that_averages_folders_shows_what_clips_would_give(row):
    names = ("a/1", "a/2", "b/1")
    rows = [
        row("net", "w", "mini", "slow", name, [value] * 7)
        for name, value in zip(names, (30.0, 32.0, 40.0), strict=True)
    ]
    assert variants(rows)["suite-1", "mean of folders"].value == pytest.approx(35.5)
    assert variants(rows)["suite-1", "as the protocol says"].value == pytest.approx(34.0)


def test_what_was_not_measured_is_named_and_what_was_is_not(row):
    plain = row("net", "w", "mini", "slow", "a", FIRST)
    said = spread_md("mini slow", spread([plain]))
    assert "Not measured: PSNR Y full range" in said and "PSNR Y crop 4" in said and "--metrics variant" in said
    whole = {f"psnr_{view}": FIRST for view in ("y", "y_full", "y_rounded", "y_crop4", "y_unrounded", "rgb")}
    measured = row("net", "w", "mini", "slow", "a", FIRST, values={**plain.values, **whole})
    said = spread_md("mini slow", spread([measured]))
    assert "Not measured" not in said and "PSNR Y full range" in said


def test_the_spread_of_one_method_is_counted_by_hand(row):
    psnr = [30.0, 20.0, 30.0, 20.0, 30.0, 20.0, 30.0]
    mse = [255**2 * 10 ** (-value / 10) for value in psnr]
    rows = [row("a", "", "d", "s", "1", psnr, values={"psnr_y": psnr, "mse_y": mse, "psnr_rgb": [25.0] * 7})]
    found = {variant.name: variant.value for variant in spread(rows)}
    assert found["as the protocol says"] == pytest.approx(180 / 7)
    assert found["given frames"] == 30.0
    assert found["between frames"] == found["centre frames"] == 20.0
    assert found["pooled MSE of a clip"] == pytest.approx(10 * np.log10(255**2 / np.mean(mse)))
    assert found["PSNR-RGB"] == 25.0


def of_frames(row, protocol, frames, given, **changes):
    """A row whose PSNR at frame i is 20 + i."""
    values = {"psnr_y": [20.0 + i for i in frames], "ssim_y": [0.5] * len(frames)}
    return row("a", "", "d", "s", changes.pop("clip", "1"), [], protocol=protocol, frames=list(frames), values=values,
               given=list(given), **changes)  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "frames", "middles"),
    [
        ("suite-1", range(17), (3, 9, 13)),  # windows 0-6, 6-12 and, over the end, 10-16
        ("suite-1", range(7), (3,)),
        ("suite-1", range(5), (2,)),  # a clip shorter than a window is one window
        ("zsm-2020", range(13), (3, 9)),
        ("stdan-2023", range(9), (3, 5)),  # a last window over the final seven frames
        ("videoinr-2022", (*range(8), *range(8, 16)), (4, 12)),  # its rule leaves the last frame out of the mean
        ("videoinr-2022-centre", (4, 12), (4, 12)),
    ],
)
def test_centre_frames_are_the_middles_of_the_protocol_s_own_windows(row, protocol, frames, middles):
    found = variants([of_frames(row, protocol, frames, [i % 2 == 0 for i in frames])])
    assert found[protocol, "centre frames"].value == pytest.approx(20 + np.mean(middles))


def test_protocols_are_compared_over_the_clips_that_all_of_them_have(row):
    rows = [row("a", "", "d", "s", clip, [psnr] * 7) for clip, psnr in (("1", 30.0), ("2", 40.0), ("3", 50.0))]
    rows += [row("a", "", "d", "s", "1", [29.0] * 7, protocol="zsm-2020")]
    found = spread(rows)
    assert {(one.protocol, one.name): (one.value, one.clips) for one in found}["suite-1", "as the protocol says"] == (
        30.0,
        1,
    )
    assert {one.clips for one in found} == {1}
    said = spread_md("d s", found)
    assert "Highest minus lowest: 1.00 dB, over the 1 clip that all protocols share." in said
    elsewhere = [row("a", "", "d", "s", "9", [29.0] * 7, protocol="zsm-2020")]
    assert spread([*rows[:3], *elsewhere]) == []
    assert "No clip was measured under all of these protocols" in spread_md("d s", [])


def test_a_variant_of_fewer_clips_has_no_difference_and_no_part_in_the_range(row):
    # the between frames of clip 2 are exact, so that variant is a mean of clip 1 alone
    exact = [40.0, math.inf] * 3 + [40.0]
    rows = [row("a", "", "d", "s", "1", [30.0, 20.0] * 3 + [30.0]), row("a", "", "d", "s", "2", exact)]
    found = {one.name: one for one in spread(rows)}
    assert (found["between frames"].clips, found["between frames"].whole) == (1, False)
    assert (found["given frames"].clips, found["given frames"].whole) == (2, True)
    said = spread_md("d s", list(found.values()))
    (line,) = [text for text in said.splitlines() if "| between frames" in text]
    assert "| 20.00 |" in line.replace("  ", "") and " – |" in line
    assert "Highest minus lowest" not in said and "No two protocols" in said
    assert "Values of fewer clips" in said


def test_a_range_is_of_protocols_alone_and_never_of_colours_or_choices_of_frames(row):
    def measured(protocol, psnr):
        plain = row("a", "", "d", "s", "1", psnr, protocol=protocol)
        return row("a", "", "d", "s", "1", psnr, protocol=protocol, values={**plain.values, "psnr_rgb": [9.0] * 7})

    rows = [measured("suite-1", FIRST), measured("zsm-2020", [value + 0.25 for value in FIRST])]
    assert "Highest minus lowest: 0.25 dB, over the 1 clip that all protocols share." in spread_md("d s", spread(rows))
    # frames 0 and 4 of a window are another quantity than all frames of it
    rows = [measured("videoinr-2022", FIRST), measured("videoinr-2022-centre", FIRST)]
    assert "No two protocols score the same kind of frames here" in spread_md("d s", spread(rows))


def test_frames_whose_truth_is_flat_are_left_out_as_in_the_tables(row):
    psnr = [90.0, *FIRST[1:]]
    rows = [row("a", "", "d", "s", "1", psnr, flags=["flat:0"])]
    rows += [row("a", "", "d", "s", "1", psnr, protocol="zsm-2020")]
    found = variants(rows)
    assert found["suite-1", "as the protocol says"].value == pytest.approx(np.mean(psnr[1:]))
    assert found["suite-1", "given frames"].value == pytest.approx(np.mean(psnr[2::2]))
    assert found["zsm-2020", "as the protocol says"].value == pytest.approx(np.mean(psnr))  # it keeps them
