"""The time response: each value counted by hand from the frames at one time between two input frames."""

import csv
import io
import math

import pytest

from stvsr_bench import protocols
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.figures import response as figures
from stvsr_bench.report.page import plane as page
from stvsr_bench.report.response import responses
from stvsr_bench.report.tables.planes import responses_csv
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.windows import steps_of

NAN, INF = math.nan, math.inf
X4 = "suite-1:time_scale=4"


def of_rows(rows):
    table = tidy(rows)
    return responses(build(table, [], Options(metrics=("psnr_y",))), alike(table))


@pytest.fixture
def clip(row):
    """Makes a row of so many frames at x4 in time, every fourth given, unless changed."""

    def make(name, psnr, method="a", protocol=X4, given=None, **changes):
        frames = changes.pop("frames", list(range(len(psnr))))
        given = [index % protocols.get(protocol).time_scale == 0 for index in frames] if given is None else given
        return row(method, "", "mini", "slow", name, psnr, protocol=protocol, frames=frames, given=given, **changes)

    return make


FIRST = [40.0, 20.0, 22.0, 24.0, 41.0, 30.0, 32.0, 34.0, 42.0]
SECOND = [50.0, 10.0, 11.0, 12.0, 51.0]


def test_a_value_is_the_mean_of_a_clip_s_frames_at_a_time_then_of_clips(clip):
    (one,) = of_rows([clip("1", FIRST), clip("2", SECOND)])
    assert (one.protocol, one.dataset, one.split, one.metric, one.clips) == (
        protocols.get(X4).name,
        "mini",
        "slow",
        "psnr_y",
        2,
    )
    assert [str(t) for t in one.times] == ["0", "1/4", "1/2", "3/4"]
    (curve,) = one.curves
    # the clip of two gaps counts as much as that of one
    assert curve.values == pytest.approx(((41.0 + 50.5) / 2, (25.0 + 10.0) / 2, (27.0 + 11.0) / 2, (29.0 + 12.0) / 2))
    assert curve.clips == (2, 2, 2, 2)
    lines = list(csv.DictReader(io.StringIO(responses_csv([one]))))
    assert [(line["step"], line["t"], line["n"]) for line in lines] == [
        ("0", "0.0", "2"), ("1", "0.25", "2"), ("2", "0.5", "2"), ("3", "0.75", "2")]  # fmt: skip
    assert float(lines[1]["value"]) == pytest.approx(17.5) and lines[1]["time_scale"] == "4"


def test_one_frame_between_two_has_no_curve_and_an_older_version_has_none_that_is_known(clip):
    assert of_rows([clip("1", [40.0, 30.0, 40.0], protocol="suite-1")]) == []
    assert of_rows([clip("1", FIRST, protocol_key="suite-1-x4-t4.0-00000000")]) == []


def test_frames_that_count_in_no_mean_count_in_no_curve(clip):
    exact = [40.0, INF, *FIRST[2:]]
    (one,) = of_rows([clip("1", exact), clip("1", FIRST, method="b")])
    values = {curve.method[0]: curve.values for curve in one.curves}
    assert values["a"][1] == values["b"][1] == 30.0, "frame 1 is infinite for one of the two"
    (one,) = of_rows([clip("1", [99.0, 99.0, *FIRST[2:]], flags=["flat:0,1"])])
    assert one.curves[0].values == pytest.approx((41.5, 30.0, 27.0, 29.0))


def test_a_clip_without_a_frame_at_a_time_is_left_out_there_and_counted(clip):
    some = [50.0, INF, 11.0, 12.0, 51.0]
    (one,) = of_rows([clip("1", FIRST), clip("2", some)])
    assert one.curves[0].values[1] == 25.0
    assert one.curves[0].clips == (2, 1, 2, 2)


