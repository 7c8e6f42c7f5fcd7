"""`stvsr-bench compare A B`: two methods on the same clips, or two runs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import several

if TYPE_CHECKING:
    from stvsr_bench.report.compare import Compared


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A method of the run, or a run folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another method, or another run folder.")],
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="Default runs/latest.")] = None,
    metrics: Annotated[str, typer.Option(help="Metrics; the first decides which clips differ most.")] = "psnr_y,ssim_y",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write compare.md and a figure here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compare two methods clip by clip, or two runs of the same methods."""
    names = several(metrics)
    folders = [_is_run(name) for name in (first, second)]
    if all(folders) and not runs:
        _two_runs(Path(first), Path(second), names, out, as_json)
    else:
        _refuse_mixed(first, second, folders)
        _two_methods(first, second, runs, names, out, as_json)


def _is_run(name: str) -> bool:
    """Whether a name is a run folder; a folder without rows may have a method's name."""
    return Path(name).is_dir() and any(Path(name).glob("rows-*.jsonl"))


def _refuse_mixed(first: str, second: str, folders: list[bool]) -> None:
    from stvsr_bench.errors import UsageError

    if any(folders):
        named = (first, second)[folders.index(True)]
        raise UsageError(
            f"{named} is a run folder: write two runs (compare RUN1 RUN2) or two methods (compare A B RUN)"
        )


def _two_methods(
    first: str, second: str, runs: list[Path] | None, names: tuple[str, ...], out: Path | None, as_json: bool
) -> None:
    from stvsr_bench.cli.console import print_compared
    from stvsr_bench.escape import slug
    from stvsr_bench.report.compare import compare_tidy, compared_md, method_key_of, named_runs, of_two
    from stvsr_bench.report.figures.breakdown import clip_against_clip
    from stvsr_bench.report.select import of_protocols
    from stvsr_bench.report.write import LATEST, Written, load

    folders = runs or [LATEST]
    table = load(folders).tidy
    found = compare_tidy(table, first, second, names, named_runs(folders))
    if out is not None:
        written = Written(out)
        written.text("compare.md", compared_md(found))
        both = method_key_of(table, second), method_key_of(table, first)
        lines, _ = of_two(table, *both, names)
        parts = list(of_protocols(lines))
        for _, key, rows in parts:
            name = "clip-against-clip" + (f"-{slug(key)}" if len(parts) > 1 else "")
            written.figure(name, clip_against_clip(rows, *both, names[0]))
    if as_json:
        reader.document(_document(found))
    else:
        print_compared(found)


def _document(found: "Compared") -> dict[str, Any]:
    """The comparison as JSON, each part with its verdict."""
    parts = [{**asdict(part), "verdict": part.result.verdict} for part in found.parts]
    return {**asdict(found), "parts": parts}


def _two_runs(first: Path, second: Path, names: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    from stvsr_bench.cli.console_runs import print_runs
    from stvsr_bench.report.tables.two_runs import two_runs_md
    from stvsr_bench.report.two_runs import compare_runs
    from stvsr_bench.report.write import Written

    found = compare_runs(first, second, names)
    if out is not None:
        Written(out).text("compare.md", two_runs_md(found))
    if as_json:
        reader.document({**asdict(found), "said": found.said})
    else:
        print_runs(found)
