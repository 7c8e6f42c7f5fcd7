"""`stvsr-bench verify`: compute a run's rows again and say whether they are the same."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import GATE_TRIPPED, NOT_RUNNABLE, OK, UsageError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stvsr_bench.runner.verify import Sorted, Verified


def verify(
    run: Annotated[Path, typer.Argument(help="The run, or the bundle, to verify.")] = Path("runs/latest"),
    sample: Annotated[str, typer.Option("--sample", help="Share of the clips, e.g. 1% or 0.1; default all.")] = "100%",
    seed: Annotated[int, typer.Option("--seed", max=2**63 - 1, help="Which clips are chosen.")] = 0,
    root: options.Root = None,
    include: options.Include = None,
    override: options.Override = None,
    weights: options.Weights = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept rows that cannot be computed here; they are still named.")
    ] = False,
    jobs: options.Jobs = 1,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps or auto; default the row's.")] = "",
    as_json: options.Json = False,
) -> int:
    """Compute the rows of a run again and compare them: every value, frame and flag.

    Exit code 5 if a row differs, or cannot be computed here (see --partial). Rows that score made are only counted:
    they cannot be computed again. Exit code 4 if the run has no other rows.
    """
    from stvsr_bench.rows.bundle import opened
    from stvsr_bench.runner import verify as work

    included, overrides = options.plug_in(include, override)
    asked = work.Asked(_share(sample), seed, root, included, overrides, tuple(weights or ()), device)
    with ExitStack() as stack:
        if run.is_file():
            run, bundle = stack.enter_context(opened(run))
            reader.note(
                f"bundle {bundle.digest}, claimed by {bundle.claimed_by or 'nobody'}: {counted(bundle.rows, 'row')}"
            )
        found = work.sort(run, asked)
        verified = list(work.verify(run, found, jobs)) if found.tasks or not (found.external or found.uncovered) else []
    if as_json:
        reader.document(_facts(found, verified))
    else:
        for line in _lines(found, verified):
            reader.say(line)
    if any(not one.holds for one in verified) or found.contradicted or (found.uncovered and not partial):
        return GATE_TRIPPED
    return OK if verified else NOT_RUNNABLE


def _facts(found: "Sorted", verified: "list[Verified]") -> dict[str, object]:
    listed = [
        {
            "key": v.row.key,
            "change_db": v.change_db,
            "allowed_db": v.allowed_db,
            "why": v.why,
            "holds": v.holds,
            "differs": list(v.differs),
            "made_otherwise": v.made,
            "error": v.error,
        }
        for v in verified
    ]
    return {
        "verified": len(verified),
        "held": sum(one.holds for one in verified),
        "external": len(found.external),
        "contradicted": found.contradicted,
        "not_covered": [{"key": row.key, "why": why} for row, why in found.uncovered],
        "rows": listed,
    }


def _lines(found: "Sorted", verified: "list[Verified]") -> "Iterator[str]":
    for one in verified:
        if not one.holds:
            where = f"{one.row.method} {one.row.dataset}/{one.row.split}/{one.row.clip}"
            yield f"differs: {where}: {one.error or '; '.join(one.differs)}"
    yield from (f"differs: {sentence}" for sentence in found.contradicted)
    if verified:
        worst = max(one.change_db for one in verified)
        held = sum(one.holds for one in verified)
        yield f"the same: {held} of {counted(len(verified), 'row')}; largest change {worst:.2g} dB"
    for why, limit in dict.fromkeys((v.why, v.allowed_db) for v in verified if v.why):
        yield f"largest change allowed: {limit:.2g} dB ({why})"
    for what in dict.fromkeys(one.made for one in verified if one.made):
        rows = [one for one in verified if one.made == what]
        names = ", ".join(dict.fromkeys(one.row.method for one in rows))
        yield f"not made as it was then: {what}, of {names} ({_rows(len(rows))})"
    if found.external:
        yield f"not verifiable: {_rows(len(found.external))} of frames that score was given"
    for why in dict.fromkeys(why for _, why in found.uncovered):
        rows_of = [row for row, said in found.uncovered if said == why]
        names = ", ".join(dict.fromkeys(row.method for row in rows_of))
        yield f"not computed: {names} ({_rows(len(rows_of))}): {why}"


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"


def _share(text: str) -> float:
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise UsageError(f"--sample {text}: write a share such as 1% or 0.1")
    return value
