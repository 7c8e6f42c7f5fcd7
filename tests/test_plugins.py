"""Whose code a name means: a built-in is never replaced unsaid, and no plug-in lends its neighbours' files."""

import pickle
import sys
from pathlib import Path

import pytest
import torch

from stvsr_bench import datasets, methods, plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import OK, USAGE, CardError, UsageError
from stvsr_bench.rows import store

CARD = 'title = "Mine"\nkind = "{kind}"\nnet = "model:Net"\nlearned = false\n'
NET = (
    "import torch\nfrom torch import nn\n\nclass Net(nn.Module):\n    def forward(self, x, times=None):\n"
    "        return {what}\n"
)
FILE = (
    "import torch\nCARD = {{'kind': '{kind}', 'call': 'function', 'net': 'f', 'learned': False}}\n"
    "def f(x, times=None):\n    return {what}\n"
)
BLACK = "torch.zeros(x.shape[0], 2 * x.shape[1] - 1, *x.shape[2:])"


def net(folder: Path, what: str = BLACK, kind: str = "vfi", card: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(NET.format(what=what))
    if card:
        (folder / "card.toml").write_text(CARD.format(kind=kind))
    return folder


def file(path: Path, what: str = BLACK, kind: str = "vfi") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FILE.format(what=what, kind=kind))
    return path


