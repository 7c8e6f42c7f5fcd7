"""The files around the package say what is true: YAML parses, and every command, target, path and version exists."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import stvsr_bench
from stvsr_bench.cli import app

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML = [*FORMS, *WORKFLOWS, ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff", ROOT / "action.yml"]
PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/policy.md")),
    ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md",
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LATER: set[str] = set()  # commands of the issue forms that are being made
COMMAND = re.compile(r"(?:^|[\s`(])((?:stvsr-bench|make) [a-z][^`\n|]*)")


def text(path):
    return path.read_text(encoding="utf-8")


def loaded(path):
    return yaml.safe_load(text(path))


def commands(path):
    """Commands in the code of Markdown; in other files, every line or code that looks like one."""
    found = text(path)
    if path.suffix == ".md":
        code = re.findall(r"```sh[^\n]*\n(.*?)```|`([^`\n]+)`", found, re.DOTALL)
        found = "\n".join(one for pair in code for one in pair)
    lines = COMMAND.findall(found)
    return [line.split(" #")[0].strip(" .\"'\\") for line in lines]


def parse(argv):
    """Raises where a verb or an option does not exist; an argument may be missing, as in a sentence."""
    command = typer.main.get_command(app())
    context = command.make_context("stvsr-bench", list(argv), resilient_parsing=False)
    try:
        while hasattr(command, "resolve_command"):
            name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            context = command.make_context(name, rest, parent=context)
    except Exception as error:
        if type(error).__name__ == "NoSuchOption" and " ".join(argv) in LATER:
            return
        if type(error).__name__ != "MissingParameter":
            raise


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_yaml_is_yaml(path):
    assert isinstance(loaded(path), dict)


@pytest.mark.parametrize("path", [*PAGES, *FORMS, *WORKFLOWS, ROOT / "Dockerfile"], ids=lambda path: path.name)
def test_every_command_and_target_exists(path):
    for line in commands(path):
        program, *argv = shlex.split(line)
        if program == "make":
            assert {word for word in argv if "=" not in word} <= TARGETS, line
        else:
            parse(argv)


def test_the_commands_are_found():
    found = [line for path in [*PAGES, *FORMS, *WORKFLOWS] for line in commands(path)]
    assert {"make lint", "make gate", "stvsr-bench doctor --report"} <= set(found)
    assert any(line.startswith("make test PYTHON=") for line in commands(WORKFLOWS[0]))
    for wrong in (["doctr", "--report"], ["doctor", "--repot"], ["run", "--method-list", "x"]):
        with pytest.raises(Exception, match=r"."):
            parse(wrong)


def test_every_form_is_a_form_and_asks_for_the_machine():
    assert {form.stem for form in FORMS} == {"config", "wrong-number", "crash", "new-method", "new-protocol"}
    for form in FORMS:
        if form.stem == "config":
            continue
        facts = loaded(form)
        assert {"name", "description", "body"} <= set(facts), form.name
        labels = [field["attributes"].get("label") or field["attributes"].get("value") for field in facts["body"]]
        ids = [field["id"] for field in facts["body"]]
        assert len(ids) == len(set(ids)) and all(labels)
        assert "Output of `stvsr-bench doctor --report`" in labels, form.name
        assert any(field.get("validations", {}).get("required") for field in facts["body"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_pinned_and_has_few_rights(path):
    flow = loaded(path)
    assert flow["permissions"] == {"contents": "read"}, "rights are given to the job that needs them"
    uses = [step["uses"] for job in flow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+|[0-9a-f]{40})", action) for action in uses)
    needed = [job.get("needs") for job in flow["jobs"].values()]
    assert {name for name in needed if name} <= set(flow["jobs"])


def test_the_release_is_published_without_a_password():
    jobs = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in text(ROOT / ".github" / "workflows" / "release.yml")


def test_the_matrix_has_every_python_from_the_oldest_on():
    matrix = loaded(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    minors = [int(re.fullmatch(r"3\.(\d+)", version)[1]) for version in matrix]
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    assert minors == list(range(minors[0], minors[-1] + 1)) and len(minors) >= 3


def test_versions_agree():
    citation = loaded(ROOT / "CITATION.cff")
    assert citation["version"] == stvsr_bench.__version__ and PROJECT["dynamic"] == ["version"]
    assert f"## {stvsr_bench.__version__} " in text(ROOT / "CHANGELOG.md")
    assert f"VERSION={stvsr_bench.__version__}" in text(ROOT / "docs" / "policy.md")
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors", "type"} <= set(citation)


def test_the_image_copies_what_is_there_and_what_the_package_needs():
    lines = [line.split()[1:] for line in text(ROOT / "Dockerfile").splitlines() if line.startswith("COPY ")]
    copied = {source for line in lines for source in line[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    kept = {line[1:] for line in text(ROOT / ".dockerignore").splitlines() if line.startswith("!")}
    assert copied <= kept and "reports/*/suite.toml" in kept
    plugins = re.findall(r'Path\(kind\)|for kind in \(("methods", "datasets")\)', text(ROOT / "setup.py"))
    assert plugins and {"stvsr_bench", "methods", "datasets", "reports", "setup.py", "pyproject.toml"} <= copied
    extras = re.search(r"ARG EXTRAS=(\S+)", text(ROOT / "Dockerfile"))[1].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_hooks_are_tools_of_this_project():
    (repo,) = loaded(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    lint = MAKEFILE.split("\nlint:")[1].split("\n\n")[0]
    for hook in repo["hooks"]:
        tool = hook["entry"].removeprefix(".venv/bin/").split(" --")[0]
        assert tool.replace("ruff check --fix", "ruff check") in lint.replace("$(BIN)/", ""), hook["id"]


def test_every_tool_of_lint_has_a_version():
    pinned = text(ROOT / "constraints.txt")
    hashed = text(ROOT / "constraints-hashed.txt")
    for tool in ("ruff", "mypy", "codespell"):
        version = re.search(rf"^{tool}==(\S+)$", pinned, re.MULTILINE)[1]
        assert f"\n{tool}=={version} \\\n    --hash=sha256:" in hashed
        assert any(line.startswith(f"{tool}>=") for line in PROJECT["optional-dependencies"]["dev"])


@pytest.fixture(scope="module")
def release_notes():
    spec = importlib.util.spec_from_file_location("release_notes", ROOT / "tests" / "docs" / "release_notes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_release_notes_are_one_section_of_the_changelog(release_notes):
    changelog = "# Changelog\n\n## 0.2.0 - unreleased\n\n### Added\n- b\n\n## 0.1.0 - 2026-01-01\n- a\n"
    assert release_notes.notes(changelog, "0.2.0") == "### Added\n- b\n"
    assert release_notes.notes(changelog, "v0.1.0", released=True) == "- a\n"
    with pytest.raises(ValueError, match=r"0\.2\.0 is still called unreleased"):
        release_notes.notes(changelog, "v0.2.0", released=True)
    with pytest.raises(ValueError, match=r"no version '0\.3\.0'; it has 0\.2\.0, 0\.1\.0"):
        release_notes.notes(changelog, "0.3.0")


def test_release_notes_of_this_version_are_there(release_notes, capsys):
    assert release_notes.main([stvsr_bench.__version__]) == 0
    assert "### " in capsys.readouterr().out
    assert release_notes.main(["99.0"]) == 2 and "99.0" in capsys.readouterr().err


def test_no_contact_is_invented():
    """No e-mail address; the only addresses are those of standards and of package indexes."""
    known = ("https://www.contributor-covenant.org", "https://semver.org")
    for page in PAGES:
        assert "@" not in text(page).replace("@authors", ""), page.name
        assert set(re.findall(r"https?://[^\s)]+", text(page))) <= set(known), page.name
