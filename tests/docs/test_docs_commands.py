"""Every fenced block of the docs is tried: commands and Python are run on small data, TOML is read.

A block that a test cannot run says why in its title (`NEEDS`): then every verb, option, value and method in it is
looked up. What a test makes smaller is in `smaller`; nothing else is changed.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
import typer
import yaml

from stvsr_bench import methods, plugins
from stvsr_bench.cli import app, call
from stvsr_bench.cli.options import methods as listed
from stvsr_bench.errors import FAILED_CLIPS, NOT_RUNNABLE, OK, UsageError
from stvsr_bench.pytest_plugin import Bench
from stvsr_bench.rows import store
from stvsr_bench.runner import suites
from stvsr_bench.schema import DatasetCard, MethodCard

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "methods" / "README.md"]
MY_MODEL = ROOT / "docs" / "my-model.md"  # a test of its own
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# what a title says that a test does not have; "minutes" and "hours" are of work that small data do not shorten
NEEDS = re.compile(r"network|downloads|GPU|scheduler|SLURM|installs|machines|minutes?\b|hours|fresh machine|checkout")
SHOWN = ("", "mermaid", "text")  # trees of files and drawings: nothing to run
WITHOUT_NETS = re.compile(r"(blend|dis|bicubic|[+,])+|my-method,blend\+bicubic")
# not in this world: the wheels of `make baselines`; another method of the kind stands in for them
WHEELS = ("rife", "span", "dat-light")


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    title: str
    text: str

    @property
    def runs(self):
        return not NEEDS.search(self.title) and not self.text.startswith("#!")

    @property
    def lines(self):
        text = self.text.replace("\\\n", "")
        return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()) if line]


def blocks_of(page):
    return [Block(page, *found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of(*languages):
    return [block for block in BLOCKS if block.language in languages]


SHELL = of("sh", "bash", "console")


def name(block):
    return f"{block.page.name}-{BLOCKS.index(block)}"


def pages(blocks):
    return list(dict.fromkeys(block.page for block in blocks))


def argv_of(line):
    """What stvsr-bench is given by a line; None where it is another program's."""
    program, *argv = shlex.split(line.replace("$SLURM_ARRAY_TASK_ID", "1"))
    return argv if Path(program).name == "stvsr-bench" else None


def parse(argv):
    """Raises where a verb, option or value is wrong; runs nothing."""
    command = typer.main.get_command(app())
    context = command.make_context("stvsr-bench", list(argv), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return context.params


def test_no_block_is_left_out():
    """A fence of another language, one that is not closed, or a page elsewhere needs a rule here first."""
    known = {"sh", "bash", "console", "python", "toml", "yaml", *SHOWN}
    assert {block.language for block in BLOCKS} <= known
    for page in PAGES:
        fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of(page)), f"{page.name}: a fence that is indented, of ~ or not closed"
    checked = [SHELL, of("python"), of("toml"), of("yaml"), of(*SHOWN)]
    assert sum(map(len, checked)) == len(BLOCKS) > 60


@pytest.mark.parametrize("page", pages(SHELL), ids=lambda p: p.parent.name + "-" + p.name)
def test_every_command_has_a_verb_options_and_methods_that_exist(page):
    for line in [line for block in SHELL if block.page == page for line in block.lines]:
        argv = argv_of(line)
        if argv is None:
            other_program(line)
            continue
        asked = parse(argv)
        typed = asked.get("methods")
        # a file of weights that is not here cannot be told from two methods
        if isinstance(typed, str) and "/" not in typed and not asked.get("include") and argv[0] != "report":
            for text in listed(typed):
                methods.check_names(text)


def other_program(line):
    """A line of make, pip, python, ...: its target, extra or file is there."""
    program, *argv = shlex.split(line)
    if program == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert {word for word in argv if "=" not in word} <= targets, line
    elif Path(program).name in ("pip", "uv") or line.startswith(("python -m pip", "conda ")):
        extras = {extra for words in re.findall(r"\[([a-z,]+)\]", line) for extra in words.split(",")}
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert extras <= known.keys(), line
    elif program in ("python", "bash") and argv[0] != "-m":
        assert (ROOT / argv[0]).is_file(), line
    else:
        assert program in ("export", "ffmpeg", "dask", "git", "cd", "source", "."), f"{line}: no rule for {program}"


