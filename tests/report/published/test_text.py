"""The ledger as text: which protocol fits, what is left out and why, where papers disagree."""

import csv
import io
import math

import pytest

from stvsr_bench import protocols
from stvsr_bench.report.published.text import ledger_csv, ledger_md
from stvsr_bench.report.published.values import read_published
from stvsr_bench.report.published.verdicts import best_protocols, contradictions, ledger
from stvsr_bench.report.tidy import tidy


def test_the_repository_holds_values_with_a_source_and_a_known_protocol():
    found = read_published()
    assert len(found) > 250
    assert all(of.source and of.source_url.startswith("http") for of in found)
    assert all(protocols.get(of.protocol).name == of.protocol for of in found if of.protocol)
    assert all(of.confirmed or of.left_out for of in found)


# -- which protocol -----------------------------------------------------------------------------------------------


def test_the_protocol_that_comes_nearest_to_the_paper_is_named(rows, one, against):
    entries = against(rows, one("36.81"))
    (best,) = best_protocols(entries)
    assert (best.method, best.source, best.protocol, best.n) == ("Zooming Slow-Mo", "a paper", "zsm-2020", 1)
    assert best.distance == pytest.approx(0.005) and best.near
    assert "none of the protocols" not in ledger_md(entries)


def test_a_nearest_protocol_that_is_far_away_is_called_none(vid4, one, against):
    for psnr, near in ((36.864, True), (36.87, False), (37.40, False)):
        entries = against(vid4(psnr), one("36.81"))
        (best,) = best_protocols(entries)
        assert best.near is near, psnr
        assert ("none of the protocols comes within 0.05 dB (nearest: zsm-2020)" in ledger_md(entries)) is not near


def test_the_distance_is_the_mean_over_the_values_of_a_source(vid4, one, against):
    rows = [*vid4(36.0, clips=["city"]), *vid4(30.0, clips=["walk"])]
    entries = against(rows, one("36.03", clip="city"), one("29.99", clip="walk"))
    (best,) = best_protocols(entries)
    assert best.distance == pytest.approx(0.02) and best.n == 2


# -- values left out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"printed": "Zooming Slow-Mo (NNabla retrain)"}, "another training"),
        ({"procedure": "VideoINR (Adobe240-trained, 2 input frames)"}, "another training"),
        ({"procedure": "VideoINR metrics, but 14-frame input clips (long context)"}, "another protocol"),
        ({"protocol": ""}, "another protocol"),
        ({"status": "user report"}, "not confirmed: user report"),
        ({"status": "confirmed (channel unknown)"}, "not confirmed: channel unknown"),
        ({"status": "read off a plot (approximate)"}, "not confirmed: read off a plot (approximate)"),
    ],
)
def test_a_value_that_is_left_out_is_named_with_the_reason(vid4, change, reason, one, against):
    entries = against(vid4(36.81), one("36.81", **change))
    assert [entry.verdict for entry in entries] == ["left out"]
    assert entries[0].published.left_out.startswith(reason)
    (said,) = [line for line in ledger_md(entries).split("## Left out")[1].splitlines() if "36.81" in line]
    assert reason in said
    (line,) = csv.DictReader(io.StringIO(ledger_csv(entries)))
    assert line["verdict"] == "left out" and line["reason"].startswith(reason)


def test_a_value_of_another_training_is_not_put_beside_ours(vid4, against, one):
    text = ledger_md(against(vid4(36.81), one("35.55", procedure="Adobe240-trained"), one("36.82")))
    assert "36.82" in text.split("## Left out")[0] and "35.55" not in text.split("## Left out")[0]
    assert "35.55" in text.split("## Left out")[1]
    text = ledger_md(against(vid4(36.81), one("36.81", status="user report")))
    assert "Nothing that papers report was measured" in text.split("## Left out")[0]


def test_ssim_alone_names_no_protocol(vid4, against, one):
    assert best_protocols(against(vid4(36.81), one(ssim_y="0.9000"))) == []


