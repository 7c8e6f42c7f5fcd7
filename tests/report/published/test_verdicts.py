"""Verdicts: only where the measurement may speak for the paper, and by the tolerance that the ledger prints."""

import itertools
from dataclasses import replace

import pytest

from stvsr_bench import datasets, methods, protocols
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.published.origin import counts_of
from stvsr_bench.report.published.text import ledger_md
from stvsr_bench.report.published.verdicts import Entry, Measurement, best_protocols

VID4 = ("calendar", "city", "foliage", "walk")


# -- the tolerance ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (36.80, "reproduced"),  # 36.81 - 36.80 is 0.010000000000005
        (36.795, "reproduced"),  # the paper's own number may be 36.805
        (36.825, "reproduced"),
        (36.83, "close"),
        (36.79, "close"),
        (36.865, "close"),
        (36.755, "close"),
        (36.866, "differs"),
        (36.754, "differs"),
        (36.66, "differs"),
    ],
)
def test_reproduced_is_a_hundredth_and_close_five_with_half_a_published_digit_more(
    vid4, measured, verdict, one, judged
):
    assert judged(vid4(measured), one("36.81")) == [verdict]


def test_the_limits_hold_to_the_last_digit_whatever_binary_fractions_make_of_it(published, one):
    for hundredths in range(3000, 3100):
        (of,) = published(one(f"{hundredths / 100:.2f}"))
        for sign in (-1, 1):
            # thousandths as whole numbers, so that the right side is known exactly
            for apart, verdict in ((15, "reproduced"), (16, "close"), (55, "close"), (56, "differs")):
                ours = float(f"{(10 * hundredths + sign * apart) / 1000:.3f}")
                mine = Measurement("zsm-2020", "zsm", "authors", ours, 4, rank=0)
                assert Entry(of, (mine,)).verdict == verdict, (of.value, ours)


def test_a_value_of_more_digits_has_less_slack(vid4, one, judged):
    assert judged(vid4(36.8255), one("36.81"), one("36.810000"), one("36.8")) == ["close", "close", "reproduced"]
    assert judged(vid4(36.822), one("36.81"), one("36.810000")) == ["reproduced", "close"]


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(0.9005, "reproduced"), (0.9007, "close"), (0.902, "close"), (0.9022, "differs"), (0.91, "differs")],
)
def test_ssim_is_judged_by_its_own_tolerance(vid4, measured, verdict, one, judged):
    values = {"psnr_y": [30.0] * 7, "ssim_y": [measured] * 7}
    assert judged(vid4(30.0, values=values), one(ssim_y="0.9000")) == [verdict]


# -- what may speak for the paper ---------------------------------------------------------------------------------


def test_other_weights_untrained_and_unmeasured_get_no_verdict(vid4, one, judged):
    for weights in ("mini", "best.pth", "a.pth", "authors (claimed)"):
        assert judged(vid4(36.81, weights=weights), one("36.81")) == ["other weights"], weights
    assert judged(vid4(36.81, weights="none"), one("36.81")) == ["untrained"]
    assert judged(vid4(36.81), one("36.81", dataset="vimeo90k", split="fast")) == ["not measured"]


def test_the_authors_weights_are_judged_whatever_tag_sorts_before_theirs(vid4, one, judged):
    rows = [*vid4(30.0, weights="a.pth"), *vid4(36.81)]
    assert judged(rows, one("36.81")) == ["reproduced"]


@pytest.mark.parametrize(
    ("name", "tag"),
    [(name, tag) for name in methods.names() for tag, of in methods.card(name).weights.items() if of.origin != "ours"],
)
def test_every_tag_of_the_authors_gets_a_verdict_on_a_card_of_any_method(vid4, name, tag, one, judged):
    facts = methods.card(name).weights[tag]
    mine = vid4(36.81, name, tag, weights_sha256=facts.sha256)
    assert judged(mine, one("36.81", method=name)) == ["reproduced"]
    other = vid4(36.81, name, tag, weights_sha256="0" * 64)
    # where a card names no digest, the tag is all there is
    assert judged(other, one("36.81", method=name)) == ["other weights" if facts.sha256 else "reproduced"]


@pytest.mark.parametrize(
    ("name", "tag"),
    [(name, tag) for name in methods.names() for tag, of in methods.card(name).weights.items() if of.origin == "ours"],
)
def test_weights_of_ours_never_speak_for_a_paper(vid4, name, tag, one, judged):
    mine = vid4(36.81, name, tag, weights_sha256=methods.card(name).weights[tag].sha256)
    assert judged(mine, one("36.81", method=name)) == ["other weights"]


