"""The lists of published values: how many there are, what they are of, and how they are made."""

import csv
import importlib.util
import io
import json
import re
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

import pytest

from stvsr_bench import protocols
from stvsr_bench.cli import call
from stvsr_bench.report.published.values import CONFIRMED, chosen, read_published
from stvsr_bench.report.published.verdicts import contradictions, ledger
from stvsr_bench.report.tidy import tidy
from stvsr_bench.schema import canonical

FOLDER = files("stvsr_bench.report.published")
# Confirmed lines of the list of November 2026 (572 lines) by its own columns protocol, scale_space, scale_time and
# dataset, counted there and not by remake.py: 60 + 3 + 3 of ZSM's, 1 + 4 of STDAN's, 5 of RSTT's; of VideoINR's at
# x4/t8 58 and 8 (14 input frames), 34 of them "center", and 8 of Table 2; 15 and 2 at x4/t2; 8 at each of nine other
# points; 6 of BasicVSR's
LINES = {
    "zsm-2020": 66,
    "stdan-2023": 5,
    "rstt-2022": 5,
    "videoinr-2022": 40,
    "videoinr-2022-centre": 34,
    "videoinr-2022-x4-t2": 17,
    **{f"videoinr-2022-x{s}-t{t}": 8 for s, t in
       ((4, 6), (6, 6), (12, 6), (4, 12), (6, 12), (12, 12), (4, 16), (6, 16), (12, 16))},
    "basicvsr-2021": 6,
}  # fmt: skip


def lines(name):
    return list(csv.DictReader(io.StringIO(FOLDER.joinpath(name).read_text("utf-8"))))


