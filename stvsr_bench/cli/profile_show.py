"""Profiles on a terminal: what is being measured now, then the tables."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]


class Said:
    """One line on stderr that says what is measured now, and notes that stay; nothing where nobody looks."""

    def __init__(self, hidden: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.hidden = hidden
        self.status = Status("", console=self.console) if self.console.is_terminal and not hidden else None

    def now(self, what: str) -> None:
        """Say what is being done."""
        if self.status is not None:
            self.status.update(Text(what))

    def note(self, sentence: str) -> None:
        """Say something that the reader must know, even with --json."""
        print(f"stvsr-bench: {sentence}", file=sys.stderr)

    def __enter__(self) -> Self:
        if self.status is not None:
            self.status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.status is not None:
            self.status.stop()


def tables(rows: Sequence[Row]) -> None:
    """The tables of one command, and what must be known to read them."""
    console = Console(highlight=False)
    for sentence in headline(rows):
        console.print(Text(sentence))
    console.print(_costs(rows))
    if rows[0]["kind"] == "profile":
        for line in rows:
            _details(console, line)
    if rows[0]["kind"] == "sweep":
        console.print(_exponents(rows))
    for sentence in remarks(rows):
        console.print(Text(sentence))


def headline(rows: Sequence[Row]) -> list[str]:
    """The machine and the setting that all rows share."""
    facts = rows[0]["machine_facts"]
    where = facts.get("gpu") if rows[0]["device"].startswith("cuda") else facts["cpu"]
    extra = [word for word in ("compile", "channels_last") if rows[0].get(word)]
    return [
        f"{where}, {facts['threads']} threads, torch {facts['torch']}, {facts['blas']}, machine {rows[0]['machine']}",
        ", ".join(
            [f"device {rows[0]['device']}", rows[0]["precision"], *extra, "one multiply-add counts as one (MAC)"]
        ),
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """What is not certain about these figures, a sentence each."""
    found = []
    for line in rows:
        name = _name(line)
        if line.get("runtime_ms", {}).get("noisy"):
            timing = line["runtime_ms"]
            spread = 100 * timing["iqr"] / timing["median"] if timing["median"] else 0.0
            found.append(f"noisy: {name}, IQR {spread:.0f} % of the median over {timing['n']} runs; raise --budget")
        if line.get("counters_agree") is False:
            found.append(f"the two FLOP counters differ by more than 1 % on {name}")
        if line.get("flops_note"):
            found.append(f"{name}: {line['flops_note']}")
        if line.get("memory_note"):
            found.append(f"{name}: memory not measured: {line['memory_note']}")
    return list(dict.fromkeys(found))


def _costs(rows: Sequence[Row]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("method", overflow="fold")
    kind = rows[0]["kind"]
    columns = _columns(kind, rows)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for line in rows:
        table.add_row(Text(_name(line)), *(_cell(line, name) for name in columns))
    return table


def _columns(kind: str, rows: Sequence[Row]) -> list[str]:
    if kind == "sweep":
        return ["size", "frames", "GMACs", "ms", "IQR", "MiB"]
    found = ["params (M)", "GMACs"]
    if any("runtime_ms" in line for line in rows):
        found += ["ms", "IQR", "fps", "MiB"]
    if kind == "topt" and any("psnr_y" in line for line in rows):
        found.append("PSNR")
    if any("max_size" in line for line in rows):
        found.append("max size")
    return found


def _cell(line: Row, column: str) -> str:
    timing = line.get("runtime_ms") or {}
    made = {
        "size": lambda: "x".join(map(str, line["size"])),
        "frames": lambda: str(line["frames"]),
        "params (M)": lambda: f"{line['params'] / 1e6:.2f}",
        "GMACs": lambda: f"{line['gmacs']:.3g}" if line["gmacs"] < 100 else f"{line['gmacs']:.1f}",
        "ms": lambda: f"{timing['median']:.4g}" + ("*" if timing["noisy"] else ""),
        "IQR": lambda: f"{timing['iqr']:.2g}",
        "fps": lambda: f"{timing['frames_per_s']:.3g}",
        "MiB": lambda: "-" if line.get("peak_memory_mib") is None else f"{line['peak_memory_mib']:.0f}",
        "PSNR": lambda: f"{line['psnr_y']:.2f}" if "psnr_y" in line else "-",
        "max size": lambda: "x".join(map(str, line["max_size"])) if line.get("max_size") else "-",
    }
    return made[column]()


def _details(console: Console, line: Row) -> None:
    """Parameters, multiply-adds and time by stage, then what was not counted."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=Text(_name(line)), title_justify="left")
    table.add_column("module")
    for name in ("params (M)", "GMACs", "ms"):
        table.add_column(name, justify="right")
    stages = line.get("stages_ms", {})
    for name in dict.fromkeys([*line["params_by_module"], *line["gmacs_by_module"], *stages]):
        depth = name.count(".")
        cells = [line["params_by_module"].get(name), line["gmacs_by_module"].get(name), stages.get(name)]
        if depth and not (cells[1] or 0) > 0.01 * line["gmacs"]:
            continue
        texts = [_or_dash(cells[0], 1e-6, ".3f"), _or_dash(cells[1], 1.0, ".2f"), _or_dash(cells[2], 1.0, ".4g")]
        table.add_row(Text("  " * depth + name), *texts)
    if table.row_count:
        console.print(table)
    console.print(Text(_totals(line)))


def _totals(line: Row) -> str:
    uncounted = ", ".join(f"{name} x{count}" for name, count in line["uncounted"].items()) or "none"
    times = ""
    if timing := line.get("runtime_ms"):
        times = f"{timing['frame_ms']:.4g} ms a frame, {timing['megapixel_ms']:.4g} ms a megapixel of output; "
    return (
        f"{line['params_trainable']} trainable of {line['params']} parameters, {line['buffers']} in buffers; "
        f"{line['gmacs_frame']:.4g} GMACs a frame; {times}kernels: {line['backend']}\nnot counted: {uncounted}\n"
    )


def _exponents(rows: Sequence[Row]) -> Table:
    axis = "pixels of a frame" if rows[0]["axis"] == "size" else "frames given"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=Text(f"exponent against {axis}"), title_justify="left")
    table.add_column("method")
    for name in ("time", "memory", "theory (MACs)"):
        table.add_column(name, justify="right")
    for name, fitted in {_name(line): line["exponents"] for line in rows}.items():
        table.add_row(Text(name), *(_or_dash(fitted[key], 1.0, ".2f") for key in ("time", "memory", "theory")))
    return table


def _or_dash(value: float | None, factor: float, form: str) -> str:
    return "" if value is None else format(value * factor, form)


def _name(line: Row) -> str:
    return f"{line['method']}@{line['weights']}" if line["weights"] else str(line["method"])
