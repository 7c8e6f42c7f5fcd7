"""Every suite of the repository holds together, and a file that does not is refused with its name."""

import tomllib
from pathlib import Path

import pytest

from stvsr_bench import datasets, methods, metrics, protocols
from stvsr_bench.cli import call
from stvsr_bench.errors import CardError, UnknownNameError
from stvsr_bench.methods.spec import parse
from stvsr_bench.report.published.values import read_published
from stvsr_bench.runner import hours, suites
from stvsr_bench.runner.plan import RunSpec
from stvsr_bench.runner.replay import load_spec

ROOT = Path(__file__).parents[2]
NAMES = {
    "stdan-2023", "zsm-2020", "tmnet-2021", "rstt-2022", "videoinr-2022", "continuous-ood", "vid4", "default",
}  # fmt: skip


def test_the_suites_are_the_files_below_reports():
    assert set(suites.names()) >= NAMES
    assert set(suites.names()) == {file.parent.name for file in (ROOT / "reports").glob("*/suite.toml")}


def untrained(text):
    """A method with random weights in the place of those that it names, so that nothing need be here."""
    parts = [(part.name, methods.card(part.name).learned) for part in parse(text).parts]
    return "+".join(name + ("@none" if learned else "") for name, learned in parts)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_suite_asks_only_for_what_there_is(name):
    suite = suites.load(name)
    for part in suite.parts:
        spec = part.sent.spec
        assert not part.sent.left_out, "a suite holds nothing that would be left out"
        for text in spec.methods:
            for one in parse(text).parts:
                assert not one.weights or one.weights in methods.card(one.name).weights, text
            card = methods.resolve(untrained(text)).card
            for protocol in spec.protocols:
                protocols.check(card, protocols.get(protocol))
        for dataset in spec.datasets:
            assert set(spec.splits) <= set(datasets.card(dataset).splits)
        assert set(spec.metrics) <= set(metrics.METRICS)


@pytest.mark.parametrize("name", sorted(NAMES - {"default"}))
def test_every_column_of_a_paper_is_measured_by_some_run_and_its_sources_exist(name):
    suite = suites.load(name)
    measured = {
        (datasets.card(dataset).name, split, protocols.get(protocol).name)
        for part in suite.parts
        for dataset in part.sent.spec.datasets
        for split in part.sent.spec.splits or datasets.card(dataset).default_splits or datasets.card(dataset).splits
        for protocol in part.sent.spec.protocols
    }
    known = read_published()
    assert suite.facts.tables
    for paper in suite.facts.tables:
        columns = {(dataset, split, protocols.get(protocol).name) for dataset, split, protocol in paper.places}
        assert columns <= measured, paper.title
        for source in paper.sources:
            assert any(one.source.startswith(source) for one in known), source
        assert {protocols.get(name).name for name in paper.published_under} == set(paper.published_under)


def test_a_suite_of_one_run_is_a_run_toml_and_the_other_way_round(tmp_path):
    file = ROOT / "reports" / "zsm-2020" / "suite.toml"
    (part,) = suites.load(str(file)).parts
    assert load_spec(file, tmp_path).spec.methods == part.sent.spec.methods
    (part,) = suites.load(str(ROOT / "reports" / "baseline")).parts
    assert list(part.sent.spec.methods) == tomllib.loads((ROOT / "reports/baseline/run.toml").read_text())["methods"]
    assert (part.folder, part.beside(Path("runs/a"))) == ("", Path("runs/a"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('methods = ["zsm"]\ncolour = 3', "'colour' is not a setting of a run"),
        ('methods = ["zsm"]\n[suite]\ntitel = "x"', r"\[suite\]"),
        ('methods = ["zsm"]\n[suite]\ntitle = "x"\n[[suite.tables]]\ntitle = "y"\ncolumns = []', "tables.0.columns"),
        ('methods = ["zsm"]\n[suite]\ntitle = "x"\n[[suite.tables]]\ntitle = "y"\ncolumns = ["vid4"]', "write DATASET"),
        ('methods = ["zsm"]\n[suite]\ntitle = "x"\n[[suite.tables]]\ntitle = "y"\ncolumns = ["a/b/c"]', "protocol 'c'"),
        ('parts = "all"', r"write \[\[parts\]\]"),
        ('[[parts]]\nmethods = ["zsm"]\nfolder = "../x"', "write a word"),
        ('[[parts]]\ndatasets = ["mini"]', "methods"),
        ("methods = [", "is not valid TOML"),
    ],
)
def test_a_file_that_is_no_suite_is_refused_with_its_name(text, said, tmp_path):
    (tmp_path / "suite.toml").write_text(text)
    with pytest.raises(CardError, match=said) as error:
        suites.load(str(tmp_path))
    assert "suite.toml" in str(error.value)


def test_an_unknown_suite_names_those_that_there_are(tmp_path, capsys):
    with pytest.raises(UnknownNameError, match="Did you mean 'stdan-2023'"):
        suites.load("stdan-2022")
    assert call(["run", "--from", str(ROOT / "reports/vid4/suite.toml"), "--out", str(tmp_path / "a")]) == 2
    assert "stvsr-bench reproduce" in capsys.readouterr().err


def test_hours_are_those_of_the_megapixels_of_the_splits(monkeypatch):
    monkeypatch.setattr(hours.environment, "machine", dict)
    monkeypatch.setattr(hours.environment, "runtime_id", lambda facts: "here")
    timing = {"runtime_ms": {"megapixel_ms": 500.0}, "device": "cpu", "scale": "4", "time_scale": 2}
    mine = {"method": "stdan", "weights": "none", "machine": "here", **timing}
    spec = RunSpec(("stdan@authors", "zsm@mini"), ("mini", "vid4"), ("slow",), ("zsm-2020", "stdan-2023", "suite-1"))
    spec_mini = RunSpec(("stdan@authors",), ("mini",), ("slow", "fast"), ("zsm-2020", "stdan-2023"))
    found = hours.hours(spec_mini, [mine])
    # two passes of the network (they pad differently) over 2 splits of 8 clips of 7 frames of 448x256
    assert found.known == pytest.approx(2 * 2 * 8 * 7 * 448 * 256 / 1e6 * 0.5 / 3600)
    found = hours.hours(spec, [mine, {**mine, "method": "zsm", "machine": "elsewhere"}])
    assert found.not_profiled[4, 2] == ("zsm@mini",) and found.not_counted == ("vid4",)
    assert hours.hours(spec_mini, [{**mine, "time_scale": 8}]).known == 0
    for dataset, split, protocol, pixels in (
        ("vid4", "test", "zsm-2020", 41 * 720 * 576 + 34 * 704 * 576 + (49 + 47) * 720 * 480),
        ("gopro", "all-test", "stdan-2023", 1522 * 8 * 1280 * 720),
    ):
        (found,) = [hours.hours(RunSpec(("stdan@authors",), (dataset,), (split,), (protocol,)), [mine])]
        assert found.known == pytest.approx(pixels / 1e6 * 0.5 / 3600) and not found.not_counted
    # the small network of the same name says nothing of the authors' one
    assert hours.hours(spec_mini, [{**mine, "weights": "mini"}]).known == 0


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("stdan@authors", "stdan@none"),
        ("stdan@mini", "stdan@mini"),
        ("stdan", "stdan"),
        ("rstt@m", "rstt:depth=6@none"),
        ("blend+bicubic", "blend+bicubic"),
        ("dis+basicvsr@reds", "dis+basicvsr@none"),
    ],
)
def test_what_is_profiled_for_a_method_is_a_network_of_its_size(text, network):
    assert hours.profiled_as(text) == network
