"""What `score` says below its table: what was measured as it is and readers should know."""

from collections import Counter
from typing import TYPE_CHECKING

from stvsr_bench.cli import reader
from stvsr_bench.errors import counted

if TYPE_CHECKING:
    from stvsr_bench.runner.execute import Result


def say_doubtful(result: "Result") -> None:
    """One line for each thing that is measured as it is and looks like a mistake, with the first clips."""
    says = {
        "shifted": "lie {} pixels right and below of the truth; are they cut or enlarged off centre?",
        "unlike-truth": "have next to nothing in common with the truth (correlation {}); are they of other clips?",
    }
    for kind, what in says.items():
        found = {row.clip: flag for row in result.rows() for flag in row.flags if flag.startswith(f"{kind}:")}
        if found:
            clips = ", ".join([*found][:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
            values = sorted({flag.partition(":")[2] for flag in found.values()})
            listed = " ".join(values[:3]) + (" ..." if len(values) > 3 else "")
            reader.note(f"{clips}: the frames {what.format(listed)}")


def say_lossy(result: "Result") -> None:
    """One line where videos that were handed in, or their truth, were coded with loss."""
    rows = [row for row in result.rows() if "external" in row.flags]
    found = Counter(flag for row in rows for flag in row.flags if flag.startswith("lossy-"))
    for flag, count in sorted(found.items()):
        what = "videos handed in" if flag.startswith("lossy-input") else "the truth's videos"
        reader.note(f"{count} of {counted(len(rows), 'row')}: {what} were coded with loss ({flag.partition(':')[2]})")
