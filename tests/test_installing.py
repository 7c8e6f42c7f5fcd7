"""Each hint is a command that works for how this copy was installed."""

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

import pytest

from stvsr_bench import installing

ROOT = Path(__file__).parents[1]
REQUIRED = [
    "numpy>=1.26",
    'lmdb>=1.4; extra == "train"',
    "tensorboard (>=2.16) ; extra == 'train'",
    'x; extra == "dev"',
]


@pytest.fixture
def pip_is_ours(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: str(Path(sys.executable).parent / name))


def test_a_checkout_names_itself(pip_is_ours, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert installing.extra("train") == "pip install -e '.[train]'"
    monkeypatch.chdir(tmp_path)
    assert installing.extra("train") == f"pip install -e '{ROOT}[train]'"
    assert installing.packages("--no-deps x==1", "baselines") == "make baselines (or pip install --no-deps x==1)"


def test_elsewhere_the_packages_of_the_extra_are_named(pip_is_ours, monkeypatch, tmp_path):
    monkeypatch.setattr(installing, "_ROOT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: REQUIRED)
    assert installing.extra("train") == "pip install 'lmdb>=1.4' 'tensorboard>=2.16'"
    assert installing.packages("--no-deps x==1", "baselines") == "pip install --no-deps x==1"
    assert installing.kind() != "checkout"


def test_the_pip_of_another_python_is_not_meant(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/pip" if name == "pip" else None)
    monkeypatch.setattr(sys, "executable", "/my env/bin/python")
    assert installing.pip("x") == "'/my env/bin/python' -m pip install x"
    monkeypatch.setattr(installing, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/uv" if name == "uv" else None)
    assert installing.pip("x") == "uv pip install --python '/my env/bin/python' x"


def test_hints_are_written_in_one_place():
    for place in ("stvsr_bench", "methods", "datasets"):
        for file in (ROOT / place).rglob("*.py"):
            if file.name != "installing.py":
                assert not re.search("pip install(?!s)", file.read_text(encoding="utf-8")), file
