"""Published against measured: only confirmed rows, verdicts that mean something, contradictions shown."""

import pytest

from stvsr_bench import protocols
from stvsr_bench.report.published.text import ledger_csv, ledger_md
from stvsr_bench.report.published.verdicts import best_protocols, contradictions, ledger, read_published
from stvsr_bench.report.tidy import tidy

HEAD = (
    "method,printed,group,dataset,split,clip,scale,time_scale,protocol,procedure,"
    "psnr_y,ssim_y,psnr_rgb,ssim_rgb,params_m,status,source,source_url,note\n"
)


def one(value, protocol="zsm-2020", clip="", source="a paper"):
    return f"zsm,Zooming Slow-Mo,,vimeo90k,fast,{clip},4.0,2,{protocol},p,{value},,,,,confirmed,{source},https://example.org,\n"


@pytest.fixture
def rows(row):
    levels = {"zsm-2020": 36.805, "stdan-2023": 36.70}
    return [
        row("zsm", "authors", "vimeo90k", "fast", clip, [value] * 7, protocol=protocol)
        for protocol, value in levels.items()
        for clip in ("00001/0001", "00001/0002")
    ]


def test_the_repository_holds_confirmed_rows_with_a_source_and_a_known_protocol():
    published = read_published()
    assert len(published) > 250
    assert all(one.source and one.source_url.startswith("http") for one in published)
    assert {one.protocol for one in published} - {""} <= set(protocols.PROTOCOLS)


def test_a_value_within_a_hundredth_is_reproduced_and_one_beyond_differs(rows):
    entries = ledger(tidy(rows), read_published(HEAD + one(36.81) + one(36.77) + one(36.50)))
    assert [entry.verdict for entry in entries] == ["reproduced", "close", "differs"]
    assert entries[0].delta == pytest.approx(-0.005)


def test_other_weights_untrained_and_unmeasured_get_no_verdict(row):
    published = read_published(HEAD + one(36.81))
    for weights, verdict in (("mini", "other weights"), ("none", "untrained")):
        rows = [row("zsm", weights, "vimeo90k", "fast", "a/b", [36.81] * 7, protocol="zsm-2020")]
        assert ledger(tidy(rows), published)[0].verdict == verdict
    rows = [row("zsm", "authors", "vid4", "test", "city", [36.81] * 7, protocol="zsm-2020")]
    assert ledger(tidy(rows), published)[0].verdict == "not measured"


def test_the_protocol_that_comes_nearest_to_the_paper_is_named(rows):
    entries = ledger(tidy(rows), read_published(HEAD + one(36.81)))
    ((method, source, protocol, distance, values),) = best_protocols(entries)
    assert (method, source, protocol, values) == ("Zooming Slow-Mo", "a paper", "zsm-2020", 1)
    assert distance == pytest.approx(0.005)


def test_papers_that_contradict_each_other_stand_side_by_side():
    found = contradictions(read_published())
    vid4 = next(of for of in found if of[0].subject[:3] == ("zsm", "vid4", "test") and of[0].metric == "psnr_y")
    assert {25.72, 26.31, 26.38} <= {one.value for one in vid4}
    assert len({one.source for one in vid4}) > 1


def test_the_ledger_is_markdown_and_csv_with_every_published_value(rows):
    published = read_published()
    entries = ledger(tidy(rows), published)
    text = ledger_md(entries)
    assert "| Zooming Slow-Mo" in text
    assert "reproduced" in text
    assert len(ledger_csv(entries).splitlines()) == len(published) + 1
