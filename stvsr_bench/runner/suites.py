"""Suites: a paper's table as a file, `reports/<name>/suite.toml`.

The file is a `run.toml` with a table `[suite]`: what it is and how the paper lays out its table. Where one run cannot
say it (methods under different protocols), there are several `[[parts]]`, each the top of the file with its own fields
instead. Parts with a `folder` have a run folder and a report of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stvsr_bench import protocols
from stvsr_bench.errors import CardError, UnknownNameError
from stvsr_bench.runner.replay import PARTS, SUITE, Sent, first_of, read, sent_of
from stvsr_bench.schema import PaperTable, SuiteFacts

FILE = "suite.toml"
_FACTS = TypeAdapter(SuiteFacts)
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Part:
    """One run of a suite; `folder` is put after the name of the run folder and of the report, "" for the main ones."""

    folder: str
    sent: Sent

    def beside(self, path: Path) -> Path:
        """The folder of this part: the one that was asked for, or one beside it."""
        return path.with_name(f"{path.name}-{self.folder}") if self.folder else path


@dataclass(frozen=True)
class Suite:
    """The runs of a suite and what it says of itself."""

    name: str
    file: Path
    facts: SuiteFacts
    parts: tuple[Part, ...]


def names() -> list[str]:
    """The suites that come with the package, or with the checkout."""
    return sorted(file.parent.name for file in _home().glob(f"*/{FILE}"))


def load(name: str) -> Suite:
    """The suite of that name; a path is one too: of a `suite.toml`, of a `run.toml`, or of the folder of either.

    Raises:
        UnknownNameError: no such suite.
        CardError: the file cannot be read, or a key or value in it is wrong.
    """
    if name in names():
        return _of_file(_home() / name / FILE)
    path = Path(name).expanduser()
    file = next((path / known for known in (FILE, "run.toml") if (path / known).is_file()), path)
    if not file.is_file():
        raise UnknownNameError("suite", name, names(), "The path of a suite.toml or run.toml works too")
    return _of_file(file)


def _home() -> Path:
    """`reports/`: inside the installed package, or in the checkout."""
    packaged = _PACKAGE / "reports"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "reports"


def _of_file(file: Path) -> Suite:
    fields = read(file)
    name = file.resolve().parent.name
    said = fields.pop(SUITE, {"title": name})
    parts = fields.pop(PARTS, [{}])
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise CardError(f"{file}: '{PARTS}' is a list of tables: write [[{PARTS}]] before each")
    try:
        facts = _FACTS.validate_python(said)
    except ValidationError as error:
        raise CardError(f"{file}: [suite] {first_of(error)}") from None
    for paper in facts.tables:
        _check(paper, file)
    return Suite(name, file, facts, tuple(_part({**fields, **part}, file) for part in parts))


def _check(paper: PaperTable, file: Path) -> None:
    """Now and not after hours of measuring: the table is laid out last."""
    for column, (_, split, protocol) in zip(paper.columns, paper.places, strict=True):
        if not split:
            raise CardError(
                f"{file}: column '{column}' of '{paper.title}': write DATASET/SPLIT or DATASET/SPLIT/PROTOCOL"
            )
        if protocols.known(protocol) is None:
            raise CardError(f"{file}: column '{column}' of '{paper.title}': there is no protocol '{protocol}'")
    if wrong := next((name for name in paper.published_under if protocols.known(name) is None), ""):
        raise CardError(f"{file}: published_under of '{paper.title}': there is no protocol '{wrong}'")


def _part(fields: Mapping[str, Any], file: Path) -> Part:
    folder = fields.get("folder", "")
    if not isinstance(folder, str) or not (folder == "" or folder.isidentifier()):
        raise CardError(f"{file}: folder = {folder!r} of a part: write a word of letters and digits")
    sent = sent_of({name: value for name, value in fields.items() if name != "folder"}, file, Path())
    return Part(folder, sent)
