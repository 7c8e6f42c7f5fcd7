"""The sdist and the wheel that is built from it, used outside the checkout: what `pip install stvsr-bench` gives."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("runs", "site", "build", "dist", ".*", "__pycache__", "*.egg-info")
BACKEND = "import sys; from setuptools import build_meta; print(build_meta.{}(sys.argv[1]))"


def built(what, tree, out):
    """The file that setuptools makes of a tree, by the hooks that pip calls."""
    argv = [sys.executable, "-c", BACKEND.format(what), str(out)]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """(sdist, the wheel made of the unpacked sdist, the wheel made of the checkout)."""
    folder = tmp_path_factory.mktemp("package")
    tree = shutil.copytree(ROOT, folder / "tree", ignore=shutil.ignore_patterns(*LEFT_OUT))
    out = folder / "dist"
    out.mkdir()
    sdist = built("build_sdist", tree, out)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    wheel = built("build_wheel", folder / sdist.name.removesuffix(".tar.gz"), out)
    (folder / "direct").mkdir()
    return sdist, wheel, built("build_wheel", tree, folder / "direct")


@pytest.fixture(scope="module")
def bench(packages, tmp_path_factory):
    """Runs the installed command in an empty folder: the wheel in a fresh environment, dependencies from this one."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    argv = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*argv, str(packages[1])], check=True, env={**os.environ, "PIP_CONSTRAINT": ""})
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (folder / "empty").mkdir()
    environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "STVSR_BENCH_PATH")}
    environment.update(OMP_NUM_THREADS="1", STVSR_BENCH_HOME=str(folder / "home"))

    def run(*argv, program="stvsr-bench"):
        command = [str(folder / "env" / "bin" / program), *argv]
        done = subprocess.run(
            command, cwd=folder / "empty", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder = folder
    return run


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/RECORD")}


def test_the_sdist_lacks_nothing_that_the_wheel_needs(packages):
    _, from_sdist, from_checkout = packages
    assert names(from_sdist) == names(from_checkout)


def test_the_wheel_holds_code_cards_weights_and_licence_and_one_top_level_name(packages):
    found = names(packages[1])
    tops = {name.partition("/")[0] for name in found}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"stvsr_bench"}
    tracked = {
        f"stvsr_bench/{path.relative_to(ROOT).as_posix()}"
        for kind in ("methods", "datasets")
        for path in (ROOT / kind).glob("*/*")
        if path.suffix in (".toml", ".py", ".md")
    }
    assert tracked and tracked <= found
    suites = {f"stvsr_bench/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "reports").glob("*/suite.toml")}
    assert suites and {name for name in found if name.startswith("stvsr_bench/reports/")} == suites
    for net in ("stdan", "zsm", "tmnet"):
        assert f"stvsr_bench/methods/{net}/weights/mini.safetensors" in found
    assert "stvsr_bench/py.typed" in found and any(name.endswith("licenses/LICENSE") for name in found)


def test_pyav_comes_with_the_package_and_the_old_extra_still_installs(packages):
    """`pip install stvsr-bench[video]` was the way to PyAV until November 2026."""
    with zipfile.ZipFile(packages[1]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        lines = wheel.read(name).decode().splitlines()
    assert any(line.startswith("Requires-Dist: av>=") and "extra" not in line for line in lines)
    assert "Provides-Extra: video" in lines


def test_the_installed_command_finds_its_methods_measures_and_reports(bench):
    where = bench("-c", "import stvsr_bench; print(stvsr_bench.__file__)", program="python")
    assert Path(where.strip()).is_relative_to(bench.folder / "env")
    listed = {method["name"] for method in json.loads(bench("ls", "methods", "--json"))}
    shipped = {path.parent.name.replace("_", "-") for path in (ROOT / "methods").glob("*/card.toml")}
    assert listed == shipped
    suites = {path.parent.name for path in (ROOT / "reports").glob("*/suite.toml")}
    assert {suite["name"] for suite in json.loads(bench("reproduce", "--json"))} == suites
    bench("run", "-m", "blend+bicubic,stdan@mini", "-d", "mini", "-s", "slow", "--limit", "1", "--out", "runs/one")
    bench("report", "runs/one", "--out", "reports/one", "--no-figures", "--no-page")
    assert "stdan" in (bench.folder / "empty" / "reports" / "one" / "table.md").read_text()


def test_the_lowest_versions_that_ci_tries_are_those_that_we_promise():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = dict(line.split("==") for line in (ROOT / "constraints-lowest.txt").read_text().splitlines())
    promised = dict(text.split(">=") for text in [*project["dependencies"], *project["optional-dependencies"]["fast"]])
    promised.pop("torch")  # the CPU build at hand is a newer one
    for name, least in promised.items():
        assert Version(tried[name]) >= Version(least)
        assert Version(tried[name]).release[: len(Version(least).release)] == Version(least).release, name
    assert "make lowest" in (ROOT / ".ci" / "run").read_text().splitlines()
    makefile = (ROOT / "Makefile").read_text()
    assert "pytest -q -p no:cacheprovider $(SMOKE)" in makefile


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = importlib.metadata.packages_distributions()
    declared = {re.split(r"[>=<\[ ]", text)[0].lower() for text in project["dependencies"]}
    for extra in project["optional-dependencies"].values():
        declared |= {re.split(r"[>=<\[ ]", text)[0].lower() for text in extra}
    found = {}
    for path in (ROOT / "stvsr_bench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"stvsr_bench", ""}:
                found.setdefault(top, path.name)
    owners = {top: {name.lower().replace("_", "-") for name in known.get(top, [top])} for top in found}
    owners["llvmlite"], owners["dask"] = {"numba"}, {"distributed"}  # never there without these
    del owners["pynvml"], found["pynvml"]  # used where somebody has it, for the names of graphics cards
    assert {top: found[top] for top in found if not owners[top] & declared} == {}
