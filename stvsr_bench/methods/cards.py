"""The cards of all methods, read without importing any method's code."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

from stvsr_bench import plugins
from stvsr_bench.errors import BenchError, CardError
from stvsr_bench.plugins import objects
from stvsr_bench.schema import MethodCard

_TOML_BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def names() -> list[str]:
    """Names of all methods whose card can be read, sorted."""
    broken = problems()
    return [name for name in plugins.plugins("methods") if name not in broken]


def problems() -> dict[str, str]:
    """What is wrong with each method that is found but broken; a broken one stops no other."""
    found = {}
    for name in plugins.plugins("methods"):
        try:
            card(name)
        except BenchError as error:
            found[name] = str(error)
    return found


def card(name: str) -> MethodCard:
    """The checked card of a method.

    Raises:
        UnknownNameError: no such method.
        CardError: its card cannot be read.
    """
    plugin = plugins.find("methods", name)
    if (held := objects.held(plugin)) is not None:
        return plugins.card_from(dict(held.card), plugin, MethodCard)
    if plugin.path.is_dir():
        return plugins.read_card(plugin, MethodCard)
    fields = {"title": plugin.name, "kind": "stvsr", **card_of_file(plugin.path)}
    return plugins.card_from(fields, plugin, MethodCard)


def card_of_file(path: Path) -> dict[str, Any]:
    """The card inside a one-file method: a literal dict `CARD`, or a ```toml block in the module's docstring.

    Raises:
        CardError: the file is no Python, or holds no card.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8-sig"))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deep
        raise CardError(f"{path.name} cannot be read as Python: {error}") from None
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "CARD" and isinstance(node, ast.Assign | ast.AnnAssign):
            return _literal(path, node.value)
    block = _TOML_BLOCK.search(ast.get_docstring(tree, clean=True) or "")
    if block is None:
        raise CardError(f"{path.name} has no card; add CARD = {{'net': '...', 'kind': 'stvsr'}} or a ```toml block")
    try:
        return tomllib.loads(block[1])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CardError(f"{path.name}: the toml block of its docstring cannot be read: {error}") from None


def _literal(path: Path, value: ast.expr | None) -> dict[str, Any]:
    try:
        fields = ast.literal_eval(value) if value is not None else None
    except (ValueError, TypeError, RecursionError):  # names or calls; a list as key; nested too deep
        fields = None
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise CardError(f"{path.name}: CARD must be a dict of plain values (no names, no calls)")
    return fields
