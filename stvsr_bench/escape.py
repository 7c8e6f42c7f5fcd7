"""Names of anybody's (methods, data sets, clips, folders) as plain text: one function for each format that we write.

Text in a terminal is `errors.printable`, a name on one line of it `line`. A name becomes part of a file's name, of a
LaTeX label or of `\\input` by `slug` alone.
"""

import html
import re

from stvsr_bench.errors import STEERING, printable
from stvsr_bench.schema import digest

# one pass, letter by letter: replacing one sign after the other would escape the backslashes just written
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",  # OT1 fonts do not have it, so `latex.NEEDS` asks for T1
    "–": "--",
    "·": r"\textperiodcentered{}",
    "±": r"\textpm{}",
}
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # spreadsheets take the full-width ones too
_PLAIN_CODE = re.compile(r"[\w.:=/@+ ()-]*", re.ASCII)
_LONGEST_SLUG = 69
_SLUG_SEPARATORS = str.maketrans(dict.fromkeys("/:@ []=,+", "_"))


def line(text: str) -> str:
    """A name on one line of a terminal or a text file: nothing in it steers, ends the line or turns its direction."""
    return printable(text).translate({10: r"\x0a", 9: r"\x09"})


def tex(text: str) -> str:
    """A name as LaTeX text; letters that pdfLaTeX has no glyph for become their code point."""
    # pdfLaTeX sets the letters of Latin-1 and stops with an error at most others
    return "".join(_TEX.get(letter) or (letter if _has_glyph(letter) else f"[U+{ord(letter):04X}]") for letter in text)


def _has_glyph(letter: str) -> bool:
    return " " <= letter <= "~" or "\u00c0" <= letter <= "\u00ff"


def markdown(text: str) -> str:
    """A name as Markdown text: nothing in it is read as Markdown or HTML."""
    # Markdown passes HTML through, and a folder may be named <script>
    escaped = html.escape(printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")), quote=False)
    for letter in "\\|*_`[]~#$":
        escaped = escaped.replace(letter, f"\\{letter}")
    return escaped


def code(text: str) -> str:
    """A name in Markdown's `code` where it can stand there, else as text."""
    return f"`{text}`" if _PLAIN_CODE.fullmatch(text) and text.strip() else markdown(text)


def cell(text: str) -> str:
    """A name as the text of a CSV cell: no spreadsheet runs it, and it stays on one line."""
    plain = line(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n")) else plain


def json_text(document: str) -> str:
    """A JSON document with the letters that would steer a terminal written out, as JSON writes them."""
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def xml(text: str) -> str:
    """A name in XML 1.0, before a writer escapes its `<` and `&`: no sign that XML cannot say."""
    return re.sub("[\ud800-\udfff\ufffe\uffff]", "\ufffd", line(text))


def slug(name: str) -> str:
    """A name as part of a file's name or a LaTeX label: small letters, digits, `-`, `_` and `.`, at most 69 of them.

    A name that is made of these already stays as it is; of any other, a digest keeps two apart.
    """
    text = re.sub(r"[^a-z0-9_.-]+", "-", name.lower().translate(_SLUG_SEPARATORS))
    text = re.sub(r"\.{2,}", ".", text).strip(".-_")
    if text == name and 0 < len(text) <= _LONGEST_SLUG:
        return text
    return f"{text[: _LONGEST_SLUG - 9].strip('.-_') or 'name'}-{digest(name)[:8]}"
