"""`stvsr-bench gate`: stop a change that makes numbers worse."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench import escape
from stvsr_bench.cli import options, reader
from stvsr_bench.errors import GATE_TRIPPED, OK, UnknownNameError, UsageError, counted

_SHOWN = 50  # lines of what an update drops


def gate(
    baseline: Annotated[Path, typer.Argument(help="The folder of a run that is good.")],
    run: Annotated[Path, typer.Argument(help="The run to judge.")] = Path("runs/latest"),
    tolerance: Annotated[
        str, typer.Option("--tolerance", help="metric=largest change, e.g. psnr_y=0.01,ssim_y=1e-4.")
    ] = "",
    update: Annotated[bool, typer.Option("--update", help="Make the run the new baseline.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --update: do not ask before rows are dropped.")] = False,
    runtime: Annotated[bool, typer.Option(help="Compare runtime where the host is the same.")] = True,
    summary: Annotated[Path | None, typer.Option("--markdown", help="Write the summary here too.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    as_json: options.Json = False,
) -> int:
    """Compare a run with a baseline. Exit code 5 if quality dropped, costs changed, or nothing was measured."""
    from stvsr_bench.rows import gate as work
    from stvsr_bench.rows import gate_text, store

    tolerances = _tolerances(tolerance)
    if update:
        return _update(baseline, run, yes, as_json)
    judgement = work.judge(baseline, run, tolerances, runtime)
    if summary is not None:
        store.write_atomic(summary, gate_text.markdown(judgement))
    if junit is not None:
        store.write_atomic(junit, gate_text.junit(judgement))
    if as_json:
        moves = [asdict(move) for move in judgement.moves]
        used = [asdict(one) for one in judgement.used]
        found = {"passed": judgement.passed, "compared": judgement.compared, "moves": moves, "notes": judgement.notes}
        reader.document({**found, "tolerances": used})
    else:
        reader.say(gate_text.markdown(judgement).removesuffix("\n"))
    return OK if judgement.passed else GATE_TRIPPED


def _update(baseline: Path, run: Path, yes: bool, as_json: bool) -> int:
    """Replace the baseline, after a yes where that drops something."""
    from stvsr_bench.rows import baseline as work

    lines = [escape.line(line) for line in work.dropped(baseline, run)]
    if lines:
        more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        reader.note("\n".join([f"{_name(baseline)} will lose:", *lines[:_SHOWN], *more]))
    if lines and not yes:
        here = sys.stdin.isatty() and sys.stderr.isatty()
        if not (here and typer.confirm(f"Make {_name(run)} the baseline all the same?", err=True)):
            raise UsageError(
                f"{baseline} was not changed; with --yes the run becomes the baseline, without what is listed above"
            )
    rows = work.update(baseline, run)
    if as_json:
        reader.document({"rows": rows, "dropped": lines})
    else:
        reader.say(f"{_name(baseline)}: the new baseline has {counted(rows, 'row')}")
    return OK


def _name(folder: Path) -> str:
    return escape.line(str(folder))


def _tolerances(text: str) -> dict[str, float] | None:
    from stvsr_bench.rows.tolerances import checked

    found = {}
    for pair in text.replace(",", " ").split():
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = -1.0
        try:
            checked({name: found[name]})
        except UnknownNameError:
            raise
        except UsageError:
            raise UsageError(f"--tolerance {pair}: write metric=number, e.g. psnr_y=0.01") from None
    return found or None
