"""Every command in the docs: plain blocks are run, the others are parsed to the last option."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from stvsr_bench.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
FENCE = re.compile(r"```(sh|bash)([^\n]*)\n(.*?)```", re.DOTALL)


def commands(page, runnable):
    """Lines of shell blocks, continued lines joined; a block with a title needs something that a test does not have."""
    found = []
    for _, title, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if ("title=" not in title and not text.startswith("#!")) == runnable:
            found += [line.split(" #")[0] for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in found if line.startswith(("stvsr-bench ", "make ", ".venv/bin/stvsr-bench "))]


def parse(argv):
    """Raises where a verb, option or value is wrong; runs nothing."""
    command = typer.main.get_command(app())
    context = command.make_context("stvsr-bench", list(argv), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_has_a_verb_and_options_that_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in [*commands(page, True), *commands(page, False)]:
        program, *argv = shlex.split(line)
        if program == "make":
            assert {word for word in argv if "=" not in word} <= targets, line
        else:
            parse([word.replace("$SLURM_ARRAY_TASK_ID", "1") for word in argv])


def test_the_parser_of_this_test_refuses_what_does_not_exist():
    for wrong in (["rum"], ["run", "--method-list", "x"], ["data", "chekc", "mini"], ["run", "--jobs", "many"]):
        with pytest.raises(Exception, match=r".+"):
            parse(wrong)


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "README.md"], ids=lambda p: p.name)
def test_every_plain_command_runs(page, tmp_path):
    for line in commands(page, True):
        program, *argv = shlex.split(line)
        assert program == "stvsr-bench", f"{line}: give the block a title that says what it needs"
        done = subprocess.run(
            [sys.executable, "-m", "stvsr_bench", *argv],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
