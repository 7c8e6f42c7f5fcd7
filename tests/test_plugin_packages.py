"""Packages and folders of others: a list runs none of their code, one that breaks harms no other, and who may write."""

import os
import re
import stat
import sys

import pytest

from stvsr_bench import datasets, methods, plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import CardError
from stvsr_bench.plugins import owners

CARD = 'title = "Mine"\nkind = "vfi"\nnet = "model:Net"\nlearned = false\n'
DATA = 'title = "Films"\nreader = "reader:Films"\nsplits = ["all"]\n'
NET = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x, times=None):\n"
    "        return x.repeat_interleave(2, dim=1)[:, :-1]\n"
)
RAN = "open({mark!r}, 'w').close()\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package whose own code is `code`, with a method `my-net` and a data set `films` in folders of it."""
    site = tmp_path / "site"

    def install(code, points="my-net = my_package.my_net"):
        for folder, card, name in (("my_net", CARD, "model"), ("films", DATA, "reader")):
            (site / "my_package" / folder).mkdir(parents=True)
            (site / "my_package" / folder / "card.toml").write_text(card)
            (site / "my_package" / folder / f"{name}.py").write_text(NET if name == "model" else "1 / 0\n")
            (site / "my_package" / folder / "__init__.py").write_text("")
        (site / "my_package" / "__init__.py").write_text(RAN.format(mark=str(tmp_path / "ran")) + code)
        info = site / "my_package-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
        text = f"[stvsr_bench.methods]\n{points}\n[stvsr_bench.datasets]\nfilms = my_package.films\n"
        (info / "entry_points.txt").write_text(text)
        monkeypatch.syspath_prepend(site)
        return tmp_path / "ran"

    yield install
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


LISTS = ("ls methods", "ls datasets", "weights list", "data list", "run -m blend+bicubic -d mini --dry-run")


@pytest.mark.fault("B3", "`ls`, `weights list` and a package whose import exits", "its code is not run", "0")
def test_a_list_imports_no_package(package, capsys):
    ran = package("raise SystemExit(3)\n")
    for argv in LISTS:
        assert call(argv.split()) == 0, argv
    assert not ran.exists() and "my_package" not in sys.modules
    assert methods.card("my-net").title == "Mine" and datasets.card("films").title == "Films"
    assert plugins.find("methods", "my-net").path.name == "my_net"


def test_a_package_that_is_whole_is_used(package):
    ran = package("")
    assert methods.build("my-net+bicubic").spec == "my-net+bicubic"
    assert ran.exists()


@pytest.mark.fault("B3", "a method of a package whose import raises or exits", "the package is named", "2")
@pytest.mark.parametrize("code", ["raise SystemExit(3)", "1 / 0", "def", "raise type('Odd', (BaseException,), {})"])
def test_a_package_that_raises_or_exits_is_named(package, code, capsys):
    package(code + "\n")
    with pytest.raises(CardError, match=r"my-net \(entry point my_package.my_net\): 'model:Net' cannot be loaded"):
        methods.build("my-net+bicubic")
    assert call(["doctor", "my-net"]) == 2
    said = capsys.readouterr().err
    assert "cannot be loaded" in said and "internal" not in said
    assert methods.build("blend+bicubic").spec == "blend+bicubic"


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ("my-net = no_such.thing", "no module no_such.thing is installed"),
        ("my-net = my_package.none", "no module my_package.none is installed"),
        ("my-net = my_package", "has no card.toml"),
        ("my-net = .", "no module|Empty|ValueError"),
        ("my-net = my_package.my_net:Net [extra]", ""),
    ],
)
def test_an_entry_point_to_nothing_is_listed_as_broken(package, points, says):
    package("1 / 0\n", points)
    found = plugins.plugins("methods")["my-net"]
    assert re.search(says, found.error) if says else found.error == ""


def test_metadata_that_cannot_be_read_stop_no_other(package, monkeypatch):
    package("")

    def broken(**_):
        raise AttributeError("an entry point without a value")

    monkeypatch.setattr(plugins, "entry_points", broken)
    assert methods.card("my-net").title == "Mine"


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """A folder of $STVSR_BENCH_PATH with the method `net` in it."""
    net = tmp_path / "shared" / "methods" / "net"
    net.mkdir(parents=True)
    (net / "card.toml").write_text(CARD)
    (net / "model.py").write_text(NET)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "shared"))
    return net


@pytest.mark.fault("B2", "a plug-in folder, a file in it or a folder above, open to all", "named and not used", "2")
@pytest.mark.parametrize("where", ["model.py", "card.toml", ".", "..", "../.."])
def test_what_everybody_may_write_is_not_run(searched, where):
    assert methods.card("net").title == "Mine"
    place = (searched / where).resolve()
    place.chmod(place.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(CardError, match=rf"net/?.*{place}.* may be written by everybody; .*chmod o-w {place}"):
        methods.card("net")
    assert "blend" in methods.names()
    if place.is_dir() and where != ".":
        place.chmod(place.stat().st_mode | stat.S_ISVTX)  # as /tmp: nobody may replace what others put there
        assert methods.card("net").title == "Mine"


def test_a_link_to_what_everybody_may_write_is_not_run(searched, tmp_path, monkeypatch):
    real = searched.parent.rename(tmp_path / "elsewhere")
    searched.parent.symlink_to(real)
    assert methods.card("net").title == "Mine"
    real.chmod(0o777)
    with pytest.raises(CardError, match="methods may be written by everybody"):
        methods.card("net")


@pytest.mark.fault("B2", "plug-ins of a group or another owner; `--include` of what is open to all", "one warning", "0")
def test_what_some_may_write_is_used_with_one_warning(searched, capsys):
    (searched / "model.py").chmod(0o664)
    for _ in range(2):
        assert call(["ls", "methods"]) == 0
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"a group may write {searched / 'model.py'}" in said
    (searched / "model.py").chmod(0o644)
    assert call(["ls", "methods"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
def test_what_somebody_else_owns_is_named(searched):
    assert owners.open_to_some([searched]) == ""
    os.chown(searched / "model.py", 12345, -1)
    assert owners.open_to_some([searched]).endswith(f"somebody else owns {searched / 'model.py'}")


def test_what_the_user_includes_is_warned_about_and_used(searched, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("STVSR_BENCH_PATH")
    (searched / "model.py").chmod(0o666)
    assert call(["ls", "methods", "--include", str(searched)]) == 0
    said = capsys.readouterr()
    assert "model.py may be written by everybody" in said.err and "broken" not in said.out


def test_a_plug_in_with_the_name_of_a_module_of_the_suite_is_another(searched):
    for name in ("builder", "weights", "process", "spec"):
        known = __import__(f"stvsr_bench.methods.{name}", fromlist=["x"]).__file__
        copy = searched.with_name(name)
        copy.mkdir()
        for file in searched.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        assert methods.build(f"{name}+bicubic").spec == f"{name}+bicubic"
        assert sys.modules[f"stvsr_bench.methods.{name}"].__file__ == known
