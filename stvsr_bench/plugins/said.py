"""What the text of a plug-in's file says: imports, texts that may be paths, a command. Nothing of it is run."""

import ast
import re
import shlex
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from stvsr_bench import hashes

_LOADERS = {"import_module", "__import__"}
_LONGEST = 1024  # letters of a text that may be a path
_LARGEST = 8 * 2**20  # bytes of a source that is parsed; a tree takes a hundred times as many
_TOML_BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
# of a tree or a literal: no value, a list as key, too deep
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


@dataclass
class Said:
    """What one file says: imports as (level, dotted name), texts that may be paths, the words of a command."""

    imports: set[tuple[int, str]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    command: set[str] = field(default_factory=set)


def said(file: Path) -> Said:
    """What a Python file or a card says; nothing, if it cannot be read (loading it says what is wrong)."""
    with suppress(*_UNREADABLE):
        if file.name == "card.toml":
            found = Said()
            _add_command(found, tomllib.loads(file.read_text("utf-8")))
            return found
        if file.suffix == ".py":
            about = file.stat()
            return _parsed(file, hashes.trace(about)) if about.st_size <= _LARGEST else Said()
    return Said()


@lru_cache(maxsize=4096)
def _parsed(file: Path, _trace: tuple[int, int, int]) -> Said:
    found = Said()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about somebody's "\\d"
            tree = ast.parse(file.read_bytes())
    except _UNREADABLE:
        return found
    _add_card(found, tree)
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if _is_prose(node) or _is_card(node):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found.imports |= {(0, one.name) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = [node.module] if node.module else []
            found.imports |= {(node.level, ".".join([*inside, one.name])) for one in node.names}
        else:
            found.texts |= set(_texts(node))
            found.imports |= set(_by_text(node))
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    """A text and its words; and the parts of `os.path.join(here, "..", "net")` and `here / ".." / "net"`, joined."""
    if text := _text(node):
        if len(text) < _LONGEST:
            yield text
            yield from text.split()
    elif isinstance(node, ast.Call):
        yield "/".join(filter(None, map(_text, node.args)))[: _LONGEST - 1]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts: list[str] = []
        at: ast.AST = node
        while isinstance(at, ast.BinOp):
            parts.insert(0, _text(at.right))
            at = at.left
        yield "/".join(filter(None, [_text(at), *parts]))[: _LONGEST - 1]


def _by_text(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _LOADERS:
        for text in filter(None, map(_text, node.args[:1])):
            name = text.lstrip(".")
            if all(part.isidentifier() for part in name.split(".")):
                yield len(text) - len(name), name


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_prose(node: ast.AST) -> bool:
    """Whether a node is a docstring: it names no file that the code reads."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_card(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(getattr(one, "id", "") == "CARD" for one in targets)


def _add_card(found: Said, tree: ast.Module) -> None:
    """A card's command; its other paths are those of weights, which have digests of their own."""
    with suppress(*_UNREADABLE):
        for node in filter(_is_card, tree.body):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                _add_command(found, ast.literal_eval(node.value))
    with suppress(*_UNREADABLE):
        if block := _TOML_BLOCK.search(ast.get_docstring(tree, clean=True) or ""):
            _add_command(found, tomllib.loads(block[1]))


def _add_command(found: Said, card: object) -> None:
    if not isinstance(card, dict) or card.get("call") != "process":
        return
    words = shlex.split(str(card.get("net", "")))
    found.command |= set(words)
    modules = [after for word, after in pairwise(words) if word == "-m"]
    found.imports |= {(0, f"{name}{end}") for name in modules for end in ("", ".__main__")}
