"""Time metrics and frozen output in rows: which frames have values, what is said of the others, reading them back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import methods, metrics, protocols
from stvsr_bench.data.windows import Window, Windows, windows_of
from stvsr_bench.report.build import build
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position, tidy
from stvsr_bench.restore import Restored
from stvsr_bench.rows import lines, store
from stvsr_bench.runner.evaluate import evaluate
from stvsr_bench.runner.gaps import gaps_of
from stvsr_bench.runner.measure import Digests, Wanted, measure
from stvsr_bench.schema import Clip

ASKED = Wanted((protocols.get("suite-1"),), ("mse_y", "psnr_y", "time_error", "time_contrast"))


def waves(times, speed=1.5):
    """Waves that move to the right, all channels alike, float32 in [0, 1], (S, 3, 32, 48)."""
    y, x = np.mgrid[:32, :48]
    planes = [
        0.5 + 0.2 * np.sin(0.26 * (x - speed * t) + 0.2 * y) + 0.1 * np.sin(0.13 * (x - speed * t)) for t in times
    ]
    return np.repeat(np.stack(planes)[:, None], 3, 1).astype(np.float32)


def rows_of(sr_SCHW, hr_SCHW, wanted=ASKED):
    """Rows of frames that are restored already; the method's own name does not matter."""
    windows = windows_of(len(hr_SCHW), wanted.protocols[0])
    clip = Clip("own", "all", "c", hr_SCHW)
    restored = Restored(windows, sr_SCHW[list(windows.frames)])
    return measure(methods.build("blend+bicubic"), clip, restored, wanted, Digests("t", "i"), {})


@pytest.fixture(scope="module")
def late():
    """A row of seven frames whose interpolated ones show a moment 0.25 frames too late, the truth still at the end."""
    hr = waves([0, 1, 2, 3, 4, 4, 4])
    return rows_of(waves([0, 1.25, 2, 3.25, 4, 4, 4]), hr)[0]


def test_interpolated_frames_have_values_and_the_others_none(late):
    for name in ("time_error", "time_contrast"):
        assert np.isnan(late.values[name]).tolist() == [True, False, True, False, True, True, True]
    assert np.array(late.values["time_error"])[[1, 3]] == pytest.approx(0.125, abs=0.01)
    undefined = "time_error: 1 of 3 interpolated frames; time_contrast: 1 of 3 interpolated frames"
    assert late.how["undefined"] == undefined and "missing" not in late.how


def test_a_row_with_frames_without_a_value_is_read_back_as_it_was(late, tmp_path):
    with store.Appender(store.rows_file(tmp_path)) as rows:
        rows.row(late)
    (again,) = store.read_rows(tmp_path)
    assert lines.line_of(again) == lines.line_of(late) and b'"NaN"' in lines.line_of(late)
    assert json.loads(lines.line_of(late))["values"]["time_error"][0] == "NaN"


def test_a_still_clip_has_none_of_them_and_is_not_asked_again():
    still = waves([0] * 7)
    (row,) = rows_of(np.clip(still + 0.01, 0, 1), still)
    assert set(row.values) == {"mse_y", "psnr_y"} and row.how["left_out"] == "time_contrast,time_error"
    assert "time_error: the truth does not move between" in row.how["missing"]
    assert store.measured(row) >= {"time_error", "time_contrast"}


def test_a_protocol_that_scores_no_interpolated_frame_says_so(late):
    given = replace(protocols.get("suite-1"), frames="given")
    hr = waves(range(7))
    (row,) = rows_of(hr, hr, replace(ASKED, protocols=(given,)))
    assert row.frames == [0, 2, 4, 6] and "protocol scores none of this clip" in row.how["missing"]


def test_the_whole_clip_is_in_the_reach_whatever_the_protocol_scores():
    """A last frame without an input frame after it is not restored; it is a true frame all the same."""
    hr, sr = waves(range(8), 0.5), waves([0, 1, 2, 3, 4, 7, 6, 0], 0.5)
    (row,) = rows_of(sr, hr)
    assert row.frames == list(range(7)) and row.values["time_error"][5] == 1.0
    alone = rows_of(sr[:7], hr[:7])[0]
    assert alone.values["time_error"][5] == 0.5


