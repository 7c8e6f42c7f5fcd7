"""What is measured where no data set is named, and folders that are not the data set that is named."""

import json
import tomllib

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.runner.plan import RunSpec
from stvsr_bench.runner.replay import load_spec, write_spec


@pytest.fixture(autouse=True)
def no_vimeo(monkeypatch, tmp_path):
    monkeypatch.delenv("VIMEO90K_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.fault("E7", "a paper's protocol, or `@authors`, without the paper's data", "what to set", "4")
@pytest.mark.parametrize(
    "asked",
    [
        ["-m", "blend+bicubic", "-p", "stdan-2023"],
        ["-m", "stdan@authors"],
        ["-m", "blend+bicubic", "-p", "zsm-2020:scale=2"],
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_numbers_of_a_paper_are_not_measured_on_other_data(verb, asked, capsys):
    assert call([verb, *asked, "--split", "fast"]) == 4
    said = capsys.readouterr().err
    assert "set VIMEO90K_ROOT to the folder of Vimeo-90K" in said and "--dataset" in said


@pytest.mark.parametrize("protocol", ["suite-1", "suite-1:scale=2", "suite-1-x2-t2"])
def test_under_the_suites_own_protocol_one_line_says_what_is_measured(protocol, capsys):
    assert call(["run", "-m", "blend+bicubic", "-s", "fast", "-p", protocol, "-n", "-q"]) == 0
    said = capsys.readouterr().err
    assert said.count("the built-in data set mini is measured") == 1
    assert call(["run", "-m", "blend+bicubic", "-d", "mini", "-p", "stdan-2023", "-s", "fast", "-n", "-q"]) == 0
    assert "built-in" not in capsys.readouterr().err


def test_the_file_of_a_run_names_the_data_set_that_was_measured(tmp_path, monkeypatch):
    for root, measured in ((None, "mini"), ("somewhere", "vimeo90k")):
        if root is not None:
            monkeypatch.setenv("VIMEO90K_ROOT", root)
        spec = RunSpec(methods=("blend+bicubic",), out=tmp_path / measured)
        write_spec(spec, 1)
        assert tomllib.loads((spec.out / "run.toml").read_text())["datasets"] == [measured]
        monkeypatch.delenv("VIMEO90K_ROOT", raising=False)  # in another terminal it asks for the same
        assert load_spec(spec.out, tmp_path).spec.datasets == (measured,)


def test_the_folder_of_another_data_set_is_refused(tmp_path, capsys):
    frame = np.zeros((16, 16, 3), np.uint8)
    for i in range(1, 4):
        write_png(tmp_path / f"vimeo/00001/0266/im{i}.png", frame)
        write_png(tmp_path / f"good/city/{i}.png", frame)
    assert call(["run", "-m", "blend+bicubic", "-d", "vid4", "--root", "vimeo", "-n"]) == 4
    assert "vimeo is not vid4: it has none of its clips (calendar, city" in capsys.readouterr().err
    assert call(["run", "-m", "blend+bicubic", "-d", "vid4", "--root", "good", "-n", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"][0]["of"] == 1
