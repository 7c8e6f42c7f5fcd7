"""The report of a folder that somebody sent: every file lies below `--out`, and names in it are text."""

import html.parser
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from stvsr_bench.cli import call

TEX = "d}^^5ctypeout{HACKED}^^5cinput{^^2fetc^^2fhostname}\\typeout{HACKED}^^5ciffalse{"
NAMES = [
    TEX,
    "a/../../../../../ESCAPED",
    "x}\\input{/etc/passwd}\\immediate\\write18{id}{",
    "\x1b[31mred\u202e\x9b",
    "<script>alert(1)</script><!-- /table -->",
    "=1+1\n| forged | 99 |",
    "`**x**`",
    "y" * 300,
    "nul\x00byte",
]
FIELDS = ("method", "weights", "dataset", "split", "clip", "protocol", "protocol_key", "restoring_key")


@pytest.fixture
def report(tmp_path, row, write):
    """Writes the report of rows whose fields have these names; its folder."""

    def made(*named):
        usual = [row("net", "tag", "set", "split", clip, [30.0] * 7) for clip in ("c0", "c1")]
        rows = [replace(one, **fields) for fields in named for one in usual]
        rows = [replace(one, key=one.own_key) for one in rows]
        run = write(tmp_path / "somewhere" / "deep" / "run", list({one.key: one for one in rows}.values()))
        out = tmp_path / "somewhere" / "deep" / "report"
        before = set(tmp_path.rglob("*"))
        assert call(["report", str(run), "--out", str(out), "--no-figures"]) == 0
        shutil.rmtree(run)
        assert all(out in path.parents or path == out for path in set(tmp_path.rglob("*")) - before)
        return out

    return made


class Tags(html.parser.HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, tuple(name for name, _ in attrs)))


@pytest.mark.fault("B4", "`report` of rows with a protocol such as `a/../../x`", "all files lie below `--out`", "0")
@pytest.mark.parametrize("name", NAMES)
def test_every_file_lies_below_out_and_no_name_steers_a_reader(name, report, capsys):
    usual = Tags((report({}) / "index.html").read_text()).seen
    capsys.readouterr()
    out = report({}, *({field: name} for field in FIELDS))
    for path in out.rglob("*"):
        assert re.fullmatch(r"[a-z0-9_.-]+", path.name) and ".." not in path.name, path
    seen = capsys.readouterr()
    texts = [path.read_text() for path in out.rglob("*") if path.suffix in (".md", ".csv", ".tex")]
    assert not any(mark in text for text in [*texts, seen.out, seen.err] for mark in ("\x1b", "\x9b", "\u202e"))
    assert "<script>" not in (out / "table.md").read_text() and "\n| forged" not in (out / "table.md").read_text()
    downloads = [tag for tag in Tags((out / "index.html").read_text()).seen if tag not in usual]
    assert downloads == []
    for tex in (out / "tex").glob("*.tex"):
        named = re.findall(r"\\(?:label|input|includegraphics)\{([^}]*)\}", tex.read_text())
        assert all(re.fullmatch(r"(tab:|fig:)?[a-z0-9_.-]+", one) for one in named), named


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.fault("B4", "pdflatex of a report whose names are LaTeX commands", "the names as text", "0")
def test_pdflatex_shows_hostile_names_and_runs_none(report):
    out = report(*({field: name} for name in (TEX, NAMES[2]) for field in ("method", "dataset", "split", "protocol")))
    argv = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-recorder", "example.tex"]
    done = subprocess.run(
        argv, cwd=out / "tex", capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert not re.search(r"^HACKED$", done.stdout, re.MULTILINE)
    opened = (out / "tex" / "example.fls").read_text()
    assert "/etc/hostname" not in opened and "/etc/passwd" not in opened
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "-raw", "example.pdf", "-"], cwd=out / "tex", capture_output=True, text=True, check=True
        )
        assert "HACKED" in text.stdout and "/etc/passwd" in text.stdout, "as letters on the page"
