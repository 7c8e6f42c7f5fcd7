"""Two methods on the same clips."""

import json
import math
from dataclasses import replace

import pytest
from scipy import stats as oracle

import stvsr_bench
from stvsr_bench.cli import call
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.report.compare import compare_tidy, compared_md
from stvsr_bench.report.tidy import tidy


def part_of(found, where, frames="all", metric="psnr_y"):
    (part,) = [p for p in found.parts if (p.where, p.frames, p.metric) == (where, frames, metric)]
    return part.result


def test_differences_are_paired_and_given_and_between_frames_stand_apart(row):
    rows = []
    for i in range(6):
        rows.append(row("a", "", "d", "s", str(i), [30.0 + i, 22.0 + i] * 3 + [30.0 + i], motion_px=0.5))
        rows.append(row("b", "", "d", "s", str(i), [30.0 + i, 20.0 + i] * 3 + [30.0 + i], motion_px=0.5))
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    assert part_of(found, "d s", "given").difference.mean == 0
    between = part_of(found, "d s", "between")
    assert between.difference.mean == pytest.approx(2.0)
    assert (between.wins, between.ties, between.losses) == (6, 0, 0)
    # p of six clips is 0.031, and here it is one of six comparisons
    assert between.p_holm > 0.05 and between.verdict == "undecided"
    assert part_of(found, "d motion 0-1 px/frame").difference.n == 6


def test_a_lower_is_better_metric_counts_less_as_a_gain(row):
    rows = [row("a", "", "d", "s", str(i), [30.0] * 7, values={"mse_y": [1.0] * 7}) for i in range(9)]
    rows += [row("b", "", "d", "s", str(i), [30.0] * 7, values={"mse_y": [2.0] * 7}) for i in range(9)]
    assert part_of(compare_tidy(tidy(rows), "a", "b", ["mse_y"]), "d s", metric="mse_y").verdict == "better"


def test_the_clips_that_differ_most_are_named(run):
    found = stvsr_bench.compare("stdan", "blend+bicubic", run)
    assert len(found.apart) == 10
    gains = [abs(pair.gain) for pair in found.apart]
    assert gains == sorted(gains, reverse=True)
    assert found.apart[0].clip.count("/") == 2


def test_only_common_clips_count_and_infinite_ones_are_counted_beside_them(row):
    rows = [row("a", "", "d", "s", clip, [30.0] * 7) for clip in "123"] + [row("b", "", "d", "s", "1", [20.0] * 7)]
    rows += [row("b", "", "d", "s", "2", [math.inf] * 7)]
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    result = part_of(found, "d s")
    assert (result.difference.n, result.difference.n_inf) == (1, 1)
    assert (result.wins, result.ties, result.losses) == (1, 0, 1)
    assert "(+1 inf)" in compared_md(found) and "restored exactly" in compared_md(found)


@pytest.mark.parametrize("protocol", ["suite-1", "zsm-2020"])  # leaves infinite frames out, keeps them
def test_a_method_that_is_exact_on_all_clips_is_better_and_never_a_tie(row, protocol):
    rows = [row("exact", "", "d", "s", clip, [math.inf] * 7, protocol=protocol) for clip in "12345678"]
    rows += [row("b", "", "d", "s", clip, [40.0] * 7, protocol=protocol) for clip in "12345678"]
    for first, second, verdict, counts in (("exact", "b", "better", (8, 0, 0)), ("b", "exact", "worse", (0, 0, 8))):
        found = compare_tidy(tidy(rows), first, second, ["psnr_y"])
        for frames in ("all", "given", "between"):
            result = part_of(found, "d s", frames)
            assert (result.wins, result.ties, result.losses) == counts
            assert (result.verdict, result.difference.n, result.difference.n_inf) == (verdict, 0, 8)
        assert "| –  " in compared_md(found) and "nan" not in compared_md(found)
        assert [pair.gain for pair in found.apart] == [math.inf if first == "exact" else -math.inf] * 8


