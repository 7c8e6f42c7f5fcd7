"""`report --spread`: methods under every protocol and variant of the metric, split by split."""

from collections.abc import Sequence
from pathlib import Path

from stvsr_bench import protocols
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.escape import slug
from stvsr_bench.report.build import build
from stvsr_bench.report.figures.spread import spread_figure
from stvsr_bench.report.labels import MethodKey
from stvsr_bench.report.select import choose, method_keys, method_label
from stvsr_bench.report.tables.ranking import main_table, ranking
from stvsr_bench.report.tables.spread import by_task, spread, spread_md
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.write import Measured, Written, asked
from stvsr_bench.schema import Row


def write_spread(measured: Measured, folder: Path, options: Options) -> str:
    """The methods asked for (none named: the best one, and a sentence says so), as Markdown; also written down."""
    written = Written(folder)
    chosen, said = _methods(measured, options)
    parts = [said, ""] if said else []
    for method_key in chosen:
        parts += _of_method(measured, written, method_key, options, alone=len(chosen) == 1)
    text = "\n".join(parts)
    written.text("spread.md", text)
    return text


def _methods(measured: Measured, options: Options) -> tuple[list[MethodKey], str]:
    """The methods to show, and a sentence where there are more of them."""
    if options.methods:
        return method_keys(choose(measured.tidy, options), options.methods), ""
    table = main_table(build(measured.tidy, measured.profiles, options, measured.coverage))
    ranked = ranking(table)
    best = ranked[0] if ranked else (table.lines[0].method, table.lines[0].weights)
    every = len(method_keys(measured.tidy))
    which = "the best" if ranked else "the first"
    name = text_md(method_label(*best))
    return [best], f"Shown: {name}, {which} of {every} methods; --methods names others." if every > 1 else ""


def _of_method(
    measured: Measured, written: Written, method_key: MethodKey, options: Options, alone: bool
) -> Sequence[str]:
    name = method_label(*method_key)
    lines = measured.tidy
    own = lines[(lines["method"] == method_key[0]) & (lines["weights"] == method_key[1])]
    mine: list[Row] = list(own["row"])
    parts = [f"# {text_md(name)}: how much the protocol changes the number", ""]
    for dataset, split in dict.fromkeys((row.dataset, row.split) for row in mine if asked(options.splits, row.split)):
        of_split = [row for row in mine if (row.dataset, row.split) == (dataset, split)]
        for task, rows in by_task(of_split).items():
            at = protocols.task_words(task) if task else "protocols that this version does not know"
            place, of = f"{dataset} {split}" + (f", {at}" if at else ""), spread(rows)
            parts += [spread_md(f"{place}, PSNR", of), spread_md(f"{place}, SSIM", spread(rows, "ssim"), "ssim")]
            names = ["spread", *([] if alone else [name]), dataset, split]
            names += [f"x{task[0]}-t{task[1]}"] if task and at else ["other"] if at else []
            drawn = spread_figure(f"{name} on {place}", of) if of else None
            written.figure(f"figures/{'-'.join(map(slug, names))}", drawn)
    return parts
