"""`stvsr-bench demo`: the suite `default`, the main job on built-in and real clips; may be interrupted and repeated."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader, suiting


def demo(
    out: options.Out = Path("runs/demo"),
    limit: Annotated[int, typer.Option("--limit", min=0, help="Clips of each split; 0: as the suite says.")] = 0,
    report: Annotated[Path, typer.Option("--report", help="Where the report goes.")] = Path("reports/demo"),
    quiet: options.Quiet = False,
) -> int:
    """Run STDAN, ZSM, TMNet and baselines on clips that need no download, and write the report."""
    asked = suiting.asked("default", suiting.Said(limit=limit), out, report)
    reader.note(f"stvsr-bench demo: {asked.suite.facts.title}; nothing needs a download")
    for need in asked.missing:
        reader.note(f"{need.name} is left out: {need.why}")
    code = suiting.measure(asked, quiet)
    suiting.write(asked, as_json=False)
    return code
