"""`stvsr-bench verify`: compute a sample of a run's rows again and say whether they hold."""

import json
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import GATE_TRIPPED, OK, UsageError


def verify(
    run: Annotated[Path, typer.Argument(help="The run to verify.")] = Path("runs/latest"),
    sample: Annotated[str, typer.Option("--sample", help="Share of the rows, e.g. 1% or 0.1; default all.")] = "100%",
    seed: Annotated[int, typer.Option("--seed", help="Which rows are chosen.")] = 0,
    as_json: options.Json = False,
) -> int:
    """Compute rows again and compare each frame's PSNR-Y. Exit 5 if one differs by more than its tolerance."""
    from stvsr_bench.runner import verify as work

    found = list(work.verify(run, _share(sample), seed))
    bad = [one for one in found if not one.holds]
    if as_json:
        listed = [
            {
                "key": v.row.key,
                "change_db": v.change_db,
                "allowed_db": v.allowed_db,
                "why": v.why,
                "holds": v.holds,
                "error": v.error,
            }
            for v in found
        ]
        print(json.dumps({"verified": len(found), "held": len(found) - len(bad), "rows": listed}))
    else:
        for one in bad:
            what = one.error or f"moved by {one.change_db:.2g} dB; allowed: {one.allowed_db:.2g} dB ({one.why})"
            typer.echo(f"does not hold: {one.row.method} {one.row.dataset}/{one.row.split}/{one.row.clip}: {what}")
        worst = max(one.change_db for one in found)
        typer.echo(f"{len(found) - len(bad)} of {len(found)} rows hold; largest change {worst:.2g} dB")
        for why, limit in dict.fromkeys((v.why, v.allowed_db) for v in found if v.why):
            typer.echo(f"largest change allowed: {limit:.2g} dB ({why})")
    return GATE_TRIPPED if bad else OK


def _share(text: str) -> float:
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0
    if not 0 < value <= 1:
        raise UsageError(f"--sample {text}: write a share such as 1% or 0.1")
    return value
