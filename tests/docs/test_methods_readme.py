"""methods/README.md, followed literally by somebody who has never seen the suite."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "methods" / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def block(language, containing):
    found = [text for kind, text in BLOCKS if kind == language and containing in text]
    assert len(found) == 1, f"{len(found)} {language} blocks contain {containing!r}"
    return found[0]


def bench(*argv, cwd, **environment):
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        [sys.executable, "-m", "stvsr_bench", *argv], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_the_one_file_method_is_doctored_run_and_reported(tmp_path):
    (tmp_path / "my_method.py").write_text(block("python", "CARD ="))
    for line in block("sh", "stvsr-bench doctor").splitlines():
        program, *argv = shlex.split(line)
        assert program == "stvsr-bench"
        done = bench(*argv, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    table = next(tmp_path.rglob("table.md")).read_text()
    assert "my-method" in table and "blend+bicubic" in table


@pytest.fixture
def folder(tmp_path):
    """The folder method of the README with a network and weights, under $STVSR_BENCH_PATH."""
    home = tmp_path / "plugins" / "methods" / "my-net"
    home.mkdir(parents=True)
    (home / "card.toml").write_text(block("toml", "model:MyNet"))
    (home / "model.py").write_text(
        textwrap.dedent(
            """
            import torch
            from torch import nn

            class MyNet(nn.Module):
                def __init__(self, width):
                    super().__init__()
                    self.up = nn.Conv2d(3, 3 * 16, 3, padding=1)

                def forward(self, lr, times=None):
                    dense = lr.repeat_interleave(2, dim=1)[:, :-1]
                    sr = nn.functional.pixel_shuffle(self.up(dense.flatten(0, 1)), 4)
                    return sr.unflatten(0, dense.shape[:2])
            """
        )
    )
    code = (
        "import sys, torch; from safetensors.torch import save_file; sys.path.insert(0, sys.argv[1]); import model; "
        "save_file(model.MyNet(16).state_dict(), sys.argv[1] + '/mine.safetensors')"
    )
    subprocess.run([sys.executable, "-c", code, str(home)], check=True)
    return tmp_path


def test_the_folder_method_is_found_on_the_path_with_its_weights(folder):
    listed = bench("ls", "methods", "--json", cwd=folder, STVSR_BENCH_PATH=str(folder / "plugins"))
    assert '"my-net"' in listed.stdout and '"@mine"' in listed.stdout
    done = bench("doctor", "my-net@mine", cwd=folder, STVSR_BENCH_PATH=str(folder / "plugins"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_plug_in_is_listed_with_its_error_and_breaks_no_other(folder):
    broken = folder / "plugins" / "methods" / "broken"
    broken.mkdir()
    (broken / "card.toml").write_text('title = "Broken"\nkind = "magic"\nnet = "model:X"\n')
    path = {"STVSR_BENCH_PATH": str(folder / "plugins")}
    listed = bench("ls", "methods", "--json", cwd=folder, **path)
    assert listed.returncode == 0 and "'kind'" in listed.stdout and '"stdan"' in listed.stdout
    asked = bench("doctor", "broken", cwd=folder, **path)
    assert asked.returncode == 2 and "broken" in asked.stderr and "Traceback" not in asked.stderr
    assert bench("doctor", "my-net@none", cwd=folder, **path).returncode == 0


def test_an_installed_package_brings_its_method_by_entry_point(folder, tmp_path):
    site = tmp_path / "site"
    package = site / "my_package" / "my_net"
    package.parent.mkdir(parents=True)
    (folder / "plugins" / "methods" / "my-net").rename(package)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    info = site / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stvsr_bench.methods]\nmy-net = my_package.my_net\ngone = no_such_module\n")
    done = bench("doctor", "my-net@mine", cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stdout + done.stderr
    listed = bench("ls", "methods", "--json", cwd=tmp_path, PYTHONPATH=str(site))
    assert "no module no_such_module is installed" in listed.stdout


def test_a_model_in_another_environment_gets_its_row(tmp_path):
    home = tmp_path / "plugins" / "methods" / "old-net"
    home.mkdir(parents=True)
    (home / "card.toml").write_text(block("toml", "serve.py"))
    (home / "serve.py").write_text(block("python", "sys.stdin"))
    environment = tmp_path / "second"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    subprocess.run([environment / "bin" / "python", "-m", "pip", "install", "-q", "numpy"], check=True)
    lacks = subprocess.run([environment / "bin" / "python", "-c", "import torch"], capture_output=True, check=False)
    assert lacks.returncode == 1, "the second environment must not have torch"
    spec = f"old-net:python={environment / 'bin' / 'python'}"
    path = {"STVSR_BENCH_PATH": str(tmp_path / "plugins")}
    argv = ["run", "--methods", spec, "--dataset", "mini", "--split", "slow", "--limit", "1", "--out", "runs/old"]
    done = bench(*argv, cwd=tmp_path, **path)
    assert done.returncode == 0, done.stderr
    assert "old-net" in (tmp_path / "runs" / "old" / "rows-main.jsonl").read_text()


def test_a_process_that_breaks_is_one_sentence(tmp_path):
    home = tmp_path / "plugins" / "methods" / "old-net"
    home.mkdir(parents=True)
    (home / "card.toml").write_text(block("toml", "serve.py"))
    path = {"STVSR_BENCH_PATH": str(tmp_path / "plugins")}
    argv = [
        "run",
        "--methods",
        f"old-net:python={sys.executable}",
        "--dataset",
        "mini",
        "--split",
        "slow",
        "--limit",
        "1",
    ]
    for program, says in (
        ("print('hello', flush=True); input()", "answered 'hello'"),
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        (
            "import json; input(); print(json.dumps({'ok': False, 'error': 'no model'}), flush=True); input()",
            "no model",
        ),
    ):
        (home / "serve.py").write_text(program)
        done = bench(*argv, cwd=tmp_path, **path)
        assert done.returncode == 3 and says in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
