"""Who may import whom (ARCHITECTURE: the rows of the house), and what may never be loaded by a light verb."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from stvsr_bench.cli.tree import VERBS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "stvsr_bench"

# lower rows first; a part may import parts of lower rows and itself, never a neighbour
ROWS = [
    {"errors", "hashes", "installing", "opencv", "rounded", "ending"},
    {"schema", "words", "notes"},
    {"compiling"},
    {"plugins", "protocols", "environment", "escape"},
    {"data", "nn"},
    {"acquire", "checkpoints", "metrics"},
    {"methods", "datasets"},
    {"restore", "rows"},
    {"profiling"},
    {"runner", "train", "inspection", "report"},
    {"cli", "notebook", "pytest_plugin"},
]
WINDOWS = {"methods": {"errors", "schema", "nn", "opencv"}, "datasets": {"errors", "installing", "schema", "data"}}
ROW_OF = {part: number for number, row in enumerate(ROWS) for part in row}


def imports(path: Path) -> set[str]:
    """Dotted names of stvsr_bench modules that a file imports, wherever in the file; type-checking imports too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "stvsr_bench":
                found |= {f"stvsr_bench.{alias.name}" for alias in node.names}
            elif node.module.startswith("stvsr_bench."):
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("stvsr_bench.")}
    return {name for name in found if name != "stvsr_bench.__version__"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def neighbours(path: Path, files: dict[str, Path]) -> set[str]:
    """Modules of this repository that a file imports, relative imports too."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {name if (name := f"{base}.{alias.name}") in files else base for alias in node.names}
    return (found & files.keys()) - {module_of(path), "stvsr_bench"}  # of the package itself: only its version


def part_of(dotted: str) -> str:
    return dotted.split(".")[1]


def package_files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem not in ("__init__", "__main__"))


@pytest.mark.parametrize("path", package_files(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_part_imports_only_lower_rows_and_itself(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in ROW_OF, f"{own} has no row in the house; add it to ROWS"
    for dotted in imports(path):
        other = part_of(dotted)
        assert other == own or ROW_OF[other] < ROW_OF[own], f"{own} imports {dotted}"


def test_no_import_goes_in_a_circle():
    paths = [path for folder in (PACKAGE, ROOT / "methods", ROOT / "datasets") for path in folder.rglob("*.py")]
    files = {module_of(path): path for path in paths}
    graph = {name: neighbours(path, files) for name, path in files.items()}
    assert sum(map(len, graph.values())) > 500  # the walk sees imports at all
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_house_has_few_rows():
    assert len(ROWS) <= 12


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_parses_and_prints_and_is_short(verb):
    assert len((PACKAGE / "cli" / f"{VERBS[verb]}.py").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("kind", ["methods", "datasets"])
def test_plugin_folders_see_only_their_window(kind):
    files = sorted((ROOT / kind).glob("*/*.py"))
    assert files
    for path in files:
        for dotted in imports(path):
            assert part_of(dotted) in WINDOWS[kind], f"{path.relative_to(ROOT)} imports {dotted}"


@pytest.mark.parametrize("folder", ["methods", "datasets", "reports"])
def test_top_level_folders_are_no_packages(folder):
    assert not (ROOT / folder / "__init__.py").exists()


def test_nothing_in_the_package_names_a_method():
    names = {card.parent.name for card in (ROOT / "methods").glob("*/card.toml")}
    for path in package_files():
        for dotted in imports(path):
            words = dotted.split(".")
            assert not (words[1] == "methods" and len(words) > 2 and words[2] in names), f"{path} imports {dotted}"


@pytest.mark.parametrize(
    "module",
    [
        "cli",
        "datasets.listing",
        "errors",
        "methods.inventory",
        "plugins",
        "profiling.summary",
        "protocols",
        "report.write",
        "rows.gate",
        "rows.store",
        "rows.tolerances",
        "runner.plan",
        "schema",
    ],
)
def test_light_parts_never_load_torch(module):
    code = f"import sys, stvsr_bench.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