def test_a_value_of_another_training_says_nothing_of_protocols_and_one_of_an_unknown_protocol_does(vid4, one, against):
    assert best_protocols(against(vid4(36.81), one("36.81", procedure="Adobe240-trained"))) == []
    assert best_protocols(against(vid4(36.81), one("36.81", status="user report"))) == []
    (best,) = best_protocols(against(vid4(36.81), one("36.81", protocol="")))
    assert best.protocol == "zsm-2020" and best.near


def test_methods_that_were_born_with_adobe240_are_not_left_out():
    born = [of for of in read_published() if "Adobe240-trained" in of.procedure and of.protocol and of.confirmed]
    kept = {of.method for of in born if not of.left_out}
    assert {"VideoINR", "MoTIF"} <= kept and not {"zsm", "tmnet"} & kept


def test_retrained_and_unconfirmed_values_of_the_repository_are_left_out(vid4):
    entries = ledger(tidy(vid4(26.31)), read_published())
    said = ledger_md(entries).split("## Left out")[1].split("## Where")[0]
    for words in ("NNabla retrain", "25.72", "user report", "channel not stated", "34.07"):
        assert words in said
    assert "TMNet" not in said  # no row of these is TMNet's
    wrong = [
        of.published.printed
        for of in entries
        if of.verdict in ("close", "differs") and "retrain" in of.published.printed
    ]
    assert wrong == []


# -- as text ------------------------------------------------------------------------------------------------------


def test_papers_that_contradict_each_other_stand_side_by_side():
    found = contradictions(read_published())
    vid4 = next(of for of in found if of[0].subject[:3] == ("zsm", "vid4", "test") and of[0].metric == "psnr_y")
    assert {25.72, 26.31, 26.38} <= {of.value for of in vid4}
    assert len({of.source for of in vid4}) > 1
    assert all(of.confirmed for group in found for of in group)


def test_values_contradict_each_other_from_more_than_a_hundredth_on(one, published):
    for lower, higher in (("36.81", "36.82"), ("36.80", "36.81"), ("30.29", "30.30")):  # some are 0.010000000000005
        assert contradictions(published(one(lower), one(higher))) == []
    (found,) = contradictions(published(one("36.81"), one("36.83"), one("36.90", scale="2.0")))
    assert [of.value for of in found] == [36.81, 36.83]


def test_values_that_disagree_are_listed_from_low_to_high(against, vid4, one):
    text = ledger_md(against(vid4(36.81), one("36.90"), one("36.50"), one("36.70"))).split("## Where papers disagree")[
        1
    ]
    assert text.index("36.50") < text.index("36.70") < text.index("36.90") and "0.40" in text


def test_the_ledger_is_markdown_and_csv_with_every_published_value(rows, one, published):
    found = read_published()
    entries = ledger(tidy(rows), [*found, *published(one("36.81"))])
    text = ledger_md(entries)
    assert "| Zooming Slow-Mo" in text
    assert "reproduced" in text
    lines = list(csv.DictReader(io.StringIO(ledger_csv(entries))))
    assert len(lines) == len(found) + 1
    assert (lines[-1]["measured"], lines[-1]["weights"], lines[-1]["n"]) == ("36.805", "authors", "4")
    assert float(lines[-1]["delta"]) == pytest.approx(-0.005)
    assert lines[-1]["spec"] == "zsm"


def test_the_mean_of_a_measurement_is_the_protocols_own(vid4, row, one, against):
    # rstt-2022 averages folders: two clips of one folder weigh as much as one of another
    clips = {"a/1": 30.0, "a/2": 34.0, "b/1": 40.0}
    rows = [
        row("zsm", "authors", "vid4", "test", clip, [psnr] * 7, protocol="rstt-2022") for clip, psnr in clips.items()
    ]
    (entry,) = against(rows, one("36.00", "rstt-2022"))
    assert entry.measured[0].value == pytest.approx((32.0 + 40.0) / 2)
    assert math.isclose(entry.delta, 0.0, abs_tol=1e-9)
