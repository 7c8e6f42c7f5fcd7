"""The ledger as Markdown and CSV."""

from collections.abc import Sequence

from stvsr_bench.report.published.verdicts import Entry, Published, best_protocols, contradictions, spread
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.markdown import grid_md, text_md
from stvsr_bench.report.tables.table import display, shown


def ledger_md(entries: Sequence[Entry]) -> str:
    """The ledger as Markdown: what was measured, which protocol fits, where papers disagree."""
    measured = [entry for entry in entries if entry.measured]
    parts = ["# Published against measured", ""]
    parts += [
        "Published values are others' and stand with their source; a verdict is given under the paper's own protocol "
        "and for the authors' weights only. Tolerance: reproduced within 0.01 dB (0.0005 SSIM), close within 0.05 dB "
        "(0.002).",
        "",
    ]
    parts += [_measured_md(measured) if measured else "Nothing that papers report was measured in these rows.", ""]
    if best := best_protocols(entries):
        parts += ["## Which protocol reproduces the paper", ""]
        rows = [[text_md(m), text_md(s), p, f"{d:.3f}", str(n)] for m, s, p, d, n in best]
        parts += [grid_md(["Method", "Source", "Nearest protocol", "Mean distance (dB)", "Values"], rows), ""]
    parts += ["## Where papers disagree", "", "Values of one method on one split, side by side.", ""]
    parts += [_contradictions_md(contradictions([entry.published for entry in entries])), ""]
    return "\n".join(parts)


def ledger_csv(entries: Sequence[Entry]) -> str:
    """Every published value with ours beside it, a line each."""
    lines = [
        [
            "method",
            "printed",
            "dataset",
            "split",
            "clip",
            "scale",
            "time_scale",
            "protocol",
            "procedure",
            "metric",
            "published",
        ]
    ]
    lines[0] += ["measured", "weights", "n", "delta", "verdict", "source", "source_url", "note"]
    for entry in entries:
        one, mine = entry.published, entry.same_protocol
        of = [
            one.method,
            one.printed,
            one.dataset,
            one.split,
            one.clip,
            one.scale,
            one.time_scale,
            one.protocol,
            one.procedure,
        ]
        ours = ["", "", ""] if mine is None else [repr(mine.value), mine.weights, str(mine.n)]
        delta = "" if entry.delta is None else repr(entry.delta)
        said = [*of, one.metric, repr(one.value), *ours, delta, entry.verdict, one.source, one.source_url, one.note]
        lines.append(["" if value is None else str(value) for value in said])
    return lines_csv(lines)


def _measured_md(entries: Sequence[Entry]) -> str:
    rows = []
    for entry in entries:
        one, mine = entry.published, entry.same_protocol
        how = display(one.metric)
        others = "; ".join(
            f"{m.protocol}{'@' + m.weights if m.weights else ''} {shown(m.value, how)}"
            for m in entry.measured
            if m is not mine
        )
        rows.append(
            [
                text_md(one.printed),
                text_md(" ".join(filter(None, (one.dataset, one.split, one.clip)))),
                how.title,
                shown(one.value, how),
                "–"
                if mine is None
                else shown(mine.value, how) + (f" @{text_md(mine.weights)}" if mine.weights else ""),
                "–" if entry.delta is None else f"{entry.delta:+.{how.decimals}f}",
                entry.verdict,
                one.protocol or "not known",
                text_md(others) or "–",
                f"[{text_md(one.source)}]({one.source_url})",
            ]
        )
    heads_of = ["Method as printed", "Split", "Metric", "Published", "Measured", "Delta", "Verdict", "Paper's protocol"]
    return grid_md([*heads_of, "Under other protocols", "Source"], rows)


def _contradictions_md(found: Sequence[Sequence[Published]]) -> str:
    rows = []
    for of in found:
        how = display(of[0].metric)
        values = "<br>".join(
            f"{shown(one.value, how)}: {text_md(one.printed)}, {text_md(one.procedure or one.protocol)} "
            f"([{text_md(one.source)}]({one.source_url}))"
            for one in sorted(of, key=lambda one: one.value)
        )
        split = text_md(" ".join(filter(None, (of[0].dataset, of[0].split, of[0].clip))))
        rows.append([text_md(of[0].method), split, how.title, f"{spread(of):.{how.decimals}f}", values])
    return grid_md(["Method", "Split", "Metric", "Spread", "Values"], rows)
