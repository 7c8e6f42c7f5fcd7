"""Training's validation gives the numbers of `run` and of its report, to the last digit."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.report import tidy, units
from stvsr_bench.runner.evaluate import evaluate
from stvsr_bench.runner.measure import Wanted
from stvsr_bench.schema import Clip, EvalProtocol
from stvsr_bench.train import validate
from stvsr_bench.train.validate import Checker

SUITE = protocols.get("suite-1")
COLUMNS = {
    "frames": "n_frames",
    "psnr_y_db": "psnr_y",
    "psnr_y_given_db": "psnr_y.given",
    "psnr_y_between_db": "psnr_y.between",
    "ssim_y": "ssim_y",
}


def clip(name: str, height: int, width: int, frames: int = 7, black: tuple[int, ...] = ()) -> Clip:
    dice = np.random.default_rng(len(name))
    levels = dice.integers(0, 256, (frames, 3, height, width))
    levels[list(black)] = 0
    return Clip("toy", "test", name, hr_SCHW=levels.astype(np.float32) / np.float32(255))


CLIPS = {
    "odd": clip("odd", 51, 62),
    # frames 2 and 4 are given, 3 lies between: `blend` makes all three exactly
    "some black": clip("some black", 48, 52, black=(2, 3, 4)),
    "all black": clip("all black", 49, 48, black=tuple(range(7))),
    "last frame not scored": clip("last frame not scored", 48, 50, frames=10, black=(4,)),
}


def rows_of(clips: list[Clip], protocol: EvalProtocol = SUITE) -> pd.DataFrame:
    """The lines of the report's table, by clip."""
    method = methods.build("blend+bicubic")
    rows = [row for each in clips for row in evaluate(method, each, Wanted((protocol,)))]
    return tidy.tidy(rows).set_index("clip")


def check(clips: list[Clip]) -> Checker:
    return Checker(methods.build("blend+bicubic").card, {"toy": clips})


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_has_the_values_of_its_row(name: str) -> None:
    row = rows_of([CLIPS[name]]).loc[name]
    (found,) = check([CLIPS[name]]).by_clip(methods.build("blend+bicubic").net, "now")["toy"]
    assert set(found) == set(COLUMNS)
    for key, column in COLUMNS.items():
        np.testing.assert_array_equal(found[key], row[column], err_msg=key)
    assert math.isnan(found["psnr_y_db"]) == (name == "all black") and not math.isinf(found["psnr_y_db"])


def test_the_mean_over_clips_is_the_report_s() -> None:
    rows = rows_of(list(CLIPS.values()))
    found = check(list(CLIPS.values()))(methods.build("blend+bicubic").net, step=3)["toy"]
    for key, column in COLUMNS.items():
        values = rows.loc[list(CLIPS), column].to_numpy(np.float64)
        assert found[key] == units.CLIPS.mean(values), key
    assert math.isfinite(found["psnr_y_db"])


def test_another_protocol_would_be_followed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(SUITE, name="other", inf_policy="keep", frames="between", crop=2, round_8bit=False)
    monkeypatch.setattr(validate, "PROTOCOL", other)
    monkeypatch.setitem(protocols.PROTOCOLS, "other", other)
    row = rows_of([CLIPS["some black"]], other).loc["some black"]
    (found,) = check([CLIPS["some black"]]).by_clip(methods.build("blend+bicubic").net, "now")["toy"]
    assert found["psnr_y_db"] == row["psnr_y"] == math.inf
    assert (found["frames"], found["ssim_y"]) == (row["n_frames"], row["ssim_y"]) and found["frames"] == 3
    assert math.isnan(found["psnr_y_given_db"])
