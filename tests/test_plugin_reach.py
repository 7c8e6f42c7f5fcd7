"""Rows do not outlive code and files that a method reaches outside its folder."""

import importlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import OK
from stvsr_bench.plugins import Plugin, code, reach
from stvsr_bench.rows.store import read_rows

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


def a_folder_beside_by_joined_words(tmp_path, monkeypatch):
    joined = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'ema'))\nimport reach_i"
    return one_file(tmp_path / "repo" / "bench", joined), write(tmp_path / "repo" / "ema" / "reach_i.py")


def a_checkpoint_above_by_joined_words(tmp_path, monkeypatch):
    made = one_file(
        tmp_path / "repo" / "bench",
        "import torch\nfrom pathlib import Path",
        "torch.load(Path(__file__).parents[1] / 'exp' / 'best.pth')",
    )
    return made, write(tmp_path / "repo" / "exp" / "best.pth", "1")


def a_package_of_a_name_that_is_installed_too(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "lib" / "site-packages")
    write(tmp_path / "lib" / "site-packages" / "reach_j.py")
    made = one_file(tmp_path / "m", f"import sys\nsys.path.insert(0, {str(tmp_path / 'far')!r})\nimport reach_j")
    return made, write(tmp_path / "far" / "reach_j.py")


def the_command_of_a_card_in_the_docstring(tmp_path, monkeypatch):
    card = "```toml\nkind = 'vfi'\ncall = 'process'\nlearned = false\nnet = '{python} -m reach_k.serve'\n```"
    write(tmp_path / "m" / "mine.py", f'"""{card}"""\n')
    return Plugin("methods", "mine", tmp_path / "m" / "mine.py", "--include"), write(
        tmp_path / "m" / "reach_k" / "serve.py"
    )


REACHED = [
    on_the_path, a_package_that_imports_relatively, what_a_package_imports_itself, a_folder_put_on_the_path_by_name,
    a_folder_put_on_the_path_from_the_file, imported_by_its_name_as_a_text, a_checkpoint_by_its_path,
    a_checkpoint_beside_the_file, a_config_from_where_the_command_is_run, the_command_of_a_process,
    an_installed_package, a_folder_beside_by_joined_words, a_checkpoint_above_by_joined_words,
    a_package_of_a_name_that_is_installed_too, the_command_of_a_card_in_the_docstring,
]  # fmt: skip


@pytest.mark.parametrize("lay", REACHED)
def test_what_a_method_reaches_outside_its_folder_is_part_of_its_code(lay, tmp_path, monkeypatch):
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


ANNOTATED = 'CARD: dict = {"kind": "vfi", "call": "function", "net": "f", "weights": {"a": {"file": "a.pth"}}}'
IN_WORDS = """\"\"\"Reads a.pth, as train.py does.
```toml
kind = "vfi"
net = "f"
[weights.a]
file = "a.pth"
```
\"\"\""""


@pytest.mark.parametrize("card", [ANNOTATED.replace(": dict", ""), ANNOTATED, IN_WORDS])
def test_the_weights_that_a_card_names_are_no_code(card, tmp_path):
    plugin = one_file(tmp_path / "m")
    plugin.path.write_text(card)
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


ODD = {
    "relative beyond the top": f"try:\n    from {'.' * 40}x import y\nexcept ImportError: pass",
    "a name too long": f"import importlib\nFIND = lambda: importlib.import_module('{'x' * 300}')",
    "a name that is none": "import importlib\nA = lambda: (importlib.import_module('..'), importlib.import_module(''))",
    "texts": "A = '\\ud800.json', 'a\\x00b.pth', '~nobody-has-this/x.pth', '/dev/zero', '/dev/stdin', './pipe.json'",
    "a list as a key": "import reach_odd",
    "stars": "from reach_odd import *",
    "itself": "import mine, __main__",
}


@pytest.mark.parametrize("imports", ODD.values(), ids=ODD)
def test_odd_sources_have_a_digest(imports, tmp_path, recwarn):
    plugin = one_file(tmp_path / "m", imports)
    write(tmp_path / "m" / "reach_odd.py", "CARD = {[]: 1}\nA = '\\d'\nB: int = (1\n")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "m" / "pipe.json")
    assert code(plugin) == code(plugin)
    assert not list(recwarn)