def test_the_parser_of_this_test_refuses_what_does_not_exist():
    for wrong in (["rum"], ["run", "--method-list", "x"], ["data", "chekc", "mini"], ["run", "--jobs", "many"]):
        with pytest.raises(Exception, match=r".+"):
            parse(wrong)
    for wrong in ("make demmo", "pip install 'stvsr-bench[trane]'", "python tests/none.py", "curl x"):
        with pytest.raises(AssertionError):
            other_program(wrong)
    with pytest.raises(UsageError):
        methods.check_names("stdann")


def expected(argv):
    """The exit code of a line in this world: its Vimeo-90K is two small clips, and a paper's weights are not there."""
    if argv[:3] == ["data", "check", "vimeo90k"]:
        return FAILED_CLIPS
    return NOT_RUNNABLE if argv[0] == "reproduce" and len(argv) > 1 else OK


def smaller(argv, world):
    """The same command with less to do: one clip, small data for networks, three steps of training."""
    argv = [re.sub(r"(^|,)/(data|my nets)\b", rf"\1{world}/\2", word) for word in argv]
    argv = [re.sub(r"@/my nets", f"@{world}/my nets", word) for word in argv]
    verb, text = argv[0], " ".join(argv)
    for wheel, other in zip(WHEELS, ("dis", "bicubic", "bicubic"), strict=True):
        argv = [re.sub(rf"\b{wheel}\b", other, word) for word in argv]
    argv = ["bicubic,dis+bicubic" if word == "dis+bicubic,bicubic+dis,dis+bicubic" else word for word in argv]
    if verb == "run":
        argv += [] if "--limit" in argv else ["--limit", "1"]
        argv += [] if "--save-frames" in argv else ["--save-frames", "worst:1"]
        if not WITHOUT_NETS.fullmatch(argv[argv.index("--methods") + 1]) and "--dataset" in argv:
            argv[argv.index("--dataset") + 1] = "./tiny"
            if "--split" in argv:
                del argv[argv.index("--split") : argv.index("--split") + 2]
    if verb in ("run", "plan") and "--jobs" in argv:
        argv[argv.index("--jobs") + 1] = "1"
    if verb == "reproduce" and len(argv) > 1 and "--dry-run" not in argv:
        argv += ["--dry-run"]
    if verb == "train":
        argv += ["--steps", "3" if "--resume" in text else "2"]
    return argv


@pytest.mark.parametrize(
    "page",
    pages([block for block in SHELL if block.runs and block.page != MY_MODEL]),
    ids=lambda p: p.parent.name + "-" + p.name,
)
def test_the_commands_of_a_page_run_as_written(page, here, monkeypatch, capfd):
    for text in (block.text for block in of("python") if "CARD =" in block.text):
        (here / "my_method.py").write_text(text)
    for line in [line for block in SHELL if block.page == page and block.runs for line in block.lines]:
        argv = argv_of(line)
        if argv is not None:
            plugins.forget()
            code = call(smaller(argv, here))
            said = capfd.readouterr()
            assert code == expected(argv), f"{line}\n{said.out}\n{said.err}"
        elif line.startswith("export "):
            for word in shlex.split(line)[1:]:
                monkeypatch.setenv(word.partition("=")[0], os.path.expanduser(word.partition("=")[2]))  # noqa: PTH111
        elif line.startswith("ffmpeg "):
            import imageio_ffmpeg

            argv = [imageio_ffmpeg.get_ffmpeg_exe(), *shlex.split(line)[1:]]
            subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        else:
            pytest.fail(f"{page.name}: '{line}' runs in no test; give its block a title that says what it needs")


@pytest.mark.parametrize("block", [block for block in of("python") if block.page != MY_MODEL], ids=name)
def test_python_of_a_page_runs(block, here, monkeypatch):
    code = compile(block.text, str(block.page), "exec")
    if NEEDS.search(block.title) or "sys.stdin" in block.text:  # a program of methods/README: its own test runs it
        return
    space = {"__name__": "block"}
    monkeypatch.setattr(sys, "argv", ["notebook"])
    exec(code, space)
    if "test_quality" in space:
        assert call(["run", "--methods", "blend+bicubic", "--dataset", "./tiny", "-q", "--out", "runs/ci"]) == 0
        assert call(["gate", "reports/baseline", "runs/ci", "--update", "--yes"]) == 0
        space["test_quality"](Bench())


