"""What a profile says to a reader: headline, tables as text, and remarks on what is not certain. Nothing is drawn here.

It takes the rows of `profile.jsonl` as they are and loads no torch. The terminal draws its grids with rich.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stvsr_bench.errors import counted
from stvsr_bench.protocols import DEFAULT

Row = dict[str, Any]
PSNR = "PSNR-Y"
# "GMACs" alone are of the paper's order of computation
FAST, AS_RUN = "GMACs, fast engine", "GMACs as run"
EXPONENTS = {"time": "time", "memory": "memory", "theory": "theory (MACs)"}  # key in the row: head of the column


@dataclass(frozen=True)
class Grid:
    """One table as text: the first column names a method or module, the others hold numbers."""

    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    title: str = ""


def name_of(line: Row) -> str:
    """The method with its weights."""
    return f"{line['method']}@{line['weights']}" if line["weights"] else str(line["method"])


def headline(rows: Sequence[Row]) -> list[str]:
    """The machine and the setting that all rows share."""
    facts = rows[0]["machine_facts"]
    where = facts.get("gpu") if rows[0]["device"].startswith("cuda") else facts["cpu"]
    extra = [word for word in ("compile", "channels_last") if rows[0].get(word)]
    setting = [f"device {rows[0]['device']}", rows[0]["precision"], *extra, "one multiply-add counts as one (MAC)"]
    threads = f"{facts['threads']} thread{'s' if facts['threads'] != 1 else ''}"
    return [
        f"{where}, {threads}, torch {facts['torch']}, {facts['blas']}, machine {rows[0]['machine']}",
        ", ".join(setting),
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """What is not certain about these figures, a sentence each."""
    found = []
    for line in rows:
        name = name_of(line)
        if line.get("runtime_ms", {}).get("noisy"):
            timing = line["runtime_ms"]
            spread = 100 * timing["iqr"] / timing["median"] if timing["median"] else 0.0
            found.append(
                f"noisy: {name}, IQR {spread:.0f} % of the median over {counted(timing['n'], 'run')}; raise --budget"
            )
        if line.get("counters_agree") is False:
            found.append(f"the two FLOP counters differ by more than 1 % on {name}")
        if line.get("flops_note"):
            found.append(f"{name}: {line['flops_note']}")
        if line.get("pad"):
            found.append(
                f"{name}: each frame padded as a run does ({counted(line['pad'], 'pixel')} at the right and bottom)"
            )
        if line.get("memory_note"):
            found.append(f"{name}: memory not measured: {line['memory_note']}")
        for record in line.get("quality", ()):
            clips = f"{record['clips']} clip{'s' if record['clips'] > 1 else ''}"
            found.append(
                f"{_psnr_head(record)}: mean over the {clips} that all of its T share, {record['protocol_key']}"
            )
    return list(dict.fromkeys(found))  # a sweep would say the same of each of its points


def costs(rows: Sequence[Row]) -> Grid:
    """A line per row: what it costs, with the columns that its kind of row has."""
    columns = columns_of(rows)
    return Grid(("method", *columns), tuple((name_of(line), *(cell(line, name) for name in columns)) for line in rows))


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The columns of numbers that these rows fill; all rows are of one kind."""
    kind = rows[0]["kind"]
    if kind == "sweep":
        return ["size", "frames", AS_RUN if any(map(_is_fast, rows)) else "GMACs", "ms", "IQR", "MiB"]
    found = ["params (M)", "GMACs"]
    if any(map(_is_fast, rows)):
        found.append(FAST)
    if any("runtime_ms" in line for line in rows):
        found += ["ms", "IQR", "fps", "MiB"]
    found += dict.fromkeys(_psnr_head(record) for line in rows for record in line.get("quality", ()))
    if any("max_size" in line for line in rows):
        found.append("max size")
    return found


