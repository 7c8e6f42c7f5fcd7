"""The ledger as Markdown and CSV."""

from collections.abc import Sequence
from typing import Any

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.published.values import Published, plane_of
from stvsr_bench.report.published.verdicts import (
    TOLERANCE,
    Entry,
    Measurement,
    Nearest,
    best_protocols,
    contradictions,
    plain_name,
    spread,
)
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import display, shown

_INTRO = (
    "Published values are others', each with its source. A verdict is given under the paper's own protocol, for "
    "the whole split and for the plain method with its authors' weights only. Tolerance: reproduced within 0.01 dB "
    "(0.0005 SSIM), close within 0.05 dB (0.002), and half of the last published digit more."
)
_OF = (
    *("method", "printed", "dataset", "split", "clip", "scale", "time_scale", "variant", "protocol", "procedure"),
    "metric",
)


def ledger_md(entries: Sequence[Entry]) -> str:
    """The ledger as Markdown: what was measured, which protocol fits, what is left out, where papers disagree."""
    measured = [entry for entry in entries if entry.measured and not _away(entry.published)]
    parts = ["# Published against measured", "", _INTRO, ""]
    parts += [_measured_md(measured) if measured else "Nothing that papers report was measured in these rows.", ""]
    if best := best_protocols(entries):
        parts += ["## Which protocol reproduces the paper", ""]
        heads = ["Method", "Source", "Nearest protocol", "Mean distance (dB)", "Values"]
        parts += [grid_md(heads, [_nearest_md(one) for one in best]), ""]
    parts += _left_out_md(entries)
    parts += ["## Where papers disagree", "", "Values of one method on one split, side by side.", ""]
    parts += [contradictions_md(contradictions([entry.published for entry in entries])), ""]
    return "\n".join(parts)


def ledger_csv(entries: Sequence[Entry]) -> str:
    """Every published value with ours beside it, a line each; `reason` says why a value is left out."""
    ours = ("measured", "weights", "n", "delta")
    lines: list[list[Any]] = [[*_OF, "published", *ours, "verdict", "source", "source_url", "note", "reason", "spec"]]
    for entry in entries:
        one, mine = entry.published, entry.same_protocol
        of = [getattr(one, name) for name in _OF]
        # numbers, not texts: a text that starts with "-" is quoted for spreadsheets
        measured = [None, None, None] if mine is None else [mine.value, mine.weights, mine.n]
        about = [
            entry.verdict,
            one.source,
            one.source_url,
            one.note,
            one.left_out,
            None if mine is None else mine.method,
        ]
        lines.append([*of, one.value, *measured, entry.delta, *about])
    return lines_csv(lines)


def _away(one: Published) -> bool:
    """Whether measuring says nothing about a value: its training or task is another, or it is not confirmed."""
    return not one.confirmed or bool(one.elsewhere)


def _measured_md(entries: Sequence[Entry]) -> str:
    rows = []
    for entry in entries:
        one, mine = entry.published, entry.same_protocol
        how = display(one.metric)
        others = "; ".join(
            f"{m.protocol}{_as_md(m, one)} {shown(m.value, how)}" for m in entry.measured if m is not mine
        )
        rows.append(
            [
                text_md(one.printed),
                _place_md(one),
                how.title,
                shown(one.value, how),
                "–" if mine is None else f"{shown(mine.value, how)} {_as_md(mine, one)}".strip(),
                "–" if entry.delta is None else f"{entry.delta:+.{how.decimals}f}",
                entry.verdict,
                one.protocol or "not known",
                others or "–",
                _source_md(one),
            ]
        )
    heads_of = ["Method as printed", "Split", "Metric", "Published", "Measured", "Delta", "Verdict", "Paper's protocol"]
    return grid_md([*heads_of, "Under other protocols or settings", "Source"], rows)


def _as_md(mine: Measurement, one: Published) -> str:
    """What was measured, as far as it is not the plain method: ":top_t=9@authors", "@single"."""
    settings = mine.method.removeprefix(one.method)
    return text_md(settings + (f"@{mine.weights}" if mine.weights else ""))


def _nearest_md(one: Nearest) -> list[str]:
    limit = TOLERANCE["psnr"][1]
    named = one.protocol if one.near else f"none of the protocols comes within {limit} dB (nearest: {one.protocol})"
    method = " ".join(filter(None, (one.method, one.task)))
    return [text_md(method), text_md(one.source), text_md(named), f"{one.distance:.3f}", str(one.n)]


def _left_out_md(entries: Sequence[Entry]) -> list[str]:
    """The published values that get no verdict, of methods that were measured here, with the reason; else nothing."""
    methods = {plain_name(one.method) for entry in entries for one in entry.measured}
    rows = []
    for entry in entries:
        one = entry.published
        if one.left_out and one.method in methods:
            how = display(one.metric)
            rows.append(
                [
                    text_md(one.printed),
                    _place_md(one),
                    how.title,
                    shown(one.value, how),
                    text_md(one.left_out),
                    _source_md(one),
                ]
            )
    if not rows:
        return []
    said = (
        "Values of the methods above that get no verdict, whatever is measured. `ledger.csv` has those of all methods."
    )
    heads = ["Method as printed", "Split", "Metric", "Published", "Why", "Source"]
    return ["## Left out", "", said, "", grid_md(heads, rows), ""]


def contradictions_md(found: Sequence[Sequence[Published]]) -> str:
    """Values of one method on one split that papers print differently, side by side, as a Markdown table."""
    rows = []
    for of in found:
        how = display(of[0].metric)
        values = "<br>".join(
            f"{shown(one.value, how)}: {text_md(one.printed)}, {text_md(one.procedure or one.protocol)} "
            f"({_source_md(one)})"
            for one in sorted(of, key=lambda one: one.value)
        )
        rows.append([text_md(of[0].method), _place_md(of[0]), how.title, f"{spread(of):.{how.decimals}f}", values])
    return grid_md(["Method", "Split", "Metric", "Spread", "Values"], rows)


def _place_md(one: Published) -> str:
    """The data set, split and clip, and what else makes it another quantity: input, frames, scale, time scale."""
    return text_md(" ".join(filter(None, (one.dataset, one.split, one.clip, one.variant, plane_of(one)))))


def _source_md(one: Published) -> str:
    return f"[{text_md(one.source)}]({one.source_url})"