def test_infinite_clips_are_counted_in_the_frames_of_the_comparison_alone(row):
    def psnr(given, between):
        return [given if t % 2 == 0 else between for t in range(7)]

    rows = [row("a", "", "d", "s", clip, psnr(math.inf, 30.0)) for clip in "123"]
    rows += [row("b", "", "d", "s", clip, psnr(40.0, 31.0)) for clip in "123"]
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    counts = {}
    for frames in ("all", "given", "between"):
        difference = part_of(found, "d s", frames).difference
        counts[frames] = (difference.n, difference.n_inf)
    assert counts == {"all": (3, 0), "given": (0, 3), "between": (3, 0)}
    assert part_of(found, "d s", "between").verdict == "too few clips"


def test_a_clip_without_a_frame_of_a_choice_is_not_taken_for_exact(row):
    given = {"frames": [0, 2], "given": [True, True]}
    rows = [row(name, "", "d", "s", "c", [math.inf, 30.0], **given) for name in "ab"]
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    assert {part.frames for part in found.parts} == {"all", "given"}


def test_two_data_sets_and_two_protocols_are_never_one_number(row):
    rows = []
    for dataset, protocol, gain in (("d", "suite-1", 1.0), ("e", "suite-1", 5.0), ("d", "zsm-2020", 9.0)):
        for clip in "123":
            of = {"motion_px": 3.0, "protocol": protocol}
            rows.append(row("a", "", dataset, "s", clip, [30.0 + gain] * 7, **of))
            rows.append(row("b", "", dataset, "s", clip, [30.0] * 7, **of))
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    means = {(part.protocol, part.where): part.result.difference for part in found.parts if part.frames == "all"}
    assert {place: (of.mean, of.n) for place, of in means.items()} == {
        ("suite-1", "d s"): (1.0, 3),
        ("suite-1", "e s"): (5.0, 3),
        ("suite-1", "d motion 2-4 px/frame"): (1.0, 3),
        ("suite-1", "e motion 2-4 px/frame"): (5.0, 3),
        ("zsm-2020", "d s"): (9.0, 3),
        ("zsm-2020", "d motion 2-4 px/frame"): (9.0, 3),
    }
    assert [(pair.protocol, pair.gain) for pair in found.apart].count(("zsm-2020", 9.0)) == 3


def test_splits_of_one_data_set_with_equal_clip_names_keep_all_their_clips(row):
    rows = [row(m, "", "d", s, "1", [v] * 7, motion_px=3.0) for s in "st" for m, v in (("a", 31.0), ("b", 30.0))]
    assert part_of(compare_tidy(tidy(rows), "a", "b", ["psnr_y"]), "d motion 2-4 px/frame").difference.n == 2


def test_two_keys_of_one_protocol_name_stand_apart_under_their_keys(row):
    rows = [row(m, "", "d", "s", "1", [v] * 7) for m, v in (("a", 31.0), ("b", 30.0))]
    rows += [row(m, "", "d", "s", "1", [v] * 7, protocol_key="suite-1.0-old") for m, v in (("a", 39.0), ("b", 30.0))]
    found = compare_tidy(tidy(rows), "a", "b", ["psnr_y"])
    means = {part.protocol_key: part.result.difference.mean for part in found.parts if part.frames == "all"}
    assert means == {rows[0].protocol_key: 1.0, "suite-1.0-old": 9.0}
    new, old = compared_md(found).split("## Protocol `suite-1 (")[1:]
    if not old.startswith("suite-1.0-old)`"):
        new, old = old, new
    assert old.startswith("suite-1.0-old)`")
    assert "+9.000" in old and "+9 " in old and "+1.000" not in old and "+1 " not in old
    assert "+1.000" in new and "+1 " in new and "+9.000" not in new and "+9 " not in new


def test_one_name_of_two_files_of_weights_asks_which(row):
    files = {"1": "a" * 64, "2": "b" * 64}
    rows = [row("a", "best.pth", "d", "s", clip, [31.0] * 7, weights_sha256=of) for clip, of in files.items()]
    rows += [row("b", "", "d", "s", clip, [30.0] * 7) for clip in files]
    for name in ("a", "a@best.pth"):
        with pytest.raises(UsageError, match=r"several weights; write one of a@best\.pth#aaaa, a@best\.pth#bbbb"):
            compare_tidy(tidy(rows), name, "b", ["psnr_y"])
    assert part_of(compare_tidy(tidy(rows), "b", "a@best.pth#bbbb", ["psnr_y"]), "d s").difference.n == 1