@pytest.mark.parametrize(
    ("origin", "on_card", "in_rows", "verdict"),
    [
        ("authors", "", "", "reproduced"),
        ("authors", "", "f" * 64, "reproduced"),
        ("authors", "f" * 64, "f" * 64, "reproduced"),
        ("authors", "f" * 64, "0" * 64, "other weights"),
        ("authors", "f" * 64, "", "other weights"),
        ("package", "f" * 64, "f" * 64, "reproduced"),
        ("package", "f" * 64, "0" * 64, "other weights"),
        ("package", "", "f" * 64, "other weights"),
        ("ours", "f" * 64, "f" * 64, "other weights"),
    ],
)
def test_origin_and_digest_of_the_card_decide(vid4, monkeypatch, origin, on_card, in_rows, verdict, one, judged):
    card = methods.card("zsm")
    facts = replace(card.weights["authors"], origin=origin, sha256=on_card)
    monkeypatch.setattr(methods, "card", lambda name: replace(card, weights={"any": facts}))
    assert judged(vid4(36.81, weights="any", weights_sha256=in_rows), one("36.81")) == [verdict]


def test_what_other_methods_of_a_split_are_says_nothing_of_this_one(vid4, one, judged):
    others = [*vid4(30.0, weights="none"), *vid4(30.0, "rife", weights="x", flags=["external"])]
    assert judged([*vid4(36.81), *others], one("36.81")) == ["reproduced"]


def test_a_file_of_a_package_without_a_digest_is_not_taken_for_the_authors(vid4, one, judged):
    assert judged(vid4(36.81, "span", "authors"), one("36.81", method="span")) == ["other weights"]


def test_one_tag_of_two_files_gets_no_verdict(vid4, one, judged):
    rows = [*vid4(36.81, clips=VID4[:2], weights_sha256="a"), *vid4(36.81, clips=VID4[2:], weights_sha256="b")]
    assert judged(rows, one("36.81")) == ["other weights"]


def test_of_two_tags_of_the_authors_the_first_on_the_card_is_judged_and_the_other_shown(vid4, one, against):
    first, second = [tag for tag, of in methods.card("tmnet").weights.items() if of.origin == "authors"]
    for rows in itertools.permutations([vid4(26.43, "tmnet", first), vid4(25.0, "tmnet", second)]):
        entries = against([*rows[0], *rows[1]], one("26.43", method="tmnet"))
        assert entries[0].verdict == "reproduced"
        assert f"zsm-2020@{second} 25.00" in ledger_md(entries)


@pytest.mark.parametrize(
    "method", ["zsm:skip=trilinear", "zsm:engine=plain", "zsm [bf16]", "zsm [tile64-16]", "zsm:groups=4 [fp16,compile]"]
)
def test_options_precision_and_tiles_are_shown_and_get_no_verdict(vid4, method, one, judged, against):
    entries = against(vid4(36.81, method), one("36.81"))
    assert [entry.verdict for entry in entries] == ["other settings"]
    assert best_protocols(entries) == []
    assert text_md(f"{method.removeprefix('zsm')}@authors") in ledger_md(entries)
    both = [*vid4(36.50), *vid4(36.81, method)]
    assert judged(both, one("36.81")) == ["differs"]


def test_frames_made_elsewhere_in_a_folder_of_a_methods_name_get_no_verdict(vid4, one, judged):
    assert judged(vid4(36.81, "bicubic", "", flags=["external"]), one("36.81", method="bicubic")) == ["external"]
    assert judged(vid4(36.81, "bicubic", "", flags=["override"]), one("36.81", method="bicubic")) == ["override"]
    assert judged(vid4(36.81, "bicubic", ""), one("36.81", method="bicubic")) == ["reproduced"]
    assert judged(vid4(36.81, "of_somebody", ""), one("36.81", method="of_somebody")) == ["other weights"]


@pytest.mark.parametrize("scales", [("2", "2"), ("4", "8"), ("2", "8"), ("", "2")])
def test_a_value_of_another_scale_is_not_held_against_ours(vid4, scales, one, judged):
    scale, time_scale = scales
    assert judged(vid4(36.81), one("36.81", scale=scale, time_scale=time_scale)) == ["not measured"]


def test_rows_of_an_older_protocol_of_the_same_name_get_no_verdict(vid4, one, against):
    rows = vid4(36.81, protocol_key="zsm-2020.0-00000000")
    entries = against(rows, one("36.81"))
    assert entries[0].verdict == "not measured"
    assert "zsm-2020.0-00000000@authors 36.81" in ledger_md(entries)


