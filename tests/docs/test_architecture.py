"""docs/architecture.md says what the package is: its rooms, its rows, and files that are there."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "stvsr_bench"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def section(title):
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


def rows_of_the_layer_test():
    spec = importlib.util.spec_from_file_location("layers", ROOT / "tests" / "test_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [sorted(row) for row in module.ROWS]


def test_every_room_has_its_line_and_every_line_its_room():
    listed = re.findall(r"^\| `([a-z_]+(?:\.py|/))` \|", section("The rooms"), re.MULTILINE)
    real = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    real |= {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert sorted(listed) == sorted(real)


def test_the_drawing_of_the_rows_is_the_one_that_the_layer_test_enforces():
    drawn = re.findall(r'r\d+\["([a-z_, ]+)"\]', section("Who may import whom"))
    # each row but the first is drawn as the target of an arrow, the first as its source
    assert [row.split(", ") for row in drawn] == rows_of_the_layer_test()


def test_files_that_are_named_are_there():
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|md|toml))`", TEXT))
    for boxed in re.findall(r"<small>(.*?)</small>", TEXT):
        folder = ""
        for name in boxed.split(", "):
            folder, _, file = name.rpartition("/") if "/" in name else (folder, "", name)
            named.add(f"{folder}/{file}" if file else f"{folder}/__init__.py")
    anywhere = {"card.toml", "model.py", "fast.py", "reader.py", "suite.toml"}  # of a plug-in or suite's folder
    missing = [n for n in named - anywhere if not (PACKAGE / n).is_file() and not (ROOT / n).is_file()]
    missing = [n for n in missing if "/" in n or not any(PACKAGE.rglob(n))]
    assert len(named) > 25 and missing == []