def test_values_do_not_depend_on_the_half_of_a_protocol_that_chooses_frames(late):
    wanted = tuple(replace(protocols.get("suite-1"), frames=frames) for frames in ("all", "between"))
    hr = waves(range(7))
    every, between = rows_of(waves(np.arange(7) + 0.2), hr, replace(ASKED, protocols=wanted))
    assert between.frames == [1, 3, 5]
    assert [every.values["time_error"][i] for i in (1, 3, 5)] == between.values["time_error"]


def test_frozen_output_is_flagged_in_the_row_and_noted_under_the_table():
    hr = waves(range(7))
    (row,) = rows_of(hr[[0, 0, 2, 2, 4, 4, 6]], hr)
    assert row.flags == ["frozen:3"] and rows_of(hr, hr)[0].flags == []
    (table,) = build(tidy([row]), [], Options(metrics=("psnr_y",)))
    assert (
        "Interpolated frames repeat a neighbouring frame although the true frames move; 1 clip (flag: frozen)"
        in table.notes
    )


def test_output_that_is_alike_at_all_times_of_a_gap_is_flagged():
    six = replace(protocols.get("suite-1"), time_scale=6)
    hr = waves(range(7))
    (row,) = rows_of(hr[[0, 3, 3, 3, 3, 3, 6]], hr, replace(ASKED, protocols=(six,)))
    assert row.flags == ["frozen:5", "ignores-time:1"]


@pytest.mark.parametrize("spec", ["blend+bicubic", "dis+bicubic"])
def test_no_method_of_this_suite_is_called_frozen(spec, tiny_hr):
    for time_scale in (2, 6):
        of = replace(protocols.get("suite-1"), time_scale=time_scale)
        for hr in (tiny_hr, waves(range(7), 0.4)):
            (row,) = evaluate(methods.build(spec), Clip("own", "all", "c", hr), Wanted((of,), ("mse_y",)))
            assert not {flag.partition(":")[0] for flag in row.flags} & set(metrics.frozen.FLAGS)


def test_tables_show_the_size_of_the_error_and_curves_its_sign(late):
    hr = waves(range(7))
    both = [late, *rows_of(waves([0, 1.25, 2, 2.75, 4, 4.75, 6]), hr)]
    early = replace(both[1], clip="d", key="")
    early = replace(early, key=early.own_key)
    table = tidy([late, early])
    values = np.array([of.values["time_error"] for of in (late, early)])
    assert table["time_error"].tolist() == pytest.approx([np.nanmean(np.abs(of)) for of in values])
    assert table["time_error#n"].tolist() == [2, 3] and table["time_error.given"].isna().all()
    curve = by_position(table, "time_error").set_index("position")["value"]
    assert sorted(curve.index) == [1, 3, 5] and curve[5] == values[1, 5] < 0 < curve[1]
    (made,) = build(table, [], Options(metrics=("time_error", "time_contrast")))
    title = "Time error: 1 interpolated frame of all methods together has no value and is left out: the truth is still"
    assert any(note.startswith(title) for note in made.notes)


def test_the_input_frames_of_an_interpolated_one_are_those_of_its_own_pass():
    every = replace(protocols.get("zsm-2020"), time_scale=3, tail="always")
    windows = windows_of(9, every)  # frames 0..6, then 2..8: given are 0 3 6 and 2 5 8
    assert gaps_of(windows) == {1: (0, 3), 2: (0, 3), 4: (3, 6), 5: (3, 6), 7: (5, 8)}
    assert gaps_of(windows_of(7, protocols.get("suite-1"))) == {1: (0, 2), 3: (2, 4), 5: (4, 6)}


def test_frames_cut_out_of_a_whole_video_have_a_gap_where_both_input_frames_are_there():
    cut = Windows((), (), tuple(range(7)), frozenset({1, 5}), (), 0)
    assert gaps_of(cut) == {2: (1, 5), 3: (1, 5), 4: (1, 5)}
    filled = Windows((Window((0, 2, 2), (0, 1, 2)),), (frozenset({0, 1, 2}),), (0, 1, 2), frozenset({0, 2}), (), 0)
    assert gaps_of(filled) == {1: (0, 2)}
