"""Two methods on the same clips."""

import math

import pytest

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
    assert (between.wins, between.ties, between.losses, between.verdict) == (6, 0, 0, "better")
    assert part_of(found, "motion 0-1 px/frame").difference.n == 6


def test_a_lower_is_better_metric_counts_less_as_a_gain(row):
    rows = [row("a", "", "d", "s", str(i), [30.0] * 7, values={"mse_y": [1.0] * 7}) for i in range(3)]
    rows += [row("b", "", "d", "s", str(i), [30.0] * 7, values={"mse_y": [2.0] * 7}) for i in range(3)]
    assert part_of(compare_tidy(tidy(rows), "a", "b", ["mse_y"]), "d s", metric="mse_y").verdict == "better"


def test_the_clips_that_differ_most_are_named(run):
    found = stvsr_bench.compare("stdan", "blend+bicubic", run)
    assert len(found.apart) == 10
    gains = [abs(pair.gain) for pair in found.apart]
    assert gains == sorted(gains, reverse=True)
    assert found.apart[0].clip.count("/") == 2


def test_only_common_clips_count_and_infinite_ones_are_named(row):
    rows = [row("a", "", "d", "s", clip, [30.0] * 7) for clip in "123"] + [row("b", "", "d", "s", "1", [20.0] * 7)]
    rows += [row("b", "", "d", "s", "2", [math.inf] * 7)]
    assert part_of(compare_tidy(tidy(rows), "a", "b", ["psnr_y"]), "d s").difference.n == 1


def test_a_name_with_several_weights_must_say_which(row):
    rows = [row("a", weights, "d", "s", "1", [30.0] * 7) for weights in ("mini", "none")]
    with pytest.raises(UsageError, match="several weights; write one of a@mini, a@none"):
        compare_tidy(tidy(rows), "a", "a@mini", ["psnr_y"])
    with pytest.raises(UnknownNameError, match="unknown method in these rows 'b'"):
        compare_tidy(tidy(rows), "b", "a@mini", ["psnr_y"])


def test_methods_without_a_common_clip_are_one_sentence(row):
    rows = [row("a", "", "d", "s", "1", [30.0] * 7), row("b", "", "d", "s", "2", [30.0] * 7)]
    with pytest.raises(UsageError, match="no clip in common"):
        compare_tidy(tidy(rows), "a", "b", ["psnr_y"])


def test_it_is_printed_within_80_columns_with_every_part(run, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert call(["compare", "stdan", "blend+bicubic", str(run)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    for frames in ("all", "given", "between"):
        assert f"PSNR-Y (dB) of {frames} frames, protocol suite-1" in said
    assert "8-16 px/frame" in said
    assert "5/0/0" in said
    assert "The 10 clips that differ most" in said


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
