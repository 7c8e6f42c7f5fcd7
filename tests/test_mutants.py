"""`make mutants`, as far as one can see without changing any code: its command line and which changes it draws."""

import importlib.util
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("mutants", ROOT / "tests" / "benchmarks" / "mutants.py")
mutants = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mutants)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("given", "tests", "share"),
    [([], "", 1.0), (["SHARE=0.1", "TESTS=tests/rows -k 'a or b'"], "tests/rows -k 'a or b'", 0.1)],
)
def test_the_command_of_make_is_one_that_the_program_reads(given, tests, share):
    argv = ["make", "--dry-run", "mutants", "FILES=stvsr_bench/rows/lines.py stvsr_bench/rows/store.py", *given]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in said.splitlines() if "benchmarks/mutants.py" in line]
    asked = mutants.parser().parse_args(shlex.split(line)[2:])
    assert asked.files == ["stvsr_bench/rows/lines.py", "stvsr_bench/rows/store.py"]
    assert (asked.tests, asked.share) == (tests, share)


def test_the_extra_pins_the_tool():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert all("==" in one for one in extras["mutants"])


@pytest.mark.parametrize("wrong", [["--share", "0"], ["--share", "2"], []])
def test_a_share_that_is_none_and_no_files_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        mutants.parser().parse_args([*wrong, *(["x.py"] if wrong else [])])
    assert "usage" in capsys.readouterr().err


def test_the_tests_of_a_file_are_those_of_its_room():
    assert mutants.tests_of("stvsr_bench/rows/lines.py") == "tests/rows"
    assert mutants.tests_of("methods/zsm/model.py") == "tests/methods"
    with pytest.raises(SystemExit, match="name them with TESTS="):
        mutants.tests_of("stvsr_bench/nowhere/x.py")


def test_every_place_has_one_change_tried_before_any_has_two():
    places = [(line, 0) for line in range(10) for _ in range(7)]
    tried = mutants.drawn(places, 0.2)
    assert len(tried) == 14 and tried == mutants.drawn(places, 0.2)
    assert {places[index] for index in tried[:10]} == set(places)
    assert sorted(mutants.drawn(places, 1)) == list(range(70))
