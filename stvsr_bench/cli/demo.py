"""`stvsr-bench demo`: the suite `default`, the main job on built-in and real clips; may be interrupted and repeated."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader, suiting


def demo(
    methods: Annotated[
        options.Names,
        typer.Option(
            "--methods",
            "-m",
            help="These methods instead, e.g. stdan@authors; default: those with weights in this package.",
            metavar="NAMES",
        ),
    ] = None,
    out: options.Out = Path("runs/demo"),
    limit: Annotated[int, typer.Option("--limit", min=0, help="Clips of each split; 0 = as the suite says.")] = 0,
    report: Annotated[Path, typer.Option("--report", help="Folder of the report.")] = Path("reports/demo"),
    jobs: options.Jobs = 1,
    device: options.Device = "cpu",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Measure STDAN, ZSM, TMNet and baselines on clips that need no download, and write the report."""
    said = suiting.Said(limit=limit, jobs=jobs, device=device)
    asked = suiting.asked("default", said, out, report, options.methods(methods))
    reader.note(f"stvsr-bench demo: {asked.suite.facts.title}")
    for need in asked.missing:
        reader.note(f"left out: {need.why}")
    code = suiting.measure(asked, quiet or as_json)
    suiting.write(asked, as_json)
    return code