@pytest.mark.parametrize("block", of("toml"), ids=name)
def test_toml_of_a_page_is_what_its_reader_takes(block, tmp_path):
    fields = tomllib.loads(block.text)
    if "net" in fields:
        plugins.card_from(fields, plugins.Plugin("methods", "one", Path(), "docs"), MethodCard)
    elif "reader" in fields:
        plugins.card_from(fields, plugins.Plugin("datasets", "one", Path(), "docs"), DatasetCard)
    elif "suite" in fields:
        (tmp_path / "suite.toml").write_text(block.text)
        assert suites.load(str(tmp_path)).facts.tables
    else:
        assert fields.keys() <= {"options", "limits", "choices", "project"}, "no rule for this table"


@pytest.mark.parametrize("block", of("yaml"), ids=name)
def test_yaml_of_a_page_has_inputs_that_the_action_has(block):
    known = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    steps = yaml.safe_load(block.text)
    assert steps and all(step["with"].keys() <= known.keys() for step in steps)


def typed(text):
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("way", ["python", "sh"])
def test_from_a_model_to_a_latex_table_with_intervals_and_provenance(way, here, monkeypatch, capfd):
    """docs/my-model.md as it is written, on five clips; the lines that a reader types are under 20."""
    model, *blocks = [block for block in BLOCKS if block.page == MY_MODEL]
    (here / "my_model.py").write_text(model.text)
    monkeypatch.syspath_prepend(str(here))
    space = {}
    exec(model.text, space)
    torch.manual_seed(0)
    net = space["MyModel"]()
    torch.save(net.state_dict(), here / "my_model.pth")
    (block,) = [block for block in blocks if block.language == way]
    assert 5 < len(typed(block.text)) + (way == "sh") * 3 < 20
    if way == "python":
        exec(block.text, {"__name__": "block"})
        report = here / "reports" / "my-model"
    else:
        for line in block.lines:
            assert call(argv_of(line)) == 0, capfd.readouterr().err
        report = here / "reports" / "paper-table"
    said = capfd.readouterr().out
    assert "dis+bicubic" in said and "SSIM" in said and "PSNR" in said
    table = next(path for path in (report / "tex").glob("main-*.tex")).read_text()
    mine = next(line for line in table.splitlines() if line.startswith("my-model"))
    rows = [row for row in rows_of_the_report(report, here) if row.method == "my-model"]
    # the mean and half of Student's interval over the five clips, by scipy
    clips = [np.mean([value for value in row.values["psnr_y"] if np.isfinite(value)]) for row in rows]
    half = scipy.stats.sem(clips) * scipy.stats.t.ppf(0.975, len(clips) - 1)
    assert len(clips) == 5 and f"{np.mean(clips):.2f}" in mine and rf"$\pm$ {half:.2f}" in mine
    sha = rows[0].weights_sha256
    whole = "".join(path.read_text() for path in report.rglob("*") if path.suffix in (".tex", ".md", ".csv", ".json"))
    assert len(sha) == 64 and sha in whole and "suite-1" in table


def rows_of_the_report(report, here):
    return store.read_rows(here / "runs" / ("paper" if report.name == "paper-table" else report.name))


def test_the_notebook_is_one_and_runs_from_top_to_bottom(here):
    """The structure is that of nbformat 4.5, without outputs of anybody's; its cells run in order in one process."""
    text = (ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8")
    book = json.loads(text)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5) and isinstance(book["metadata"], dict)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    cells = []
    for cell in book["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and isinstance(cell["metadata"], dict)
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            cells.append("".join(cell["source"]))
        else:
            assert cell.keys() == {"cell_type", "id", "metadata", "source"}
    checks = "assert list(table['method']) == ['blend+bicubic', 'dis+bicubic', 'repeated']; assert len(clips) == 6\n"
    shown = "assert '<table>' in result._repr_html_() and result.compare('dis+bicubic', 'repeated')._repr_markdown_()\n"
    (here / "cells.py").write_text("\n".join([*cells, checks + shown]))
    done = subprocess.run([sys.executable, "cells.py"], cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (here / "reports" / "notebook" / "table.md").is_file()