# -- how much of a split ------------------------------------------------------------------------------------------


def test_part_of_a_split_is_partial_by_the_card_of_the_data_set_alone(vid4, one, judged):
    for count in range(1, 5):
        assert judged(vid4(36.81, clips=VID4[:count]), one("36.81")) == [
            "reproduced" if count == 4 else "part of the split"
        ]


def test_a_split_with_several_published_counts_is_whole_at_each_of_them(vid4, row, one, judged):
    wanted = one("36.81", dataset="spmcs")
    for count, verdict in (
        (10, "part of the split"),
        (11, "reproduced"),
        (12, "part of the split"),
        (30, "reproduced"),
        (31, "unknown size"),
    ):
        rows = [row("zsm", "authors", "spmcs", "test", f"{i}", [36.81] * 7, protocol="zsm-2020") for i in range(count)]
        assert judged(rows, wanted) == [verdict], count


def test_the_published_lists_count_where_the_card_states_no_contents(monkeypatch):
    card = datasets.card("vimeo90k")
    assert counts_of("vimeo90k", "medium") == {4977, 4983}  # of both authors' lists
    for contents in ({}, {"medium": replace(card.contents["medium"], clips=[])}):
        monkeypatch.setattr(datasets, "card", lambda name, contents=contents: replace(card, contents=contents))
        assert counts_of("vimeo90k", "medium") == {4977, 4983}
        assert counts_of("vimeo90k", "train") == set()


def test_clips_that_the_run_did_not_reach_make_a_split_partial_whatever_the_card_says(row, one, judged):
    rows = [row("zsm", "authors", "spmcs", "test", f"{i}", [36.81] * 7, protocol="zsm-2020") for i in range(11)]
    key = f"spmcs/test/{protocols.get('zsm-2020').key}"
    wanted = one("36.81", dataset="spmcs")
    assert judged(rows, wanted, clips={key: 30}) == ["part of the split"]
    assert judged(rows, wanted, clips={key: 11}) == ["reproduced"]
    more = [row("zsm", "authors", "spmcs", "test", f"{i}", [36.81] * 7, protocol="zsm-2020") for i in range(31)]
    assert judged(more, wanted, clips={key: 31}) == ["unknown size"]  # more than any list: not the published split


def test_an_incomplete_copy_of_a_data_set_is_partial_although_the_run_reached_all_of_it(vid4, one, judged):
    key = f"vid4/test/{protocols.get('zsm-2020').key}"
    assert judged(vid4(36.81, clips=VID4[:1]), one("36.81"), clips={key: 1}) == ["part of the split"]


def test_a_split_whose_size_nobody_says_gets_no_verdict(row, one, judged):
    rows = [row("zsm", "authors", "mine", "test", "a", [36.81] * 7, protocol="zsm-2020")]
    assert judged(rows, one("36.81", dataset="mine")) == ["unknown size"]
    key = f"mine/test/{protocols.get('zsm-2020').key}"
    assert judged(rows, one("36.81", dataset="mine"), clips={key: 1}) == ["reproduced"]


def test_a_published_value_of_one_clip_needs_that_clip_alone(vid4, one, judged):
    rows = [*vid4(36.81, clips=["city"]), *vid4(20.0, clips=["walk"])]
    assert judged(rows, one("36.81", clip="city"), one("36.81", clip="walk")) == ["reproduced", "differs"]
    assert judged(rows, one("36.81", clip="foliage")) == ["not measured"]


def test_a_run_of_part_of_a_split_reports_partial_to_the_end(vid4, write, tmp_path):
    from stvsr_bench.report.write import content_of, load

    content = content_of(load([write(tmp_path / "r", vid4(26.31, clips=VID4[:1]))]), [], "plain")
    verdicts = {entry.verdict for entry in content.ledger if entry.published.subject[:4] == ("zsm", "vid4", "test", "")}
    assert verdicts == {"part of the split", "left out"}


def test_a_clip_of_which_no_frame_counts_is_measured_all_the_same(vid4, one, against):
    rows = [*vid4(36.81, clips=VID4[:3], protocol="suite-1"), *vid4(float("inf"), clips=VID4[3:], protocol="suite-1")]
    (entry,) = against(rows, one("36.81", protocol="suite-1"))
    assert (entry.verdict, entry.measured[0].n) == ("reproduced", 3)
    (entry,) = against(rows[:3], one("36.81", protocol="suite-1"))
    assert entry.verdict == "part of the split"
