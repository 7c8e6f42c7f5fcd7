"""Which changes of the code do the tests notice: each changed in one place by Cosmic Ray, in a copy of the checkout.

    make mutants FILES="stvsr_bench/rows/lines.py ..." [TESTS="tests/rows"] [SHARE=0.1]

Without --tests, the tests of a file are those of the folder that mirrors its room. A share is drawn with a seed, one
change of every place before a second of any. Runs in `.venv-mutants`; the tests run in the project's own environment.
"""

import argparse
import math
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = 0
# `|` stands in annotations and between dicts: any other operator there stops the import and says nothing of a test.
# A decorator that is gone or a variable replaced by another of the file mostly stops the import too. `is` for `==` is
# the same thing wherever small numbers and short texts are compared, and is what a linter refuses
LEFT_OUT = re.compile(r"core/(ReplaceBinaryOperator_BitOr_|RemoveDecorator|Variable|ReplaceComparisonOperator_\w+_Is)")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("files", nargs="+", help="files to change, relative to the checkout")
    made.add_argument("--tests", default="", help='what pytest runs, such as "tests/rows -k store"')
    made.add_argument("--share", type=share, default=1.0, help="share of all changes to try, above 0 and up to 1")
    made.add_argument("--seconds", type=float, default=math.inf, help="begin no further change after this time")
    made.add_argument("--python", default=sys.executable, help="the interpreter that runs the tests")
    return made


def share(text: str) -> float:
    """A share as a number.

    Raises:
        ValueError: it is not above 0 and up to 1.
    """
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError(text)
    return value


def tests_of(file: str) -> str:
    """The folder of a file's tests: `tests/rows` for `stvsr_bench/rows/x.py`, `tests/methods` for `methods/zsm/x`."""
    parts = Path(file).parts
    room = parts[1] if parts[0] == "stvsr_bench" and len(parts) > 2 else parts[0]
    found = f"tests/{room}"
    if not (ROOT / found).is_dir():
        sys.exit(f"{file}: no tests in {found}; name them with TESTS=...")
    return found


def drawn(places: list[tuple[int, int]], wanted: float) -> list[int]:
    """Which of the changes at these places to try: a share of all, and of every place one before a second of any."""
    order = list(range(len(places)))
    random.Random(SEED).shuffle(order)
    seen: Counter[tuple[int, int]] = Counter()
    ranked = []
    for index in order:
        ranked.append((seen[places[index]], len(ranked), index))
        seen[places[index]] += 1
    return [index for *_, index in sorted(ranked)[: math.ceil(wanted * len(places))]]


def copied(target: Path) -> None:
    """The checkout as git sees it, uncommitted files included: a change never touches the files that you edit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def change(diff: str) -> str:
    """`old -> new`, of the lines of a diff."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    old, new = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return f"{old} -> {new}"


def unchanged_s(command: str) -> float:
    """The time of the tests on the code as it is; a campaign on failing tests would say nothing."""
    start = time.monotonic()
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the tests fail on the code as it is, so they can notice nothing:\n{done.stdout[-2000:]}")
    return time.monotonic() - start


def main(argv: list[str] | None = None) -> None:
    """Try the changes and print what was noticed."""
    asked = parser().parse_args(argv)
    for file in asked.files:
        if not (ROOT / file).is_file():
            sys.exit(f"{file}: no such file in {ROOT}")
    tests = {file: asked.tests or tests_of(file) for file in asked.files}
    if os.sep in asked.python:
        asked.python = str(Path(asked.python).absolute())  # a link of a virtual environment is not followed
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copied(Path(folder))
        os.chdir(folder)
        os.environ |= {"PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
        report(campaign(asked, tests))


def campaign(asked: argparse.Namespace, tests: dict[str, str]) -> dict[str, list[tuple[int, str, bool]]]:
    """(line, change, noticed) of each change that was tried, by file."""
    from cosmic_ray.commands import init
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.work_db import use_db

    commands = {
        one: f"{shlex.quote(asked.python)} -m pytest -x -q --no-header -p no:cacheprovider -p no:xdist {one}"
        for one in tests.values()
    }
    # under a change a loop may never end; another program may slow this one down
    limit_s = {one: 20 + 4 * unchanged_s(command) for one, command in commands.items()}
    found: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    end = time.monotonic() + asked.seconds
    for file, one in tests.items():
        with use_db("mutants.sqlite") as session:
            init([Path(file)], session, {})
            specs = [item.mutations[0] for item in session.work_items]
        specs = [spec for spec in specs if not LEFT_OUT.match(spec.operator_name)]
        specs.sort(key=lambda spec: (spec.start_pos, spec.operator_name, spec.occurrence))
        for index in drawn([spec.start_pos for spec in specs], asked.share):
            if time.monotonic() > end:
                break
            result = mutate_and_test([specs[index]], commands[one], limit_s[one])
            if result.test_outcome not in ("killed", "survived"):
                sys.exit(f"{file}:{specs[index].start_pos[0]}: the change could not be tried: {result.output}")
            line, what = specs[index].start_pos[0], change(result.diff or "")
            found[file].append((line, what, result.is_killed))
            # at once: a campaign takes hours, and may be stopped
            print("." if result.is_killed else f"\n{file}:{line}: {what}\n", end="", flush=True, file=sys.stderr)
        print(f" {file}: {len(found[file])} of {len(specs)} tried", file=sys.stderr)
    return found


def report(found: dict[str, list[tuple[int, str, bool]]]) -> None:
    """The table and the survivors."""
    print("| file | tried | noticed | survived |\n|---|---:|---:|---:|")
    total: Counter[str] = Counter()
    for file, tried in found.items():
        noticed = sum(1 for *_, killed in tried if killed)
        print(f"| {file} | {len(tried)} | {noticed} | {len(tried) - noticed} |")
        total.update(tried=len(tried), noticed=noticed)
    percent = f", {total['noticed'] / total['tried']:.0%} noticed" if total["tried"] else ""
    print(f"\n{total['noticed']} of {total['tried']}{percent}.")
    if total["noticed"] < total["tried"]:
        print("Survived:\n")
    for file, tried in found.items():
        for line, what, killed in sorted(tried):
            if not killed:
                print(f"{file}:{line}: {what}")


if __name__ == "__main__":
    main()
