"""What report, compare, gate and merge cost at 10^4, 10^5 and 10^6 rows: seconds of one core and the peak of memory.

    python tests/benchmarks/many_rows.py 10000 100000

Each command is a process of its own, on a run folder of three methods with rows as those of a Vimeo-90K run
(seven frames, six metrics). The values are drawn, not measured; nothing here is a result.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of

REPO = Path(__file__).resolve().parents[2]
METHODS = ("blend+bicubic", "dis+bicubic", "zsm")
COMMANDS = ("report", "report --no-page", "compare", "gate", "merge")


def folder(where: Path, count: int) -> Path:
    """A run folder of `count` rows."""
    run = where / f"rows-{count}"
    like = store.read_rows(REPO / "reports" / "baseline")[0]
    draw = random.Random(0)
    run.mkdir()
    with store.rows_file(run).open("wb") as file:
        for n in range(count):
            values = {name: [v + draw.gauss(0, 0.01) for v in row] for name, row in like.values.items()}
            changed = replace(
                like,
                method=METHODS[n % 3],
                clip=f"{n // 3:07d}",
                split=("fast", "medium", "slow")[n // 3 % 3],
                values=values,
            )
            file.write(line_of(replace(changed, key=changed.own_key)) + b"\n")
    (run / "env.json").write_bytes((REPO / "reports/baseline/env.json").read_bytes())
    return run


def command(name: str, run: Path, out: Path) -> list[str]:
    """The command line that is timed."""
    here = str(run)
    return {
        "report": ["-m", "stvsr_bench", "report", here, "--out", str(out / "report"), "--no-films"],
        "report --no-page": ["-m", "stvsr_bench", "report", here, "--out", str(out / "short"), "--no-page"],
        "compare": ["-m", "stvsr_bench", "compare", *METHODS[:2], here],
        "gate": ["-m", "stvsr_bench", "gate", here, here, "--no-runtime"],
        "merge": ["-m", "stvsr_bench", "merge", here, "--out", str(out / "merged")],
    }[name]


def measured(arguments: list[str]) -> tuple[float, float, int]:
    """Seconds of core, peak MiB and exit code of one process."""
    pid_script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, code)\n"
    )
    whole = [sys.executable, "-c", pid_script, *arguments]
    done = subprocess.run(whole, cwd=REPO, capture_output=True, text=True, check=True)
    seconds, memory, code = done.stdout.split()[-3:]
    if int(code):
        print(done.stderr[-600:], file=sys.stderr)
    return float(seconds), float(memory), int(code)


def main() -> None:
    """Print a Markdown table."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("counts", type=int, nargs="+")
    ask.add_argument("--commands", default=",".join(COMMANDS))
    asked = ask.parse_args()
    print("| command | rows | core s | peak MiB | exit |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for count in asked.counts:
            run = folder(Path(temporary), count)
            for name in asked.commands.split(","):
                with tempfile.TemporaryDirectory() as out:
                    seconds, memory, code = measured(command(name, run, Path(out)))
                print(f"| {name} | {count} | {seconds:.1f} | {memory:.0f} | {code} |", flush=True)


if __name__ == "__main__":
    main()