def remake():
    spec = importlib.util.spec_from_file_location("remake", Path(__file__).with_name("remake.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the lists ----------------------------------------------------------------------------------------------------


def test_lines_of_each_protocol_are_as_many_as_in_the_list_that_they_come_from():
    sure, doubtful = lines("published.csv"), lines("left_out.csv")
    assert len(sure) + len(doubtful) == 572 - 22 - 5  # without a procedure, and without a PSNR or SSIM
    counts = Counter(line["protocol"] for line in sure)
    assert counts.pop("") == len(sure) - sum(LINES.values()) == 107
    assert counts == LINES
    assert {line["status"] for line in sure} <= set(CONFIRMED) and not {line["status"] for line in doubtful} & set(
        CONFIRMED
    )


def test_the_readme_beside_the_lists_counts_what_is_in_them():
    said = FOLDER.joinpath("README.md").read_text("utf-8")
    table = dict(re.findall(r"^\| ([\w-]+) \| (\d+) \|$", said, re.MULTILINE))
    assert {name: int(count) for name, count in table.items() if name in LINES} == LINES
    assert f"{len(lines('published.csv'))} are in `published.csv`, {len(lines('left_out.csv'))} in" in said
    assert "* 22: no procedure is named" in said and "* 5: no PSNR and no SSIM" in said


def test_in_every_published_pair_the_centre_is_better_than_the_average():
    pairs = defaultdict(dict)
    for one in read_published():
        if one.metric == "psnr_y" and one.protocol in ("videoinr-2022", "videoinr-2022-centre"):
            pairs[one.printed, one.dataset, one.source][one.protocol] = one.value
    whole = [pair for pair in pairs.values() if len(pair) == 2]
    assert len(whole) == 34
    assert all(pair["videoinr-2022-centre"] > pair["videoinr-2022"] for pair in whole)


def test_scale_and_time_scale_are_those_of_the_protocol_where_one_is_named():
    for one in read_published():
        if one.protocol:
            known = protocols.get(one.protocol)
            assert (one.scale, one.time_scale) == (known.scale, known.time_scale), one
        assert one.scale is None or canonical(one.scale) == one.scale
        assert ("centre" in one.protocol) == (one.protocol != "" and one.variant == "centre")


def test_values_have_the_digits_that_were_printed(published, one):
    for text in ("36.81", "0.7976", "26.352743", "29.0", "0.818"):
        assert published(one(text))[0].shown == text


# -- never beside each other --------------------------------------------------------------------------------------


def test_input_and_frames_that_a_value_is_of_keep_it_apart(one, published):
    of = {"protocol": "", "psnr_y": ""}
    for first, second in (("BI", "BD"), ("centre", "average"), ("", "BI")):
        pair = published(
            one(**of | {"psnr_y": "30.00", "variant": first}), one(**of | {"psnr_y": "31.00", "variant": second})
        )
        assert contradictions(pair) == []
    (found,) = contradictions(published(one("30.00", variant="BI"), one("31.00", variant="BI")))
    assert len(found) == 2
    for group in contradictions(read_published()):
        assert len({(value.variant, value.scale, value.time_scale) for value in group}) == 1


CONTINUOUS = {"dataset": "gopro", "split": "all-test", "scale": "4", "time_scale": "8", "variant": "average"}


@pytest.fixture
def gopro(row):
    """Makes the rows of one method on the eleven clips of GoPro under a protocol, every frame with the same PSNR."""

    def make(psnr, protocol, method="zsm", weights="authors"):
        return [row(method, weights, "gopro", "all-test", f"{i}", [psnr] * 7, protocol=protocol) for i in range(11)]

    return make


@pytest.mark.parametrize(
    ("measured", "verdicts"),
    [
        ("videoinr-2022", ["reproduced", "not measured", "not measured", "not measured"]),
        ("videoinr-2022-x6-t12", ["not measured", "reproduced", "not measured", "not measured"]),
        ("videoinr-2022-centre", ["not measured"] * 4),
        ("suite-1", ["not measured", "not measured", "reproduced", "not measured"]),
        ("suite-1-x5_2-t4", ["not measured", "not measured", "not measured", "reproduced"]),
    ],
)
def test_a_measurement_is_held_against_values_of_its_scale_time_scale_and_protocol_alone(
    gopro, one, judged, measured, verdicts
):
    six = {"scale": "6", "time_scale": "12"}
    values = [
        one("30.00", "videoinr-2022", **CONTINUOUS),
        one("30.00", "videoinr-2022-x6-t12", **CONTINUOUS | six),
        one("30.00", "suite-1", **CONTINUOUS | {"time_scale": "2"}),
        one("30.00", "suite-1-x5_2-t4", **CONTINUOUS | {"scale": "5/2", "time_scale": "4"}),
    ]
    assert judged(gopro(30.0, measured), *values) == verdicts
    # a line that names the protocol of another point is held against nothing
    assert judged(gopro(30.0, "videoinr-2022"), one("30.00", "videoinr-2022", **CONTINUOUS | six)) == ["not measured"]


def test_no_published_value_of_another_point_has_a_measurement_of_this_one(gopro):
    for protocol, point in (("videoinr-2022", (4, 8)), ("videoinr-2022-x6-t12", (6, 12)), ("suite-1", (4, 2))):
        rows = [row for name in ("VideoINR", "MoTIF") for row in gopro(25.0, protocol, name, "none")]
        entries = ledger(tidy(rows), read_published())
        measured = {(entry.published.scale, entry.published.time_scale) for entry in entries if entry.measured}
        assert measured == ({point} if protocol != "suite-1" else set())  # nobody prints GoPro at x4/t2


# -- how they are made --------------------------------------------------------------------------------------------

HEAD = (
    "method,group,dataset,scale_space,scale_time,protocol,psnr_y,ssim_y,psnr_rgb,ssim_rgb,params_M,status,source,"
    "source_url,note\n"
)


def made(line):
    rows = list(csv.DictReader(io.StringIO(HEAD + line)))
    module = remake()
    return module.left_out(rows[0]), module.line_of(rows[0], rows[0]["protocol"])


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Zooming Slow-Mo (NNabla retrain),g,vid4,4,2,ZSM,1.0,,,,,confirmed,s,u,",
         {"method": "zsm", "dataset": "vid4", "split": "test", "scale": "4", "time_scale": "2",
          "protocol": "zsm-2020"}),
        ("VideoINR,g,gopro (arbitrary scale; x8/x4 row equals gopro_average),12,16,VideoINR,1.0,,,,,confirmed,s,u,",
         {"dataset": "gopro", "split": "all-test", "variant": "average", "protocol": "videoinr-2022-x12-t16"}),
        ("A,g,gopro (arbitrary scale; x8/x4 row equals gopro_average),5/2,4,VideoINR,1.0,,,,,confirmed,s,u,",
         {"scale": "5/2", "time_scale": "4", "protocol": "videoinr-2022-x5_2-t4"}),
        ("A,g,adobe_center,4,8,VideoINR (Adobe240-trained; x),1.0,,,,,confirmed,s,u,",
         {"dataset": "adobe240", "variant": "centre", "protocol": "videoinr-2022-centre"}),
        ("A,g,gopro_center,4,8,VideoINR-style as in B,1.0,,,,,confirmed,s,u,", {"variant": "centre", "protocol": ""}),
        ("BasicVSR,g,vid4/city (BIx4),4,1,BasicVSR paper: x,1.0,,,,,confirmed,s,u,",
         {"method": "basicvsr", "clip": "city", "variant": "BI", "protocol": "basicvsr-2021"}),
        ("A,g,udm10 (BDx4),4,1,BasicVSR paper: x,1.0,,,,,confirmed,s,u,",
         {"dataset": "udm10", "variant": "BD", "protocol": "basicvsr-2021-bd"}),
        ("A,g,vimeo90k_septuplet_test (BIx4),4,1,BasicVSR paper: x,1.0,,,,,confirmed,s,u,",
         {"dataset": "vimeo90k", "split": "test", "protocol": ""}),
        ("A,g,vid4,4,2,\"ZSM test.py, x4 flip self-ensemble\",1.0,,,,,user report,s,u,", {"protocol": ""}),
        ("A,g,somewhere,not printed,not printed,ZSM,1.0,,,,,confirmed,s,u,",
         {"dataset": "somewhere", "split": "", "scale": "", "time_scale": "", "protocol": ""}),
    ],
)  # fmt: skip
def test_a_line_says_which_data_set_split_point_and_protocol_of_the_suite_it_is_of(line, wanted):
    why, found = made(line)
    assert why == ""
    assert {name: found[name] for name in wanted} == wanted
    assert (found["psnr_y"], found["source"], found["source_url"]) == ("1.0", "s", "u")


