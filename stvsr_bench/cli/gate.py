"""`stvsr-bench gate`: stop a change that makes numbers worse."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import GATE_TRIPPED, OK, UnknownNameError, UsageError


def gate(
    baseline: Annotated[Path, typer.Argument(help="The folder of a run that is good.")],
    run: Annotated[Path, typer.Argument(help="The run to judge.")] = Path("runs/latest"),
    tolerance: Annotated[
        str, typer.Option("--tolerance", help="metric=largest change, e.g. psnr_y=0.01,ssim_y=1e-4.")
    ] = "",
    update: Annotated[bool, typer.Option("--update", help="Make the run the new baseline.")] = False,
    runtime: Annotated[bool, typer.Option(help="Compare runtime where the host is the same.")] = True,
    summary: Annotated[Path | None, typer.Option("--markdown", help="Write the summary here too.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    as_json: options.Json = False,
) -> int:
    """Compare a run with a baseline. Exit 5 if quality dropped, costs changed, or nothing was measured."""
    from stvsr_bench.rows import gate as work
    from stvsr_bench.rows import gate_text, store

    if update:
        typer.echo(f"{baseline}: {work.update(baseline, run)} rows are the new baseline")
        return OK
    judgement = work.judge(baseline, run, _tolerances(tolerance), runtime)
    if summary is not None:
        store.write_atomic(summary, gate_text.markdown(judgement))
    if junit is not None:
        store.write_atomic(junit, gate_text.junit(judgement))
    if as_json:
        moves = [asdict(move) for move in judgement.moves]
        used = [asdict(one) for one in judgement.used]
        found = {"passed": judgement.passed, "compared": judgement.compared, "moves": moves, "notes": judgement.notes}
        print(json.dumps({**found, "tolerances": used}))
    else:
        typer.echo(gate_text.markdown(judgement), nl=False)
    return OK if judgement.passed else GATE_TRIPPED


def _tolerances(text: str) -> dict[str, float] | None:
    from stvsr_bench.metrics import METRICS

    found = {}
    for pair in text.replace(",", " ").split():
        name, _, value = pair.partition("=")
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = -1.0
        if not 0 <= found[name] < math.inf:
            raise UsageError(f"--tolerance {pair}: write metric=number, e.g. psnr_y=0.01")
    return found or None
