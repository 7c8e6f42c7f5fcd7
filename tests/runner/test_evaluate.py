"""Which true frames stand beside the restored ones, and what a row claims of its bits."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from stvsr_bench import methods, metrics, protocols
from stvsr_bench.data.windows import windows_of
from stvsr_bench.restore import low_resolution, restore
from stvsr_bench.rows import frames
from stvsr_bench.runner import evaluate as steps
from stvsr_bench.runner.evaluate import evaluate
from stvsr_bench.runner.measure import Wanted, true_frames
from stvsr_bench.schema import Clip, Settings


def test_true_frames_are_those_that_were_restored_and_are_copied_only_if_some_were_not():
    hr_SCHW = np.arange(7, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 4, 4), np.float32)
    assert true_frames(Clip("d", "s", "c", hr_SCHW), windows_of(7, protocols.get("suite-1"))) is hr_SCHW
    even = Clip("d", "s", "c", hr_SCHW[:6])  # its last frame has no given one after it
    assert true_frames(even, windows_of(6, protocols.get("suite-1")))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    ten = Clip("d", "s", "c", np.repeat(hr_SCHW, 2, axis=0)[:10])
    assert len(true_frames(ten, windows_of(10, protocols.get("zsm-2020")))) == 7


@pytest.mark.parametrize(
    ("spec", "round_8bit", "settings", "exact"),
    [
        ("dis+bicubic", True, Settings(), True),
        ("bicubic+blend", True, Settings(), True),
        ("dis+bicubic", False, Settings(), False),  # the last bit of a float may differ between processors
        ("dis+bicubic", True, Settings(precision="bf16"), False),
        ("stdan@mini", True, Settings(), False),
    ],
)
def test_only_8_bit_frames_of_methods_without_a_network_are_called_bit_exact(
    tiny_hr, spec, round_8bit, settings, exact
):
    protocol = replace(protocols.get("suite-1"), round_8bit=round_8bit)
    clip = Clip("own", "all", "c", tiny_hr)
    (row,) = evaluate(methods.build(spec), clip, Wanted((protocol,), ("mse_y",), settings))
    assert row.bit_exact == exact


def test_clip_metrics_are_of_the_frames_that_the_protocol_scores(tiny_hr):
    hr_SCHW = np.concatenate([tiny_hr, tiny_hr[::-1]])[:9]
    wanted = tuple(protocols.get(name) for name in ("videoinr-2022", "videoinr-2022-centre"))
    asked = Wanted(wanted, ("psnr_y", "tdiff_psnr_y", "ms_ssim_y"))
    method = methods.build("blend+bicubic")
    average, centre = evaluate(method, Clip("own", "all", "c", hr_SCHW), asked)
    lr_SChw = low_resolution(Clip("own", "all", "c", hr_SCHW), wanted[0])
    restored = restore(method, lr_SChw, wanted[0]).sr_SCHW
    first_eight = metrics.score_clip(restored[:8], hr_SCHW[:8], ["tdiff_psnr_y"])["tdiff_psnr_y"]
    every = metrics.score_clip(restored, hr_SCHW, ["tdiff_psnr_y"])["tdiff_psnr_y"]
    assert average.frames == list(range(8)) and average.scalars["tdiff_psnr_y"] == first_eight != every
    assert average.how["left_out"] == "ms_ssim_y" and "at least 161x161 px" in average.how["missing"]
    assert centre.frames == [0, 4] and not centre.scalars
    assert centre.how["left_out"] == "ms_ssim_y,tdiff_psnr_y" and "scores frames 0, 4" in centre.how["missing"]
    assert np.isfinite(centre.values["psnr_y"]).all()


@pytest.mark.parametrize(("name", "value"), [("suite-1", None), ("zsm-2020", np.inf)])
def test_an_exact_clip_has_an_infinite_clip_metric_only_where_the_protocol_keeps_it(tiny_hr, name, value):
    still = Clip("own", "all", "c", np.full_like(tiny_hr, 128 / 255))
    (row,) = evaluate(methods.build("blend+bicubic"), still, Wanted((protocols.get(name),), ("psnr_y", "tdiff_psnr_y")))
    assert row.scalars.get("tdiff_psnr_y") == value and np.isinf(row.values["psnr_y"]).all()
    assert ("tdiff_psnr_y: it is infinite" in row.how.get("missing", "")) is (value is None)


def test_rows_of_a_method_that_sees_the_whole_clip_say_how_many_frames_that_were():
    """Rows of one network whose windows differ are told apart: by the protocol's key, and by what they say."""
    clip = Clip("own", "all", "c", np.random.default_rng(0).random((9, 3, 16, 16), dtype=np.float32))
    plain = methods.build("blend+bicubic")
    card = methods.resolve("dis+basicvsr@none").card
    assert card.stream.context
    quick = replace(plain, card=replace(plain.card, stream=card.stream))
    rows = {}
    for name in ("zsm-2020", "basicvsr-2021"):
        protocol = replace(protocols.get(name), time_scale=2)
        (rows[name],) = evaluate(quick, clip, Wanted((protocol,), ("mse_y",)))
    said = {name: row.how["context"] for name, row in rows.items()}
    assert said == {"zsm-2020": "4 input frames at once", "basicvsr-2021": "5 input frames at once"}  # 7 of 9, all 9
    assert rows["zsm-2020"].key != rows["basicvsr-2021"].key
    (other,) = evaluate(plain, clip, Wanted((protocol,), ("mse_y",)))
    assert "context" not in other.how


