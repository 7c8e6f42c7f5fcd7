"""Every data set in a row: what its card says and whether it is on this machine. Nothing is decoded."""

from collections.abc import Callable, Mapping
from typing import Any

from stvsr_bench import datasets
from stvsr_bench.errors import BenchError
from stvsr_bench.schema import DatasetCard

FACTS = (
    *("title", "version", "splits", "licence", "source", "layout", "convention", "notes", "root_env"),
    *("options", "choices", "limits"),
)


def summaries() -> list[dict[str, Any]]:
    """`name, title, splits, options, licence` of every data set; a broken one has its error as title."""

    def row(card: DatasetCard) -> dict[str, Any]:
        facts = {"name": card.name, "title": card.title, "splits": card.splits}
        return {**facts, "options": card.options, "licence": card.licence}

    def broken(name: str, error: BenchError) -> dict[str, Any]:
        return {"name": name, "title": f"broken: {error}", "splits": [], "options": {}, "licence": ""}

    return _rows(row, broken)


def details() -> list[dict[str, Any]]:
    """`name`, `where` it lies and `FACTS` of every data set; a broken one has its error as `notes`."""

    def row(card: DatasetCard) -> dict[str, Any]:
        return {"name": card.name, "where": where(card), **{fact: getattr(card, fact) for fact in FACTS}}

    def broken(name: str, error: BenchError) -> dict[str, Any]:
        return {"name": name, "where": "broken", "notes": str(error)}

    return _rows(row, broken)


def where(card: DatasetCard) -> str:
    """Where a data set lies on this machine, or what is missing for it to."""
    if not card.root_env:
        return f"pip extra [{card.needs[0]}]" if card.needs else "made on this machine"
    root = datasets.root_of(card)
    if root is None:
        return f"{card.root_env} not set"
    return str(root) if root.is_dir() else f"{root} is missing"


def options_of(facts: Mapping[str, Any]) -> str:
    """The options of a data set as one line: `rate=1 (1 to 16)`; of a row of `details`."""
    choices, limits = facts.get("choices", {}), facts.get("limits", {})
    words = []
    for name, usual in facts.get("options", {}).items():
        known = ", ".join(map(str, choices[name])) if name in choices else ""
        known = known or ("{:g} to {:g}".format(*limits[name]) if name in limits else "")
        words.append(f"{name}={usual}" + (f" ({known})" if known else ""))
    return "; ".join(words)


def _rows(
    row: Callable[[DatasetCard], dict[str, Any]], broken: Callable[[str, BenchError], dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = []
    for name in datasets.names():
        try:
            rows.append(row(datasets.card(name)))
        except BenchError as error:
            rows.append(broken(name, error))
    return rows
