"""Which table a report draws from, and which of its methods come first."""

from collections.abc import Sequence

from stvsr_bench import protocols
from stvsr_bench.report.select import MethodKey
from stvsr_bench.report.tables.table import NO_RANK, Table, display


def main_table(tables: Sequence[Table]) -> Table:
    """The table that figures are drawn from: the suite's own protocol where it was measured, else the first."""
    return next((table for table in tables if table.protocol == protocols.DEFAULT), tables[0])


def ranking(table: Table) -> list[MethodKey]:
    """The methods from best to worst by the mean of their first metric; untrained and partial ones are left out."""
    metric = table.columns[0].metric
    keep = [i for i, of in enumerate(table.columns) if of.metric == metric and of.frames == "all"]
    scored = [
        (sum(line.cells[i].value or 0.0 for i in keep), (line.method, line.weights))
        for line in table.lines
        if not NO_RANK & set(line.badges)
        and all(line.cells[i].value is not None and not line.cells[i].partial for i in keep)
    ]
    return [method_key for _, method_key in sorted(scored, reverse=display(metric).higher_is_better)]