def test_a_protocol_that_averages_folders_is_compared_by_folders(row):
    # three clips of one folder are won by 2 dB and one clip of another is lost by 2 dB: even, by folders
    gains = {"x/1": 2.0, "x/2": 2.0, "x/3": 2.0, "y/1": -2.0}
    for protocol, mean, verdict in (("rstt-2022", 0.0, "tie"), ("suite-1", 1.0, "undecided")):
        rows = [row("a", "", "d", "s", clip, [30.0 + gain] * 7, protocol=protocol) for clip, gain in gains.items()]
        rows += [row("b", "", "d", "s", clip, [30.0] * 7, protocol=protocol) for clip in gains]
        result = part_of(compare_tidy(tidy(rows), "a", "b", ["psnr_y"]), "d s")
        assert (result.difference.mean, result.verdict) == (pytest.approx(mean), verdict)
        assert (result.wins, result.losses, result.difference.n) == (3, 1, 4)


def test_a_name_with_several_weights_must_say_which(row):
    rows = [row("a", weights, "d", "s", "1", [30.0] * 7) for weights in ("mini", "none")]
    with pytest.raises(UsageError, match="several weights; write one of a@mini, a@none"):
        compare_tidy(tidy(rows), "a", "a@mini", ["psnr_y"])
    with pytest.raises(UnknownNameError, match="unknown method 'b' in these rows"):
        compare_tidy(tidy(rows), "b", "a@mini", ["psnr_y"])


def test_methods_without_a_common_clip_are_one_sentence(row):
    rows = [row("a", "", "d", "s", "1", [30.0] * 7), row("b", "", "d", "s", "2", [30.0] * 7)]
    with pytest.raises(UsageError, match="no clip in common"):
        compare_tidy(tidy(rows), "a", "b", ["psnr_y"])


def two_methods(row, gains, **changes):
    """Rows of `a` and `b` on a clip for each gain of `a`."""
    rows = [row("a", "", "d", "s", f"{i}", [30.0 + gain] * 7, **changes) for i, gain in enumerate(gains)]
    return rows + [row("b", "", "d", "s", f"{i}", [30.0] * 7, **changes) for i in range(len(gains))]


def test_p_values_are_corrected_for_all_parts_of_one_metric(row):
    rows = two_methods(row, [0.5, 0.6, 0.7, 0.8, -0.1], motion_px=3.0)
    parts = [part for part in compare_tidy(tidy(rows), "a", "b", ["psnr_y"]).parts if part.metric == "psnr_y"]
    assert len(parts) == 6  # a split and a motion bin, three choices of frames
    plain = oracle.wilcoxon([0.5, 0.6, 0.7, 0.8, -0.1]).pvalue
    assert [part.result.p_wilcoxon for part in parts] == pytest.approx([plain] * 6)
    assert [part.result.p_holm for part in parts] == pytest.approx([min(1.0, 6 * plain)] * 6)


@pytest.mark.parametrize(("p", "said"), [(0.00099, "<0.001"), (0.001, "0.001"), (0.0049, "0.005"), (1.0, "1.000")])
def test_a_p_value_has_three_digits(row, p, said):
    part = compare_tidy(tidy(two_methods(row, [1.0])), "a", "b", ["psnr_y"]).parts[0]
    assert replace(part, result=replace(part.result, p_holm=p)).p_shown == said


def test_a_difference_has_a_digit_more_than_a_value(row):
    part = compare_tidy(tidy(two_methods(row, [0.125, 0.125])), "a", "b", ["psnr_y"]).parts[0]
    assert (part.mean_shown, part.interval_shown) == ("+0.125", ("+0.125", "+0.125"))


def test_ssim_ties_under_the_last_of_its_four_digits(row):
    rows = []
    for clip, gain in (("1", 0.0005), ("2", 0.00005), ("3", -0.0005)):
        for method, ssim in (("a", 0.9 + gain), ("b", 0.9)):
            rows.append(row(method, "", "d", "s", clip, [30.0] * 7, values={"ssim_y": [ssim] * 7}))
    result = part_of(compare_tidy(tidy(rows), "a", "b", ["ssim_y"]), "d s", metric="ssim_y")
    assert (result.wins, result.ties, result.losses) == (1, 1, 1)


