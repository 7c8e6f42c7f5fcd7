"""Rows do not outlive code and files that a method reaches outside its folder."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import OK
from stvsr_bench.plugins import Plugin, code

FILE = """{imports}
CARD = {{"kind": "vfi", "call": "function", "net": "f", "learned": False}}
def f(x, times=None):
    {inside}
    return x
"""


def one_file(place: Path, imports: str = "", inside: str = "pass") -> Plugin:
    place.mkdir(parents=True, exist_ok=True)
    (place / "mine.py").write_text(FILE.format(imports=imports, inside=inside))
    return Plugin("methods", "mine", place / "mine.py", "--include")


def write(path: Path, text: str = "A = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def on_the_path(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "repo")
    return one_file(tmp_path / "m", "import reach_a"), write(tmp_path / "repo" / "reach_a.py")


def a_package_that_imports_relatively(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "repo")
    write(tmp_path / "repo" / "reach_b" / "__init__.py", "")
    write(tmp_path / "repo" / "reach_b" / "archs" / "net.py", "from ..ops.warp import A\n")
    return one_file(tmp_path / "m", "from reach_b.archs import net"), write(
        tmp_path / "repo" / "reach_b" / "ops" / "warp.py"
    )


def what_a_package_imports_itself(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "repo")
    made = one_file(tmp_path / "m", "import reach_c.net")
    write(tmp_path / "repo" / "reach_c" / "net.py", "")
    return made, write(tmp_path / "repo" / "reach_c" / "__init__.py")


def a_folder_put_on_the_path_by_name(tmp_path, monkeypatch):
    made = one_file(tmp_path / "m", f"import sys\nsys.path.insert(0, {str(tmp_path / 'far')!r})\nimport reach_d")
    return made, write(tmp_path / "far" / "reach_d.py")


def a_folder_put_on_the_path_from_the_file(tmp_path, monkeypatch):
    made = one_file(
        tmp_path / "repo" / "bench", "import sys\nsys.path.append(__file__ + '/../..')\nfrom src import net"
    )
    return made, write(tmp_path / "repo" / "src" / "net.py")


def imported_by_its_name_as_a_text(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "repo")
    made = one_file(tmp_path / "m", "import importlib", "importlib.import_module('reach_e.net')")
    return made, write(tmp_path / "repo" / "reach_e" / "net.py")


def a_checkpoint_by_its_path(tmp_path, monkeypatch):
    checkpoint = write(tmp_path / "exp" / "latest.pth", "1")
    return one_file(tmp_path / "m", "import torch", f"torch.load({str(checkpoint)!r})"), checkpoint


def a_checkpoint_beside_the_file(tmp_path, monkeypatch):
    made = one_file(tmp_path / "m", "import torch", "torch.load(__file__.replace('mine.py', 'best.pth'), 'best.pth')")
    return made, write(tmp_path / "m" / "best.pth", "1")


def a_config_from_where_the_command_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return one_file(tmp_path / "m", "", "open('options/net.yml')"), write(tmp_path / "options" / "net.yml", "1")


def the_command_of_a_process(tmp_path, monkeypatch):
    serve = write(tmp_path / "far" / "serve.py", "import tool\n")
    card = f'kind = "vfi"\ncall = "process"\nnet = "{{python}} {serve}"\nlearned = false\n'
    write(tmp_path / "m" / "mine" / "card.toml", card)
    return Plugin("methods", "mine", tmp_path / "m" / "mine", "--include"), write(tmp_path / "far" / "tool.py")


def an_installed_package(tmp_path, monkeypatch):
    """`pip install .` once more: the version is as before, the files and their list are not."""
    home = tmp_path / "lib" / "site-packages"
    monkeypatch.syspath_prepend(home)
    write(home / "reach_f" / "__init__.py")
    about = home / "reach_f-1.0.dist-info"
    write(about / "METADATA", "Metadata-Version: 2.1\nName: reach-f\nVersion: 1.0\n")
    write(about / "top_level.txt", "reach_f\n")
    return one_file(tmp_path / "m", "import reach_f"), write(about / "RECORD", "reach_f/__init__.py,sha256=1,6\n")


REACHED = [
    on_the_path, a_package_that_imports_relatively, what_a_package_imports_itself, a_folder_put_on_the_path_by_name,
    a_folder_put_on_the_path_from_the_file, imported_by_its_name_as_a_text, a_checkpoint_by_its_path,
    a_checkpoint_beside_the_file, a_config_from_where_the_command_is_run, the_command_of_a_process,
    an_installed_package,
]  # fmt: skip


@pytest.mark.parametrize("lay", REACHED)
def test_what_a_method_reaches_outside_its_folder_is_part_of_its_code(lay, tmp_path, monkeypatch):
    from stvsr_bench.plugins import reach

    plugin, elsewhere = lay(tmp_path, monkeypatch)
    importlib.invalidate_caches()
    before = code(plugin)
    assert code(plugin) == before
    elsewhere.write_text("A = 2, and longer\n")
    reach._package.cache_clear()  # of this process; a run is a new one
    assert code(plugin) != before
    elsewhere.unlink()
    reach._package.cache_clear()
    code(plugin)  # what is gone is no error: loading the method says it


def test_what_it_does_not_reach_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = write(tmp_path / "run.log", "1")
    plugin = one_file(tmp_path / "m", "import json, numpy", "open('run.log', 'a')")
    (tmp_path / "m" / "other.py").write_text("A = 1\n")
    before = code(plugin)
    log.write_text("2")  # a method may write it, and each run would be told that the code changed
    (tmp_path / "m" / "other.py").write_text("A = 2\n")
    assert code(plugin) == before


def test_the_weights_that_a_card_names_are_no_code(tmp_path):
    plugin = one_file(tmp_path / "m")
    text = plugin.path.read_text().replace('"learned": False', '"weights": {"a": {"file": "a.pth"}}')
    plugin.path.write_text(text)
    file = write(tmp_path / "m" / "a.pth", "1")
    before = code(plugin)
    file.write_text("2")
    assert code(plugin) == before


def test_the_same_code_in_another_place_is_the_same_code(tmp_path, monkeypatch):
    """Two machines of a cluster, or a home that moved: their rows are joined."""
    plugin = one_file(tmp_path / "a" / "m", "import sys\nsys.path.append('..')\nfrom src import net")
    write(tmp_path / "a" / "src" / "net.py")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert code(plugin) == code(Plugin("methods", "mine", tmp_path / "b" / "m" / "mine.py", "--include"))


def test_a_session_keeps_the_code_that_it_imported_until_it_is_loaded_again(tmp_path, monkeypatch):
    """As in a notebook: the file was edited, what runs is what was imported."""
    plugin, helper = on_the_path(tmp_path, monkeypatch)
    helper = helper.rename(helper.with_name("reach_g.py"))
    plugin.path.write_text(plugin.path.read_text().replace("reach_a", "reach_g"))
    importlib.invalidate_caches()
    module = plugins.load(plugin).reach_g
    before = code(plugin)
    helper.write_text("A = 'another, longer'\n")
    assert code(plugin) == before and plugins.load(plugin).reach_g.A == 1
    importlib.reload(module)
    assert code(plugin) != before and plugins.load(plugin).reach_g.A == "another, longer"
    monkeypatch.delitem(sys.modules, "reach_g")


@pytest.mark.fault("A", "a module that a method imports from elsewhere was edited", "its rows are measured again", "0")
def test_a_run_measures_again_where_an_imported_module_changed(tmp_path, noise_clips, monkeypatch, capsys):
    monkeypatch.syspath_prepend(tmp_path / "repo")
    plugin = one_file(tmp_path / "m", "from reach_h import GAIN", "x = x.repeat_interleave(2, 1)[:, :-1] * GAIN")
    command = ["run", "-m", "mine+bicubic", "--include", str(plugin.path), "-d", str(noise_clips(1, 3, (32, 48)))]
    for gain in ("1.0", "0.5"):
        write(tmp_path / "repo" / "reach_h.py", f"GAIN = {gain}\n")
        importlib.invalidate_caches()
        assert call([*command, "-o", str(tmp_path / "run"), "--save-frames", "none", "-q"]) == OK
        monkeypatch.delitem(sys.modules, "reach_h")  # each command has a process of its own
    assert "its code changed since 1 row was measured; measuring it again" in capsys.readouterr().err
    assert len((tmp_path / "run" / "superseded.jsonl").read_text().splitlines()) == 1
