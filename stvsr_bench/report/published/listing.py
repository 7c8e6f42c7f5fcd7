"""Everything that is known to be published, a line for each printed line: as a docs page, and as a tab of the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.published.text import contradictions_md
from stvsr_bench.report.published.values import METRICS, Published
from stvsr_bench.report.published.verdicts import contradictions
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import display

PAGE = """\
# Published values

<!-- made by: stvsr-bench published --markdown -->

Space-time video super-resolution as papers, authors' logs and model zoos print it, and what they are compared with:
{values} values of {methods} methods on {sets} data sets. Each has its source. No number here was measured by this
suite, and none was typed: `stvsr_bench/report/published/README.md` says how the lists are made.

```sh
stvsr-bench published zsm --dataset vid4
stvsr-bench published --dataset gopro --scale 6 --time-scale 12
stvsr-bench published --contradictions
```

"Protocol" is the protocol of this suite that the source's procedure is known to be, or why the value gets no verdict in
a [report](report.md). Values of two protocols do not compare. `?`: the source does not say it.
"""
_BETWEEN = "Values of one method on one split, side by side, where they differ by more than rounding explains."


@dataclass
class Printed:
    """One printed line: its values by metric; everything else is that of `first`."""

    first: Published
    values: dict[str, Published] = field(default_factory=dict)

    @property
    def under(self) -> str:
        """The protocol, or why the values get no verdict."""
        return self.first.left_out or self.first.protocol

    @property
    def of(self) -> str:
        """The method as printed, with the clip and what else makes it another quantity."""
        beside = ", ".join(filter(None, (self.first.clip, self.first.variant)))
        return f"{self.first.printed} ({beside})" if beside else self.first.printed


def lines(found: Sequence[Published]) -> list[Printed]:
    """The values as they were printed: those of one line together, in the order of the lists."""
    made: list[Printed] = []
    latest: dict[tuple[object, ...], Printed] = {}
    for one in found:
        key = (one.printed, *one.subject[:-1], one.protocol, one.procedure, one.source, one.source_url, one.note)
        if key not in latest or one.metric in latest[key].values:  # the same printed twice stays two lines
            latest[key] = Printed(one)
            made.append(latest[key])
        latest[key].values[one.metric] = one
    return made


def published_md(found: Sequence[Published]) -> str:
    """The docs page: a table for each data set, split, scale and time scale, then where papers disagree."""
    counts = {"values": len(found), "methods": len({one.method for one in found})}
    parts = [PAGE.format(**counts, sets=len({one.dataset for one in found}))]
    parts += ["## Where papers disagree", "", _BETWEEN, "", contradictions_md(contradictions(found)), ""]
    groups: dict[tuple[str, str], list[Printed]] = {}
    for line in lines(found):
        one = line.first
        plane = f"x{one.scale or '?'} in space, x{one.time_scale or '?'} in time"
        groups.setdefault((" ".join(filter(None, (one.dataset, one.split))), plane), []).append(line)
    places = dict.fromkeys(place for place, _ in groups)
    for place in places:
        parts += [f"## {text_md(place)}", ""]
        for (of, plane), mine in groups.items():
            if of == place:
                parts += [f"### {text_md(place)}: {plane}", "", _grid(mine), ""]
    return _narrow("\n".join(parts))


def tab(found: Sequence[Published]) -> dict[str, Any]:
    """The same for the HTML page: each line's texts, its values as printed, and the number of its contradiction."""
    sources = list(dict.fromkeys((one.source, one.source_url) for one in found))
    apart = {id(one): number for number, of in enumerate(contradictions(found)) for one in of}
    return {
        "metrics": [display(metric).title for metric in METRICS],
        "sources": sources,
        "lines": [
            {
                "method": line.of,
                "dataset": line.first.dataset,
                "split": line.first.split,
                "scale": str(line.first.scale or "?"),
                "time": str(line.first.time_scale or "?"),
                "values": [line.values[metric].shown if metric in line.values else "" for metric in METRICS],
                "under": line.under,
                "source": sources.index((line.first.source, line.first.source_url)),
                "apart": sorted({apart[id(one)] for one in line.values.values() if id(one) in apart}),
            }
            for line in lines(found)
        ],
    }


def _narrow(text: str) -> str:
    """Tables without the spaces that line their columns up: 200 kB less, and a new line changes no other."""
    return "\n".join(
        re.sub(r"-{3,}", "---", re.sub(" {2,}", " ", one)) if one.startswith("|") else one for one in text.split("\n")
    )


def _grid(mine: Sequence[Printed]) -> str:
    metrics = [metric for metric in METRICS if any(metric in line.values for line in mine)]
    heads = ["Method as printed", *(display(metric).title for metric in metrics), "Protocol", "Source"]
    rows = [
        [
            text_md(line.of),
            *(line.values[metric].shown if metric in line.values else "–" for metric in metrics),
            text_md(line.under),
            f"[{text_md(line.first.source)}]({line.first.source_url})",
        ]
        for line in mine
    ]
    return grid_md(heads, rows, ["left", *["right"] * len(metrics), "left", "left"])