def made(spec: str) -> torch.Tensor:
    return methods.build(spec).net(torch.rand(1, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("by", ["include", "path"])
def test_what_lies_beside_a_plug_in_is_nobodys_code(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "methods"
    mine = net(home / "my-net")
    for name in ("blend", "bicubic", "builder", "weights"):  # methods and modules of the suite, by an old copy
        net(home / name, "1 / 0", card=False)
        for module in ("card", "builder", "weights"):
            (home / name / f"{module}.py").write_text("raise SystemExit('code of a neighbour ran')\n")
    wanted = made("blend+bicubic")
    for name in [
        name for name in sys.modules if name.startswith(("stvsr_bench.methods.blend", "stvsr_bench.methods.bic"))
    ]:
        monkeypatch.delitem(sys.modules, name)  # as in a process that has not used them yet
    if by == "include":
        plugins.include(mine)
    else:
        monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
        # computed when the package is first imported: as in a new process
        monkeypatch.setattr(methods, "__path__", plugins.search_path(list(methods.__path__)[:1], "methods"))
    assert made("my-net+bicubic").shape == wanted.shape
    assert torch.equal(made("blend+bicubic"), wanted)
    assert str(home) not in methods.__path__


def test_two_plug_ins_with_files_of_one_name_have_each_their_own(tmp_path: Path) -> None:
    for number, init in enumerate((True, False)):
        folder = net(tmp_path / str(number) / f"net{number}", "x * value")
        (folder / "part.py").write_text(f"value = {number}\n")
        (folder / "model.py").write_text("from .part import value\n" + (folder / "model.py").read_text())
        if init:
            (folder / "__init__.py").write_text("")
        plugins.include(folder)
    first, second = (methods.build(f"net{number}+bicubic").net for number in (0, 1))
    x = torch.ones(1, 2, 3, 8, 8)
    assert float(first(x).max()) == 0 and float(second(x).min()) > 0.9
    for one in (first, second):
        assert type(pickle.loads(pickle.dumps(one))) is type(one)


@pytest.mark.parametrize(
    "make", [lambda path, what: file(path / "net.py", what), lambda path, what: net(path / "net", what)]
)
def test_one_name_in_two_places_is_two_pieces_of_code_in_one_process(make, tmp_path: Path) -> None:
    for number in (0, 1):  # as in a dask worker that serves one run after the other
        plugins.forget()
        plugins.include(make(tmp_path / str(number), f"{BLACK} + {number}"))
        assert float(made("net+bicubic").mean()) == pytest.approx(number)


def test_code_that_failed_once_says_the_same_at_the_next_try(tmp_path: Path) -> None:
    plugins.include(file(tmp_path / "late.py"))
    (tmp_path / "late.py").write_text((tmp_path / "late.py").read_text() + "import no_such_module\n")
    for _ in range(2):
        with pytest.raises(CardError, match="no_such_module"):
            methods.build("late+bicubic")


@pytest.mark.parametrize("make", [lambda path: file(path / "blend.py"), lambda path: net(path / "blend")])
def test_an_included_built_in_needs_the_word_and_is_flagged(make, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(
        UsageError, match="a built-in method has the name 'blend'; rename it, or write --override blend"
    ):
        plugins.include(path)
    assert float(made("blend+bicubic").max()) > 0 and methods.build("blend+bicubic").flags == ()
    plugins.include(path, override=["blend"])
    assert float(made("blend+bicubic").max()) == 0
    assert methods.build("blend+bicubic").flags == ("override",)
    assert methods.build("dis+bicubic").flags == ()


def test_a_built_in_of_the_path_variable_needs_the_word_and_is_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net(tmp_path / "methods" / "blend")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
    with pytest.raises(CardError, match=r"STVSR_BENCH_PATH, .*methods/blend.*--override blend"):
        methods.build("blend+bicubic")
    assert "blend" in methods.problems() and "dis" in methods.names(), "it stops no other"
    monkeypatch.setenv("STVSR_BENCH_OVERRIDE", "dis,blend")
    assert methods.build("blend+bicubic").flags == ("override",)


def test_a_data_set_put_in_the_place_of_a_built_in_flags_its_clips(
    tmp_path: Path, noise_clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "datasets" / "mini"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text('title = "x"\nreader = "folders"\nsplits = ["slow"]\n')
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
    with pytest.raises(CardError, match="a built-in data set has the name 'mini'"):
        datasets.clips("mini", root=noise_clips(1, 3, (16, 16)))
    plugins.allow(["mini"])
    assert "override" in datasets.clips("mini", root=tmp_path / "clips")[0].flags


def test_two_included_of_one_name_are_refused_and_one_named_twice_is_not(tmp_path: Path) -> None:
    first, second = file(tmp_path / "a" / "my_net.py"), net(tmp_path / "b" / "my-net")
    plugins.include(first)
    plugins.include(first)
    with pytest.raises(UsageError, match=r"'my-net' is also the name of --include .*my_net\.py; rename one"):
        plugins.include(second)
    assert plugins.included() == [first]


def test_included_over_a_plug_in_of_the_path_variable_needs_the_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = net(tmp_path / "methods" / "net")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
    assert plugins.include(known).replaces == "", "the same folder by another way"
    plugins.forget()
    with pytest.raises(UsageError, match=r"the method of \$STVSR_BENCH_PATH has the name 'net'"):
        plugins.include(file(tmp_path / "net.py"))


def test_the_command_line_asks_says_and_carries_it_into_workers(
    tmp_path: Path, noise_clips, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noise_clips(1, 3, (16, 16))
    file(tmp_path / "blend.py")
    argv = ["run", "-m", "blend+bicubic,dis+bicubic", "-d", "./clips", "--out", "out", "-q", "--timeout", "300"]
    assert call([*argv, "--include", "blend.py"]) == USAGE
    assert "--override blend" in capsys.readouterr().err
    assert call([*argv, "--include", "blend.py", "--override", "blend", "--override", "bland"]) == USAGE
    assert "--override bland replaces nothing" in capsys.readouterr().err
    plugins.forget()
    assert call([*argv, "--include", "blend.py", "--override", "blend"]) == OK
    rows = {row.method: row for row in store.read_rows(tmp_path / "out")}
    assert rows["blend+bicubic"].values["psnr_y"][1] < 10, "the black frame of the plug-in"
    assert {name: "override" in row.flags for name, row in rows.items()} == {
        "blend+bicubic": True,
        "dis+bicubic": False,
    }
    assert call(["report", "out", "--no-figures", "--no-page", "--out", "report"]) == OK
    text = (tmp_path / "report" / "table.md").read_text().partition("## Provenance")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    said = {line.split("+")[0].split()[-1]: "(override)" in line for line in lines if "+bicubic" in line}
    assert said == {"blend": True, "dis": False}
    plugins.forget()
    assert call(["run", "--from", "out", "--out", "again", "-q"]) == USAGE
    assert "write --include" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "verb",
    [
        "doctor blend+bicubic",
        "ls",
        "plan -m blend+bicubic -d mini",
        "infer no.mp4 -m blend+bicubic -o out.mp4",
        "profile -m blend+bicubic",
    ],
)
def test_every_verb_that_includes_has_the_word(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path / "blend.py")
    assert call([*verb.split(), "--include", str(path)]) == USAGE
    assert "--override blend" in capsys.readouterr().err
    assert call([*verb.split(), "--override", "stdan"]) == USAGE
    assert "--override stdan replaces nothing" in capsys.readouterr().err