def test_files_that_put_their_own_folder_on_the_path_are_read_once(tmp_path):
    """By `../m/`, each would be found below itself again, without end."""
    plugin = one_file(tmp_path / "m", "import sys\nsys.path.append('../m/')\nimport reach_l, reach_m")
    for name in ("reach_l", "reach_m"):
        write(tmp_path / "m" / f"{name}.py", "import sys\nsys.path.append('../m/')\nimport reach_l, reach_m, mine\n")
    found = reach.reached([plugin.path], tmp_path / "m")
    assert [name for name, _ in found] == ["reach_l.py", "reach_m.py"]


def test_an_installed_package_is_the_same_on_another_machine(tmp_path, monkeypatch):
    """Scripts begin with the path of their Python; pip and uv leave different notes in another order."""
    files = ["reach_n/__init__.py,sha256=1,6", "reach_n/net.py,sha256=2,6"]
    of_pip = [
        "../../../bin/reach,sha256=3,9",
        "reach_n-1.0.dist-info/INSTALLER,sha256=4,4",
        "reach_n/__pycache__/a.pyc,,",
    ]
    digests = []
    for record in ([*files, *of_pip], files[::-1]):
        home = tmp_path / str(len(digests)) / "site-packages"
        about = home / "reach_n-1.0.dist-info"
        write(home / "reach_n" / "__init__.py")
        write(about / "METADATA", "Metadata-Version: 2.1\nName: reach-n\nVersion: 1.0\n")
        write(about / "RECORD", "\n".join(record))
        with monkeypatch.context() as here:
            here.syspath_prepend(home)
            reach._package.cache_clear()
            digests.append(code(one_file(tmp_path / "m", "import reach_n")))
    assert digests[0] == digests[1] != code(one_file(tmp_path / "m", "import reach_none"))


PUTS_ON_THE_PATH = """import sys
from pathlib import Path
sys.path.{how}str(Path(__file__).parents[1].joinpath(*{place!r}.split("|"))))
from {module} import GAIN
"""
DOUBLES = "x = x.repeat_interleave(2, 1)[:, :-1] * GAIN"


def measured(tmp_path, clips, *methods):
    """The mean of PSNR-Y of each method, all measured in one process."""
    included = [word for name in methods for word in ("--include", str(tmp_path / name / f"{name}.py"))]
    spec = ",".join(f"{name}+bicubic" for name in methods)
    command = ["run", "-m", spec, *included, "-d", str(clips), "-o", str(tmp_path / "run")]
    assert call([*command, "--save-frames", "none", "-q"]) == OK
    rows = read_rows(tmp_path / "run")
    return {row.method.partition("+")[0]: np.mean(row.values["psnr_y"]) for row in rows}


def named(tmp_path, name, how, place, module):
    """A method that puts a place on the path that no text names in full."""
    write(tmp_path / name / f"{name}.py", FILE.format(imports=PUTS_ON_THE_PATH.format(**locals()), inside=DOUBLES))


@pytest.mark.fault("A", "a method puts a folder on the path as it is loaded", "it is measured", "0")
def test_a_method_that_puts_a_computed_folder_on_the_path_is_measured(tmp_path, noise_clips, monkeypatch):
    """Before it is loaded its module is found in another place than after, or in none."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    write(tmp_path / "far" / "off" / "reach_o.py", "GAIN = 1.0\n")
    named(tmp_path, "computed", "insert(0, ", "far|off", "reach_o")
    write(tmp_path / "far" / "off" / "reach_p" / "net.py", "GAIN = 1.0\n")
    write(tmp_path / "reach_p" / "net.py", "A = 'above the method, of the same name'\n")
    named(tmp_path, "above", "insert(0, ", "far|off", "reach_p.net")
    assert set(measured(tmp_path, noise_clips(1, 3, (32, 48)), "computed", "above")) == {"computed", "above"}


@pytest.mark.fault("A", "two methods have a module of one name", "each is measured with its own", "0")
@pytest.mark.parametrize("how", ["insert(0, ", "append("])
def test_methods_with_modules_of_one_name_are_measured_with_their_own(how, tmp_path, noise_clips, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, gain in (("one", "1.0"), ("two", "0.5")):
        write(tmp_path / name / "reach_q.py", f"GAIN = {gain}\n")
        named(tmp_path, name, how, name, "reach_q")
    clips = noise_clips(1, 3, (32, 48))
    together = measured(tmp_path, clips, "one", "two")
    monkeypatch.delitem(sys.modules, "reach_q")
    shutil.rmtree(tmp_path / "run")
    assert measured(tmp_path, clips, "two") == {"two": together["two"]}
    assert together["one"] > together["two"] + 1