def cell(line: Row, column: str) -> str:
    """The text of one number; a noisy time is marked with a star, what was not measured is a dash."""
    timing = line.get("runtime_ms") or {}
    if column.startswith(PSNR):
        values = [record["psnr_y"] for record in line.get("quality", ()) if _psnr_head(record) == column]
        return "-" if not values or values[0] is None else f"{values[0]:.2f}"
    made = {
        "size": lambda: "x".join(map(str, line["size"])),
        "frames": lambda: str(line["frames"]),
        "params (M)": lambda: f"{line['params'] / 1e6:.2f}",
        "GMACs": lambda: _giga(line.get("gmacs_plain") if _is_fast(line) else line.get("gmacs")),
        FAST: lambda: _giga(line.get("gmacs") if _is_fast(line) else None),
        AS_RUN: lambda: _giga(line.get("gmacs")),
        "ms": lambda: f"{timing['median']:.4g}" + ("*" if timing["noisy"] else ""),
        "IQR": lambda: f"{timing['iqr']:.2g}",
        "fps": lambda: f"{timing['frames_per_s']:.3g}",
        "MiB": lambda: "-" if line.get("peak_memory_mib") is None else f"{line['peak_memory_mib']:.0f}",
        "max size": lambda: "x".join(map(str, line["max_size"])) if line.get("max_size") else "-",
    }
    return made[column]()


def _giga(value: float | None) -> str:
    """Three digits; 0 means that nothing was counted."""
    if not value:
        return "-"
    return f"{value:.3g}" if value < 100 else f"{value:.1f}"


def _is_fast(line: Row) -> bool:
    return line.get("engine", "") not in ("", "plain")


def _psnr_head(record: Row) -> str:
    weights = f"@{record['weights']}" if record["weights"] else ""
    other = "" if record["protocol"] == DEFAULT else f", {record['protocol']}"
    return f"{PSNR} {record['dataset']}{other}{weights}"


def modules(line: Row) -> Grid:
    """Parameters, multiply-adds and time by module; a module of the second level only where it does over 1 % of all."""
    stages = line.get("stages_ms", {})
    lines = []
    for name in dict.fromkeys([*line["params_by_module"], *line["gmacs_by_module"], *stages]):
        depth = name.count(".")
        params, gmacs, ms = line["params_by_module"].get(name), line["gmacs_by_module"].get(name), stages.get(name)
        if depth and not (gmacs or 0) > 0.01 * line["gmacs"]:
            continue
        texts = (_or_empty(params, 1e-6, ".3f"), _or_empty(gmacs, 1.0, ".2f"), _or_empty(ms, 1.0, ".4g"))
        lines.append(("  " * depth + name, *texts))
    return Grid(("module", "params (M)", AS_RUN if _is_fast(line) else "GMACs", "ms"), tuple(lines), name_of(line))


def totals(line: Row) -> str:
    """What stands under a method's modules: counts, times per frame and megapixel, and what was not counted."""
    uncounted = ", ".join(f"{name} x{count}" for name, count in line["uncounted"].items()) or "none"
    times = ""
    if timing := line.get("runtime_ms"):
        times = f"{timing['frame_ms']:.4g} ms per frame, {timing['megapixel_ms']:.4g} ms per megapixel of output; "
    return (
        f"{line['params_trainable']} trainable of {counted(line['params'], 'parameter')}, "
        f"{line['buffers']} in buffers; "
        f"{line['gmacs_frame']:.4g} GMACs per frame; {times}kernels: {line['backend']}\nnot counted: {uncounted}\n"
    )


def exponents(rows: Sequence[Row]) -> Grid:
    """The fitted exponents of a sweep, a line per method."""
    axis = "pixels of a frame" if rows[0]["axis"] == "size" else "frames given"
    fitted = {name_of(line): line["exponents"] for line in rows}
    lines = tuple((name, *(_or_empty(of[key], 1.0, ".2f") for key in EXPONENTS)) for name, of in fitted.items())
    return Grid(("method", *EXPONENTS.values()), lines, f"exponent against {axis}")


def _or_empty(value: float | None, factor: float, form: str) -> str:
    return "" if value is None else format(value * factor, form)
