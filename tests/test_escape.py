"""Names of anybody's are text in every format; readers of these formats that are not ours say so."""

import csv
import io
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape as quoted

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stvsr_bench import escape
from stvsr_bench.errors import printable
from stvsr_bench.rows.names import frames_folder, path_component

HOSTILE = [
    r"\input{/etc/passwd}\immediate\write18{id}",
    "d}^^5ctypeout{HACKED}^^5cinput{^^2fetc^^2fhostname}^^5ciffalse{",
    "\x1b[31mred\x1b[0m\x9b2J\x07",
    "a\nb\r\nc\td",
    "a\u202ebcd\u2066e\u200f",
    "a\ufffe\uffff\ud800",
    '=HYPERLINK("http://x")',
    " \t=1+1",
    "＝1+1",
    "../../../x",
    "..",
    "nul\x00byte",
    "x" * 300,
    "<script>alert(1)</script>&amp;<!-- /table -->",
    "**a** `b` [c](d) ![e](f) ~~g~~ #h $i$ | j \\",
    "```\n# x",
    "",
]
names = st.one_of(
    st.text(max_size=80), st.sampled_from(HOSTILE), st.text('\\{}^$&#%_~<>|"`*[]()!.=+-@/\n\r\t\x1b', max_size=30)
)
gfm = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tried(test):
    """The property with random names, and with each of the list."""
    test = settings(max_examples=150, deadline=None)(given(names)(test))
    for name in HOSTILE:
        test = example(name)(test)
    return test


@pytest.mark.fault("B5", "a name with ANSI codes, line ends or marks that turn text, in a terminal", "`\\\\x1b`")
@tried
def test_a_line_steers_no_terminal(name):
    text = escape.line(name)
    bidi = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in bidi for c in text
    )
    assert text.encode("utf-8") or not name
    if name.isprintable():
        assert text == name


@tried
def test_text_of_several_lines_keeps_its_line_ends_and_steers_no_terminal(name):
    assert printable(name).count("\n") == name.count("\n")
    assert all(unicodedata.category(c) != "Cc" for c in printable(name) if c not in "\n\t")


@pytest.mark.fault("B4", "a name with LaTeX commands, `^^5c` too, in a table", "the name as text")
@tried
def test_latex_finds_no_command_in_a_name(name):
    text = escape.tex(name)
    assert all(" " <= c <= "~" or "\u00c0" <= c <= "\u00ff" for c in text)
    # what is left without the commands that we write has no letter that LaTeX reads otherwise
    ours = r"\\(?:text(?:backslash|asciicircum|asciitilde|less|greater|bar|quotedbl|periodcentered|pm)\{\}|[{}$&#%_])"
    assert not set(re.sub(ours, "", text)) & set("\\{}$&#%_^~")


@pytest.mark.fault("B5", "a name with Markdown, HTML or line ends, in a table", "the name as text")
@tried
def test_markdown_finds_nothing_but_text_in_a_name(name):
    tokens = gfm.parse(f"| a |\n|---|\n| {escape.markdown(name)} |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert [token.type for token in tokens].count("tr_open") == 2 and len(cells) == 2
    inside = cells[1].children or []
    assert {token.type for token in inside} <= {"text", "text_special"}
    wanted = printable(re.sub(r"[\n\r\t]", " ", name))
    assert "".join(token.content for token in inside).strip() == wanted.strip()


@tried
def test_code_in_markdown_is_the_name_and_nothing_else(name):
    (inline,) = [token for token in gfm.parse(f"x {escape.code(name)} y") if token.type == "inline"]
    assert {token.type for token in inline.children or []} <= {"text", "text_special", "code_inline"}


@pytest.mark.fault("B5", "a name that a spreadsheet would compute, in a CSV file", "an apostrophe before it")
@tried
def test_no_spreadsheet_computes_a_name(name):
    out = io.StringIO()
    csv.writer(out).writerow([escape.cell(name), "next"])
    (read,) = list(csv.reader(io.StringIO(out.getvalue())))
    assert read[1] == "next" and len(out.getvalue().splitlines()) == 1
    assert not unicodedata.normalize("NFKC", read[0]).lstrip().startswith(("=", "+", "-", "@"))
    assert not any(unicodedata.category(c) == "Cc" for c in read[0])


@pytest.mark.fault("B5", "a name that XML cannot say (U+FFFE), in JUnit XML", "well-formed XML")
@tried
def test_xml_is_well_formed_whatever_the_name(name):
    assert ElementTree.fromstring(f"<a>{quoted(escape.xml(name))}</a>").text == (escape.xml(name) or None)


@pytest.mark.fault("B4", "a name with `../`, 300 letters, NUL or commands, as a file or label", "letters and a digest")
@tried
def test_a_slug_is_part_of_a_file_name_and_of_a_label(name):
    text = escape.slug(name)
    assert re.fullmatch(r"[a-z0-9_.-]{1,69}", text) and ".." not in text and not text.startswith((".", "-"))
    assert escape.slug(text) == text


@settings(max_examples=150, deadline=None)
@given(names, names)
def test_two_names_have_two_slugs(one, other):
    assert (escape.slug(one) == escape.slug(other)) == (one == other)


@pytest.mark.parametrize("name", ["suite-1", "suite-1-x5_2-t4", "openclips", "psnr_y", "vimeo90k"])
def test_usual_names_are_their_slugs(name):
    assert escape.slug(name) == name


@pytest.mark.fault("B4", "a row that says its frames lie elsewhere (`../`)", "they are looked for below the run", "0")
@tried
def test_frames_of_a_row_lie_below_the_run(name):
    run = frames_folder(Path("/runs/a"), name, path_component(name))
    assert ".." not in run.parts and run.parts[:4] == ("/", "runs", "a", "frames") and len(run.parts) <= 6
