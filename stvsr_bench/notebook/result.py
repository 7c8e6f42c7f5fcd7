"""What a run gave, for a notebook: tables of pandas, a table to look at, a report, a comparison."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from stvsr_bench.errors import NotRunnableError, UnknownNameError, counted
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import Compared, compare_tidy
from stvsr_bench.report.tables import latex
from stvsr_bench.report.tables.table import Cell, Line, Options, Table, display, explain, half_shown, shown
from stvsr_bench.report.tidy import is_metric, tidy
from stvsr_bench.report.write import Measured, Output, write
from stvsr_bench.rows import manifest, store
from stvsr_bench.runner.execute import Result as Done
from stvsr_bench.schema import Row

Per = Literal["split", "clip", "frame"]
FEWEST = 5  # clips from which an interval is shown beside a mean
_PLACE = ["method", "weights", "dataset", "split", "protocol"]
_TAGS = {"best": "<b>{}</b>", "second": "<u>{}</u>", "": "{}"}


@dataclass(frozen=True, repr=False)
class Result(Done):
    """What a run was asked for, as tables: rows of the same folder that were not asked for are left out.

    The tables stay what they were when the run ended, whatever is measured into its folder later. `failures` are the
    clips that failed, `out` is the folder, `rows()` are all rows that it has now.
    """

    asked: tuple[Row, ...] = ()

    def to_frame(self, per: Per = "split") -> pd.DataFrame:
        """A table of pandas. `per="split"`: one line per method, split and protocol, with the means of the report.

        A metric has a column for all frames (`psnr_y`), and for those with and without an input frame at their time
        (`psnr_y.given`, `psnr_y.between`); `.half` is half of the 95 % interval over clips (from 2 clips on).
        `per="clip"`: one line per clip, the means of its frames. `per="frame"`: every value as it was measured.

        Raises:
            UnknownNameError: `per` is none of these.
            NotRunnableError: nothing was measured.
        """
        if per not in get_args(Per):
            raise UnknownNameError("kind of table", per, get_args(Per))
        if per == "frame":
            return pd.DataFrame([line for row in self._measured.rows for line in _frames_of(row)])
        measured = self._measured
        names = [name for name in measured.tidy.columns if is_metric(name, measured.tidy)]
        if per == "split":
            tables = build(measured.tidy, measured.profiles, Options(metrics=tuple(names)), measured.coverage)
            return pd.DataFrame([line for table in tables for line in _splits_of(table)])
        lines = measured.chosen(Options(metrics=tuple(names)))
        apart = [f"{name}.{of}" for name in names for of in ("given", "between") if f"{name}.{of}" in lines.columns]
        return lines[[*_PLACE, "clip", *names, *apart, "n_frames", "seconds", "motion_px", "flags"]].copy()

    def report(
        self,
        out: Path | str = "",
        metrics: Sequence[str] = ("psnr_y", "ssim_y"),
        *,
        columns: Sequence[str] = (),
        ours: Sequence[str] = (),
        style: latex.Style = "plain",
        common: bool = False,
        intervals: bool = False,
        figures: bool = True,
        page: bool = True,
    ) -> Path:
        """Write tables (Markdown, LaTeX, CSV, JSON), figures and the page into `out`, else reports/<run>; the folder.

        The options are those of `stvsr-bench report`.

        Raises:
            UnknownNameError: an option names a metric, method, cost or style that there is not.
            NotRunnableError: nothing was measured, or the folder cannot be written.
        """
        if style not in latex.STYLES:
            raise UnknownNameError("style", style, latex.STYLES)
        measured = self._measured
        folder = Path(out or Path("reports") / measured.name)
        options = Options(tuple(metrics), tuple(columns), ours=tuple(ours), common=common, intervals=intervals)
        write(measured, folder, options, Output(style, figures, page))
        return folder

    def compare(self, first: str, second: str, metrics: Sequence[str] = ("psnr_y", "ssim_y")) -> Compared:
        """One method against another on the clips of both, as `stvsr-bench compare`; positive is better for `first`.

        Raises:
            BenchError: a method or metric that was not measured, or no clip in common.
        """
        return compare_tidy(self._measured.tidy, first, second, metrics, [str(self.out)])

    def __repr__(self) -> str:
        failed = f", {counted(len(self.failures), 'clip')} failed" if self.failures else ""
        return f"<Result in {self.out}: {counted(len(self.asked), 'row')}, {self.written} of them new{failed}>"

    def _repr_html_(self) -> str:
        try:
            measured = self._measured
        except NotRunnableError as error:
            return f"<p>{html.escape(str(error))}</p>{self._failed()}"
        tables = build(measured.tidy, measured.profiles, Options(), measured.coverage)
        return "".join(map(_html, tables)) + self._failed()

    def _failed(self) -> str:
        said = [f"{one.task.identity} on {one.task.place[2]}: {one.error}" for one in self.failures[:5]]
        more = [f"and {len(self.failures) - 5} more"] if len(self.failures) > 5 else []
        listed = "".join(f"<li>{html.escape(text)}</li>" for text in (*said, *more))
        return f"<p><b>{len(self.failures)} failed</b></p><ul>{listed}</ul>" if listed else ""

    @cached_property
    def _measured(self) -> Measured:
        if not self.asked:
            raise NotRunnableError(f"{self.out}: nothing was measured; see Result.failures")
        run = self.out.resolve()
        return Measured(
            runs=(run,),
            rows=list(self.asked),
            tidy=tidy(self.asked),
            profiles=store.profiles(run),
            failures=store.read_failures(run),
            manifests=[manifest.read(run)],
        )


def _frames_of(row: Row) -> list[dict[str, Any]]:
    place, values = {name: getattr(row, name) for name in (*_PLACE, "clip")}, row.values
    return [
        {**place, "frame": frame, "given": given, **{name: of[i] for name, of in values.items()}}
        for i, (frame, given) in enumerate(zip(row.frames, row.given, strict=True))
    ]


def _splits_of(table: Table) -> list[dict[str, Any]]:
    found = []
    for line in table.lines:
        for dataset, split in dict.fromkeys((of.dataset, of.split) for of in table.columns):
            cells = {
                of.metric if of.frames == "all" else f"{of.metric}.{of.frames}": cell
                for of, cell in zip(table.columns, line.cells, strict=True)
                if (of.dataset, of.split) == (dataset, split) and cell.measured
            }
            if cells:
                place = dict(zip(_PLACE, (line.method, line.weights, dataset, split, table.protocol), strict=True))
                values = {name: cell.value for name, cell in cells.items()}
                halves = {f"{name}.half": cell.half for name, cell in cells.items() if "." not in name}
                clips = max(cell.clips for cell in cells.values())
                found.append({**place, "clips": clips, **values, **halves, "notes": ", ".join(line.badges)})
    return found


def _html(table: Table) -> str:
    parts = []
    for dataset in table.datasets:
        part = table.of_dataset(dataset).of_frames("all")
        heads = [f"{of.split} {display(of.metric).label} (n={of.clips})" for of in part.columns]
        task = f", {table.task}" if table.task else ""
        title = f"{dataset}, protocol {table.protocol} ({table.protocol_key}){task}"
        head = "".join(f"<th>{html.escape(text)}</th>" for text in ("method", *heads))
        lines = "".join(_line(line, part) for line in part.lines)
        parts.append(f"<p>{html.escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>")
    badges = dict.fromkeys(badge for line in table.lines for badge in line.badges)
    notes = [*(f"{badge}: {explain(badge)}" for badge in badges), *table.notes]
    return "".join(parts) + "<ul>" + "".join(f"<li><small>{html.escape(note)}</small></li>" for note in notes) + "</ul>"


def _line(line: Line, table: Table) -> str:
    name = line.method + (f"@{line.weights}" if line.weights else "") + "".join(f" ({of})" for of in line.badges)
    cells = "".join(_cell(cell, of.metric) for cell, of in zip(line.cells, table.columns, strict=True))
    return f"<tr><td>{html.escape(name)}</td>{cells}</tr>"


def _cell(cell: Cell, metric: str) -> str:
    text = _TAGS[cell.mark].format(shown(cell.value, display(metric)))
    half = f" ± {half_shown(cell, metric)}" if cell.half is not None and cell.n >= FEWEST else ""
    return f"<td>{text}{half}</td>"
