"""Words and phrases that readers stumble over, found in what users read: `python tests/docs/plain_words.py`.

It reads the Markdown pages (not their commands and code), the newest part of CHANGELOG.md, and the texts in the
package's code: help, errors and notes. It does not read comments and docstrings, except the docstrings of functions in
`cli/`, which are the help of the verbs. `make lint` runs it.

A word that is right in its place is added to `ALLOWED`, with the reason.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {"docs/faults.md", "docs/published.md"}  # the words of tests, and of papers
# Not yet rewritten. When a part is, remove its name here, run this file, and mend what it finds; `()` at the end.
UNFINISHED: tuple[str, ...] = ()

_THING = (
    "clip|split|second|hour|minute|frame|line|row|method|key|worker|value|worker-hour|step|process|command|pair|channel|"
    "megapixel|septuplet"
)
_UNIT = "frames|clips|lines?|rows?|septuplets|seconds|tables?|threads?|steps|bytes|bits|values|entry|GMACs|ms|s|h|MB"
WORDS = {  # pattern (any case): what to write
    r"(go|goes|went|gone|going) on": "continue; for 'goes on with': continues with",
    r"(bring|brings|bringing|brought)": "get, install, contain, give",
    r"(is|are|was|were|and) said": "is printed, is noted, is explained",
    r"said once": "printed once",
    r"dearer": "slower, costs more",
    r"made (from|out of) nothing": "interpolated",
    r"whose": "of which, with its; for persons name them",
    r"(hold|holds|holding)": "contain, have, keep; for checks: pass; for rows: are confirmed",
    r"(is|are|be) held (to|against)": "is compared with",
    r"(stand|stands|stood)(?! still)": "is, are; for numbers: is printed",
    r"of (its|their) own": "its own X, a separate X",
    r"(?<!there\s)(is|are|was|were) no (?!longer|more|less|different|need)\w+": "is not a ..., is not valid ...",
    r"that is none": "that is not one",
    rf"({_UNIT}) an? ({_THING})": "per: two clips per split, frames per second",
    r"trained by(?! \[)": "trained with",
    r"in the place of": "instead of",
    r"without a word": "silently, without saying so",
    r"(foresaw|foresee|foresees)": "predicted, predict",
    r"in turns": "alternately",
    r"(alone|so much) (is )?worth": "give the difference in dB",
    r"internal error: ours": "a bug in stvsr-bench; please report it",
    r", for (it|they|that|there|these|those|this) (is|are|was|were|has|have|makes?|does|do|can)": ", because ...",
    r"but for": "except",
    r"be it": "whether",
    r"(nothing|none|all) but": "only, or: everything except",
    r"(thereof|therein|wherein|hereby|lest|albeit|hence)": "a common word",
    r"on its way": "name the step",
    r"own dice": "random numbers",
}
ALLOWED: dict[tuple[str, str], str] = {  # place and words: the reason
    ("stvsr_bench/cli/verify.py", "holds"): "a name in the JSON of `verify`, which scripts read",
}


@dataclass(frozen=True)
class Finding:
    """One word at one place, and what to write."""

    place: str
    words: str
    instead: str


_PATTERNS = [
    (re.compile(rf"\b{pattern}\b".replace(" ", r"\s+"), re.IGNORECASE), instead) for pattern, instead in WORDS.items()
]
# tables of `report --into` are made by the package
_NOT_PROSE = re.compile(r"<!-- (\w+).*?<!-- /\1 -->|```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", re.DOTALL)


def found(place: str, text: str, line: int = 1) -> Iterator[Finding]:
    """Every word of the list in one text; a line break is a space."""
    # an empty line and a new item of a list end a sentence, any other line break is a space
    flat = re.sub(r"\n\s*\n|\n[ >]*([*|#-]|\d+\.) |\|", lambda end: "\0" * len(end[0]), text)
    for pattern, instead in _PATTERNS:
        for match in pattern.finditer(flat):
            words = " ".join(match[0].split())
            if (place, words.lower()) not in ALLOWED:
                yield Finding(f"{place}:{line + text.count(chr(10), 0, match.start())}", words, instead)


def prose(text: str) -> str:
    """Markdown without its code, its links' addresses and its comments, each line where it was."""
    return _NOT_PROSE.sub(lambda part: re.sub(r"[^\n]", "#", part[0]), text)


def texts(source: str, docstrings: bool) -> Iterator[tuple[int, str]]:
    """Every text in Python code with its line; a part of an f-string that is computed is written `#`."""
    tree = ast.parse(source)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if is_docstring and not (docstrings and isinstance(node, ast.FunctionDef)):
                skipped.add(id(first.value))
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "#" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def newest(text: str) -> str:
    """The newest part of a changelog: its head, and the first of its `###` parts."""
    return "\n### ".join("\n## ".join(text.split("\n## ")[:2]).split("\n### ")[:2])


def pages(root: Path = ROOT) -> list[Path]:
    """Markdown that users read."""
    folders = ("", "docs", ".github", "methods", "datasets")
    found = [page for folder in folders for page in sorted((root / folder).glob("*.md"))]
    return [page for page in found if page.relative_to(root).as_posix() not in GENERATED]


def findings(root: Path = ROOT) -> Iterator[Finding]:
    """Everything that is to be mended."""
    for page in pages(root):
        place, text = page.relative_to(root).as_posix(), page.read_text(encoding="utf-8")
        if not place.startswith(UNFINISHED):
            yield from found(place, prose(newest(text) if place == "CHANGELOG.md" else text))
    for file in sorted((root / "stvsr_bench").rglob("*.py")):
        place = file.relative_to(root).as_posix()
        if not place.startswith(UNFINISHED):
            for line, text in texts(file.read_text(encoding="utf-8"), docstrings="/cli/" in place):
                yield from found(place, prose(text), line)


if __name__ == "__main__":
    wrong = list(findings())
    for one in wrong:
        sys.stdout.write(f"{one.place}: {one.words!r}: write {one.instead}\n")
    sys.exit(1 if wrong else 0)