def test_a_last_window_that_begins_between_is_counted_from_its_own_start(clip):
    # tmnet-2021-multi on 10 frames: windows 0-6 and 3-9; frames 7 and 8 come from the second, made of frames 3 and 9
    protocol = "tmnet-2021-multi"
    given = [index in (0, 6, 9) for index in range(10)]
    psnr = [40.0, 21.0, 22.0, 23.0, 24.0, 25.0, 40.0, 34.0, 35.0, 40.0]
    one = clip("1", psnr, protocol=protocol, given=given)
    assert steps_of(one, protocols.get(protocol)) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 0, 7: 4, 8: 5, 9: 0}
    (found,) = of_rows([one])
    assert found.curves[0].values == pytest.approx((40.0, 21.0, 22.0, 23.0, (24.0 + 34.0) / 2, (25.0 + 35.0) / 2))


def test_a_clip_cut_out_of_a_video_is_counted_between_its_nearest_input_frames(clip):
    # input frames count from the start of the video: here it was cut two frames after one
    given = [index % 4 == 2 for index in range(9)]
    one = clip("1", FIRST, given=given, flags=["whole-video"])
    assert steps_of(one, protocols.get(X4)) == {2: 0, 3: 1, 4: 2, 5: 3, 6: 0}
    assert of_rows([one])[0].curves[0].values == pytest.approx(((22.0 + 32.0) / 2, 24.0, 41.0, 30.0))


def test_windows_weigh_clips_where_the_protocol_says_so(clip):
    protocol = "videoinr-2022"
    first, second = [30.0 + index for index in range(8)], [40.0 + index for index in range(16)]
    (one,) = of_rows([clip("1", first, protocol=protocol), clip("2", second, protocol=protocol)])
    # one window of the first clip and two of the second
    expected = [(30.0 + step + (40.0 + step) + (48.0 + step)) / 3 for step in range(8)]
    assert one.curves[0].values == pytest.approx(expected)


def test_metrics_of_time_keep_their_sign_and_have_no_value_at_input_frames(clip):
    late = [NAN, -0.25, 0.0, 0.25, NAN, -0.15, NAN, 0.35, NAN]
    contrast = [NAN, 0.5, 0.6, 0.7, NAN, 0.7, 0.8, 0.9, NAN]
    rows = [clip("1", FIRST, values={"psnr_y": FIRST, "time_error": late, "time_contrast": contrast})]
    rows += [clip("1", FIRST, method="b")]
    found = {one.metric: one for one in of_rows(rows)}
    assert list(found) == ["psnr_y", "time_error", "time_contrast"]
    (curve,) = found["time_error"].curves
    assert math.isnan(curve.values[0]) and curve.clips[0] == 0
    assert curve.values[1:] == pytest.approx((-0.2, 0.0, 0.3))
    assert found["time_error"].label == "Signed time error (gap)"
    assert found["time_contrast"].curves[0].values[1:] == pytest.approx((0.6, 0.7, 0.8))
    ((name, figure),) = figures.figures(list(found.values()))
    assert name == "suite-1-x4-t4-mini-slow"
    assert [axes.get_ylabel() for axes in figure.axes] == ["PSNR-Y (dB)", "Signed time error (gap)", "Time contrast"]


def test_the_figure_fills_input_frames_and_says_fewer_clips(clip):
    ((_, figure),) = figures.figures(of_rows([clip("1", FIRST), clip("2", SECOND), clip("1", FIRST, method="b")]))
    (axes,) = figure.axes
    marks = {line.get_markerfacecolor() == "white": dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
             for line in axes.get_lines() if line.get_marker() == "o"}  # fmt: skip
    assert marks[False] == pytest.approx({0.0: 45.75, 1.0: 45.75})
    assert marks[True] == pytest.approx({0.25: 17.5, 0.5: 19.0, 0.75: 20.5})
    assert axes.get_legend_handles_labels()[1] == ["a", "b (n = 1)"]


def test_the_page_says_the_same_digits(clip):
    (one,) = of_rows([clip("1", FIRST), clip("2", SECOND)])
    said = page.response(one)
    assert said["times"] == ["0", "1/4", "1/2", "3/4"]
    assert said["curves"][0]["texts"] == ["45.75", "17.50", "19.00", "20.50"]
