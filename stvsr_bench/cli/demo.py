"""`stvsr-bench demo`: the main job on built-in and real clips in a few minutes; may be interrupted and repeated."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader


def demo(
    out: options.Out = Path("runs/demo"),
    limit: Annotated[int, typer.Option("--limit", min=1, help="Clips of each split.")] = 2,
    report: Annotated[Path, typer.Option("--report", help="Where the report goes.")] = Path("reports/demo"),
    quiet: options.Quiet = False,
) -> int:
    """Run STDAN, ZSM, TMNet and baselines on clips that need no download, and write the report."""
    from stvsr_bench.cli.result import perform
    from stvsr_bench.inspection.demo import available
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import load, write
    from stvsr_bench.runner.plan import RunSpec

    _say("stvsr-bench demo: methods without a download, on procedural clips (mini) and real video (openclips)")
    here = available()
    for sentence in here.left_out:
        _say(sentence)
    spec = RunSpec(methods=here.methods, datasets=here.datasets, limit=limit, out=out)
    code = perform(spec, dry_run=False, as_json=False, quiet=quiet)
    _, written = write(load([out]), report, Options())
    _say(f"report: {written.folder / 'table.md'}")
    return max(code, _plane(out.with_name(f"{out.name}-plane"), report.with_name(f"{report.name}-plane"), quiet))


def _plane(out: Path, report: Path, quiet: bool) -> int:
    """A small part of the plane of scales and times, in a run of its own."""
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.errors import FAILED_CLIPS, OK
    from stvsr_bench.inspection.demo import PLANE, PLANE_SPLIT, plane
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import Output, load, write
    from stvsr_bench.runner.execute import execute
    from stvsr_bench.runner.plan import RunSpec, make

    _say("stvsr-bench demo: two baselines over the plane of scales and times (mini)")
    code = OK
    for dataset, protocols in plane():
        spec = RunSpec(PLANE, (dataset,), (PLANE_SPLIT,), protocols, ("time_error", "time_contrast"), None, out, 1)
        plan = make(spec)
        with Bar(plan, quiet) as bar:
            code = FAILED_CLIPS if execute(spec, plan, bar.update).failures else code
    _, written = write(load([out]), report, Options(), Output(scenes=0, films=False))
    _say(f"plane: {written.folder / 'figures'}")
    return code


def _say(sentence: str) -> None:
    reader.note(sentence)