def test_a_line_without_procedure_or_value_is_left_out_and_counted(tmp_path, monkeypatch):
    module = remake()
    monkeypatch.setattr(module, "HERE", tmp_path)
    (tmp_path / "list.csv").write_text(
        HEAD + "A,g,vid4,4,2,STDAN test.py: x,26.10,,,,,confirmed,s,u,\n"
        "A,g,vid4/city,4,2,as above,27.10,,,,,user report,s,u,\n"
        "A,g,vid4,4,2,,27.10,,,,,confirmed,s,u,\n"
        "A,g,timing,4,2,RSTT,,,,,,confirmed,s,u,\n"
    )
    module.main(tmp_path / "list.csv")
    sure, doubtful = ((tmp_path / name).read_text() for name in ("published.csv", "left_out.csv"))
    assert [(one.value, one.protocol) for one in read_published(sure)] == [(26.1, "stdan-2023")]
    assert [(one.value, one.protocol, one.clip) for one in read_published(doubtful)] == [(27.1, "stdan-2023", "city")]
    said = (tmp_path / "README.md").read_text()
    assert "Of 4 lines of the list, 1 are in" in said and "* 1: no procedure is named" in said


# -- the verb -----------------------------------------------------------------------------------------------------


def test_the_verb_lists_values_with_their_point_of_the_plane(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert call(["published", "VideoINR", "-d", "gopro", "-p", "videoinr-2022:scale=6:time_scale=12"]) == 0
    said = capsys.readouterr().out
    (wanted,) = [one for one in chosen("VideoINR", "gopro", "videoinr-2022-x6-t12") if one.metric == "psnr_y"]
    (line,) = [line for line in said.splitlines() if "psnr_y" in line]
    assert line.split()[:9] == [
        "VideoINR", "gopro", "all-test", "average", "6", "12", "psnr_y", wanted.shown, "videoinr-2022-x6-t12",
    ]  # fmt: skip
    assert call(["published", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(read_published())


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["nosuch"], "no published value is of a method called 'nosuch'"),
        (["zsm", "-d", "vdi4"], "unknown data set with such published values 'vdi4'. Did you mean 'vid4'?"),
        (["zsm", "-p", "zsm-2021"], "unknown protocol 'zsm-2021'. Did you mean 'zsm-2020'?"),
        (["zsm", "-p", "rstt-2022"], "unknown protocol with such published values 'rstt-2022'"),
    ],
)
def test_what_is_not_there_is_one_sentence(argv, sentence, capsys):
    assert call(["published", *argv]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