def test_the_seconds_of_a_clip_are_those_of_its_steps_and_a_first_call_is_in_none(tiny_hr, monkeypatch):
    # begin and end of making the low resolution, then, after warming up, of restoring
    clock, told = iter([10.0, 32.0, 40.0, 125.0]), []
    monkeypatch.setattr(steps, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    asked = Wanted((protocols.get("suite-1"),), ("mse_y",), warming=told.append)
    (row,) = evaluate(methods.build("blend+bicubic"), Clip("own", "all", "c", tiny_hr), asked, read_s=3.0)
    assert {step: row.seconds[step] for step in ("read", "lr", "restore")} == {"read": 3.0, "lr": 22.0, "restore": 85.0}
    assert told == [True, False]
    monkeypatch.undo()
    (row,) = evaluate(methods.build("blend+bicubic"), Clip("own", "all", "c", tiny_hr), asked)
    assert row.seconds["read"] == 0 and row.seconds["lr"] >= 0 and row.seconds["restore"] > 0


def test_rows_are_scored_again_from_saved_frames_of_the_same_truth_and_input_alone(tiny_hr, tmp_path, monkeypatch):
    place = frames.Place(tmp_path, "0", "net", "", "", ("own", "all", "c"))
    clip, method = Clip("own", "all", "c", tiny_hr), methods.build("blend+bicubic")
    asked = Wanted((protocols.get("suite-1"),), ("mse_y",), save=place)
    before = tuple(evaluate(method, clip, asked))
    more = replace(asked, metrics=("mse_y", "psnr_rgb"))
    (row,) = evaluate(method, clip, replace(more, save=None))
    (again,) = steps.score_again(before, clip, more)
    assert again.values == row.values and again.seconds["restore"] == before[0].seconds["restore"]
    # digests before and after the right one in the alphabet
    others = [replace(before[0], **{name: digest}) for name in ("truth", "input") for digest in ("0", "x")]
    for other in others:
        assert steps.score_again((other,), clip, more) is None
        assert steps.score_again((*before, other), clip, more) is None
    unrounded = replace(protocols.get("suite-1"), round_8bit=False)
    monkeypatch.setattr(steps, "rescore", lambda *_: pytest.fail("not asked for"))
    assert steps.score_again(before * 2, clip, replace(more, protocols=(*more.protocols, unrounded))) is None
    assert steps.score_again(before, clip, replace(more, save=None)) is None
