"""Every figure of speed that this project states, and what depends on the processor, measured and written as one page.

    python tests/benchmarks/everything.py [--into docs/measured.md] [--only portability,networks,precision,...]

Each part is a process of its own and compares in one run what it compares: read ratios, not seconds. It takes about
an hour; leave the machine alone meanwhile. With --only the other sections of the page stay as they are.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import portability
from tabulate import tabulate

from stvsr_bench.profiling import hardware

HERE = Path(__file__).parent
PARTS = {
    "portability": ("portability.py", "--json"),
    "networks": ("networks.py", "--bf16", "--json"),
    "continuous": ("networks.py", "--continuous", "--json"),
    "precision": ("precision.py", "--ways", "bf16", "channels-last", "fp16", "compile", "--clips", "1", "--json"),
    "metrics": ("metrics.py", "--json"),
    "harness": ("harness.py", "--json"),
}
HEADINGS = {
    "portability": "Code paths: what depends on the processor",
    "networks": "Networks: each engine against the paper's order of computation",
    "continuous": "Networks of any time and scale: eight times, and one window of 1280x720",
    "precision": "Precision, memory layout and compilation: time and dB against float32, small nets, two clips",
    "metrics": "Metrics and data path, one core",
    "harness": "The suite without a network",
}


def measured(name: str) -> Any:
    """What one part prints as JSON."""
    script, *options = PARTS[name]
    done = subprocess.run([sys.executable, str(HERE / script), *options], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout[done.stdout.index("{") :])


def table(rows: list[dict[str, Any]], form: str = ".2f") -> str:
    """Rows as a Markdown table."""
    return tabulate(rows, headers="keys", floatfmt=form, tablefmt="github")


def of_metrics(found: dict[str, dict[str, float]]) -> str:
    """Milliseconds, and how many times faster than the first line of each table."""
    parts = []
    for title, times in found.items():
        first = next(iter(times.values()))
        beside = not title.startswith("A septuplet")  # its lines are different things
        rows = [{"": name, "ms": ms, **({"ratio": first / ms} if beside else {})} for name, ms in times.items()]
        parts.append(f"**{title}**\n\n{table(rows)}")
    return "\n\n".join(parts)


def of_harness(found: dict[str, dict[str, Any]]) -> str:
    """A line for each figure of each part."""
    rows = [{"part": part, "figure": name, "value": each[name]} for part, each in found.items() for name in each]
    return table(rows, "g")


def of_continuous(found: dict[str, Any]) -> str:
    """What eight times of a pair cost beside one, and a large window."""
    tables = (table(found[part]) for part in ("times", "window"))
    return "\n\n".join([*tables, f"{found['threads']} threads, load {found['load'][0]:.1f} at the end."])


def section(name: str) -> str:
    """One part's heading and table."""
    found = measured(name)
    if name == "portability":
        body = portability.markdown(found)
    elif name == "metrics":
        body = of_metrics(found)
    elif name == "harness":
        body = of_harness(found)
    elif name == "continuous":
        body = of_continuous(found)
    else:
        body = table(found["rows"], ".2f" if name == "networks" else "+.4f")
        body += f"\n\n{found['threads']} threads, load {found['load'][0]:.1f} at the end."
    facts = hardware.facts()
    return f"## {HEADINGS[name]}\n\nMachine: {facts['cpu']}, torch {facts['torch']}. No GPU was at hand.\n\n{body}\n"


def sections(page: str) -> dict[str, str]:
    """The sections that a page has already, by the name of their part; those written by hand by their heading."""
    names = {heading: name for name, heading in HEADINGS.items()}
    found = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return {names.get(title, title): f"## {title}\n{body.rstrip()}\n" for title, body in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a Markdown page; else it is printed")
    parser.add_argument("--only", default=",".join(PARTS))
    asked = parser.parse_args()
    head = (
        "# Measured\n\nThe figures behind the manual. Ratios compare two things measured in one run; "
        "seconds belong to one machine.\n\n"
        "The first six sections are written by `python tests/benchmarks/everything.py --into docs/measured.md`; "
        "the others were\nmeasured once and written by hand.\n"
    )
    kept = sections(asked.into.read_text(encoding="utf-8")) if asked.into and asked.into.is_file() else {}
    for name in asked.only.split(","):
        kept[name] = section(name)
    by_hand = [text for name, text in kept.items() if name not in PARTS]
    page = "\n".join([head, *(kept[name] for name in PARTS if name in kept), *by_hand])
    if asked.into:
        asked.into.write_text(page, encoding="utf-8")
    else:
        print(page)


if __name__ == "__main__":
    main()
