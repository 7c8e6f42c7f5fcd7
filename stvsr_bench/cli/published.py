"""`stvsr-bench published`: what papers print, with source, protocol, scale and time scale. Imports no torch."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import options, reader

if TYPE_CHECKING:
    from stvsr_bench.report.published.values import Published


def published(
    method: Annotated[str, typer.Argument(help="Part of a method's name; default all methods.")] = "",
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="Only values of this data set.")] = "",
    protocol: Annotated[str, typer.Option("--protocol", "-p", help="Only values under this protocol.")] = "",
    scale: Annotated[str, typer.Option("--scale", help="Only values at this scale, e.g. 4.")] = "",
    time_scale: Annotated[
        int, typer.Option("--time-scale", min=0, max=1000, help="Only values at this time scale, e.g. 8; 0 = any.")
    ] = 0,
    contradictions: Annotated[
        bool, typer.Option("--contradictions", help="Only where papers disagree, their values side by side.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown: the page docs/published.md.")] = False,
    as_json: options.Json = False,
) -> None:
    """List the values that papers print, with their source and protocol. A report compares with them."""
    from stvsr_bench.report.published import verdicts
    from stvsr_bench.report.published.listing import published_md
    from stvsr_bench.report.published.values import chosen

    found = chosen(method, dataset, protocol, scale, time_scale)
    apart = verdicts.contradictions(found) if contradictions else []
    if contradictions:
        found = [one for of in apart for one in sorted(of, key=lambda one: one.value)]
    if as_json:
        reader.document([_facts(one) for one in found], indent=1)
    elif markdown:
        reader.say(published_md(found))
    elif contradictions and not found:
        reader.say("no two of these published values contradict each other")
    else:
        _table(found, {id(of[0]): verdicts.spread(of) for of in map(list, apart)})


def _facts(one: "Published") -> dict[str, Any]:
    return {**asdict(one), "left_out": one.left_out}


def _table(found: "list[Published]", apart: dict[int, float]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("method as printed", "data set", "scale", "time", "metric", "value", "protocol", "source"):
        table.add_column(name, overflow="fold")
    subject: tuple[str, ...] = ()
    for one in found:
        if apart and subject and one.subject != subject:
            table.add_section()  # a rule between two contradictions
        subject = one.subject
        place = " ".join(filter(None, (one.dataset, one.split, one.clip, one.variant)))
        plane = (str(one.scale or "?"), str(one.time_scale or "?"))
        protocol = f"left out: {one.left_out}" if one.left_out else one.protocol
        table.add_row(*map(reader.text, (one.printed, place, *plane, one.metric, one.shown, protocol, one.source)))
    reader.console().print(table)
