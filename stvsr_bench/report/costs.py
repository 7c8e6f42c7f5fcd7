"""The report of run folders that `profile` alone wrote into: costs, and no quality."""

from collections.abc import Sequence
from pathlib import Path

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.tables.cost import Profile, costs_csv, costs_md, of_kind
from stvsr_bench.rows import store


def profiles_alone(runs: Sequence[Path]) -> list[Profile]:
    """The profiles of folders without a single row; none where there are rows, or no profile of one input."""
    if any(True for run in runs if run.is_dir() for _ in store.heads(run)):
        return []
    return of_kind([profile for run in runs if run.is_dir() for profile in store.profiles(run)])


def write_costs(profiles: Sequence[Profile], name: str, folder: Path) -> str:
    """`cost.md` and `cost.csv` in a folder; the table as Markdown."""
    text = f"# {text_md(name)}\n\n{costs_md(profiles)}"
    store.write_atomic(folder / "cost.md", text)
    store.write_atomic(folder / "cost.csv", costs_csv(profiles))
    return text
