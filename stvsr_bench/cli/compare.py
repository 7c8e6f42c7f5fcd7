"""`stvsr-bench compare A B`: two methods on the same clips."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import several


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A method of the run, e.g. stdan@mini.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    runs: Annotated[list[Path] | None, typer.Argument(metavar="[RUN]...", help="Default runs/latest.")] = None,
    metrics: Annotated[str, typer.Option(help="Metrics; the first decides which clips differ most.")] = "psnr_y,ssim_y",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write compare.md and a figure here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compare two methods clip by clip: difference, interval, won and lost, where they differ most."""
    from stvsr_bench.cli.console import print_compared
    from stvsr_bench.escape import slug
    from stvsr_bench.report.compare import compare_tidy, compared_md, method_key_of, of_protocols, of_two
    from stvsr_bench.report.figures.breakdown import clip_against_clip
    from stvsr_bench.report.write import LATEST, Written, load

    table = load(runs or [LATEST]).tidy
    names = several(metrics)
    found = compare_tidy(table, first, second, names)
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
        reader.document(asdict(found))
    else:
        print_compared(found)