def test_motion_bins_come_from_slow_to_fast(row):
    rows = [
        row(method, "", "d", "s", f"{motion}", [30.0] * 7, motion_px=motion)
        for motion in (20.0, 0.5, 9.0, 1.5)
        for method in "ab"
    ]
    parts = compare_tidy(tidy(rows), "a", "b", ["psnr_y"]).parts
    bins = [part.where.split()[2] for part in parts if part.frames == "all" and "motion" in part.where]
    assert bins == ["0-1", "1-2", "8-16", "16+"]


def test_the_first_metric_decides_which_clips_differ_most_and_lower_may_be_better(row):
    rows = []
    for clip, (mse, psnr) in {"1": (5.0, 30.1), "2": (9.0, 30.2), "3": (1.0, 30.3)}.items():
        rows.append(row("a", "", "d", "s", clip, [0.0] * 7, values={"mse_y": [mse] * 7, "psnr_y": [psnr] * 7}))
        rows.append(row("b", "", "d", "s", clip, [0.0] * 7, values={"mse_y": [6.0] * 7, "psnr_y": [30.0] * 7}))
    apart = compare_tidy(tidy(rows), "a", "b", ["mse_y", "psnr_y"]).apart
    assert [(pair.clip, pair.gain) for pair in apart] == [("d/s/3", 5.0), ("d/s/2", -3.0), ("d/s/1", 1.0)]


def test_a_name_that_is_one_method_as_written_needs_no_weights(row):
    rows = [row("a", weights, "d", "s", "1", [30.0] * 7) for weights in ("", "mini")]
    found = compare_tidy(tidy(rows), "a", "a@mini", ["psnr_y"])
    assert (found.first, found.second) == ("a", "a@mini")


def test_it_is_printed_within_80_columns_with_every_part(run, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert call(["compare", "stdan", "blend+bicubic", str(run)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    for frames in ("all", "given", "between"):
        assert f"PSNR-Y (dB) of {frames} frames, protocol suite-1" in said
    assert "8-16 px/frame" in said
    assert "5/0/0" in said
    assert "Clips that differ most (10)" in said


def test_exact_clips_are_said_on_the_terminal_and_in_json_and_drawn_apart_by_protocol(row, write, tmp_path, capsys):
    rows = []
    for protocol in ("suite-1", "zsm-2020"):
        for clip, psnr in (("1", math.inf), ("2", 31.0), ("3", 32.0)):
            rows.append(row("a", "", "d", "s", clip, [psnr] * 7, protocol=protocol))
            rows.append(row("b", "", "d", "s", clip, [30.0] * 7, protocol=protocol))
    run = write(tmp_path / "r", rows)
    assert call(["compare", "a", "b", str(run), "--metrics", "psnr_y", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 (+1 inf)" in said and "restored exactly" in " ".join(said.split()) and "+inf" in said
    drawn = {path.name.removesuffix(".png") for path in (tmp_path / "out").glob("*.png")}
    assert drawn == {f"clip-against-clip-{key}" for key in {of.protocol_key for of in rows}}
    assert call(["compare", "a", "b", str(run), "--metrics", "psnr_y", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {part["result"]["difference"]["n_inf"] for part in found["parts"]} == {1}
    assert found["apart"][0]["gain"] == "inf"


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (["stdan", "blendd+bicubic"], 2, "Did you mean 'blend+bicubic'?"),
        (["stdan", "stdan@mini"], 2, "are the same method; name two different ones"),
        (["stdan", "blend+bicubic", "--metrics", "psnr"], 2, "Did you mean 'psnr_y'?"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence_and_its_code(run, capsys, argv, code, sentence):
    assert call(["compare", *argv[:2], str(run), *argv[2:]]) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


def test_an_untrained_method_is_called_so(run):
    text = compared_md(stvsr_bench.compare("zsm", "stdan", run))
    assert "**Untrained: zsm@none.**" in text
