"""No text says `1 frames`: wherever a number stands before a word in the plural, it cannot be 1, or is `counted`."""

import ast
import re
from pathlib import Path

import pytest

from stvsr_bench.errors import counted

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(
    path
    for folder in ("stvsr_bench", "methods", "datasets")
    for path in (ROOT / folder).rglob("*.py")
    if path.is_file()
)
# a word that ends in s after a number, which is no verb of a name before it ("... {method} takes 4")
PLURAL = re.compile(
    r"^ (?:more |new |input |recorded |interpolated |true )?"
    r"(frames|clips|rows|files|cuts|tracks|packets|methods|runs|values|pixels|numbers|pairs|pictures|videos|names|steps|"
    r"parameters|keys|tensors|letters|bytes|bits|checks|groups|flows|cores|threads|errors|warnings|samples|windows|"
    r"entries|commands|processes|metrics|protocols|lines|folders|copies|images|tiles|points|columns)\b"
)
# (file, start of the number): never 1, or no number
OTHERS = {
    ("stvsr_bench/errors.py", "len(text) - most"),  # of a text of more than 2000 letters
    ("stvsr_bench/rows/bundle.py", "_LONGEST_NAME"),
    ("stvsr_bench/report/stats.py", "FEWEST_CLIPS"),
    ("stvsr_bench/acquire/archive.py", "MAX_MEMBERS"),
    ("methods/rstt/model.py", "FRAMES"),
    ("methods/stdan/model.py", "kernel"),
    ("stvsr_bench/schema/method.py", "sum("),  # parameters of a network
    ("stvsr_bench/cli/identifying.py", "facts.numbers"),
    ("stvsr_bench/restore/tiles.py", "tried"),  # a tile is larger
    ("stvsr_bench/cli/metrics.py", ""),  # a table of hundreds of recorded values
    ("stvsr_bench/acquire/archive.py", "about.st_size"),  # a key of a cache, not a text
    ("stvsr_bench/acquire/archive.py", "packed"),  # the shortest zip file has 22 bytes
    ("stvsr_bench/acquire/archive.py", "member.size"),
    ("stvsr_bench/acquire/pack.py", "promised"),
    ("stvsr_bench/checkpoints/inspect.py", ""),
    ("stvsr_bench/checkpoints/loading.py", "declared"),
    ("methods/span/weights.py", "len(self.content)"),
    ("stvsr_bench/acquire/connection.py", "(there - before)"),  # a rate
    ("stvsr_bench/cli/writing.py", "speed"),
    ("stvsr_bench/data/tracks.py", "len(head)"),
    ("stvsr_bench/data/frames.py", "8 * decoded"),
    ("stvsr_bench/data/frames.py", "bits"),
    ("stvsr_bench/data/tiff.py", "self.bits"),
    ("stvsr_bench/data/tiff.py", "self.pages"),  # said only of more than one
    ("stvsr_bench/data/numbers.py", "len(columns)"),
    ("stvsr_bench/cli/data.py", "len(clips)"),
    ("stvsr_bench/train/loop.py", "self.share.processes"),
    ("stvsr_bench/runner/measure.py", "some"),  # of methods that take many; and it is in rows
    ("stvsr_bench/cli/result.py", "cores"),
    ("stvsr_bench/report/spreading.py", "every"),
    ("stvsr_bench/runner/needs.py", "' or '.join"),  # the sizes of a split
    ("stvsr_bench/report/tables/spread.py", "frames"),  # "all", "given"
    ("stvsr_bench/report/tables/spread.py", "name"),
    ("stvsr_bench/report/tables/cost.py", "time_scale"),
    ("stvsr_bench/report/described.py", "of.window"),  # at least 2
    ("stvsr_bench/report/described.py", "of.crop"),
    ("stvsr_bench/cli/console.py", "frames"),
    ("stvsr_bench/cli/measuring.py", "frames"),
    ("stvsr_bench/metrics/possible.py", "exact"),
    ("stvsr_bench/checkpoints/cache.py", "path"),  # a name, and a verb
    ("stvsr_bench/data/lists.py", "where"),
    ("stvsr_bench/checkpoints/match.py", "self.dialect"),
    ("stvsr_bench/methods/recognise.py", "method"),
    ("stvsr_bench/runner/engines/dask.py", "names[key]"),
    ("stvsr_bench/rows/lines.py", "lengths[wrong]"),  # 1 entry is of 1 frame
}


def texts(path):
    """(number, what follows it, line) of every f-string of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for number, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(number, ast.FormattedValue) and isinstance(after, ast.Constant):
                yield ast.unparse(number.value), str(after.value), node.lineno


def test_a_number_and_its_word_agree():
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


@pytest.mark.fault("D", "texts about 1 frame, 1 clip, 1 file", "in the singular", "0")
def test_no_text_has_a_plural_after_a_number_that_can_be_one():
    found = []
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        allowed = [start for file, start in OTHERS if file == name]
        for number, after, line in texts(path):
            if PLURAL.match(after) and not any(number.startswith(start) for start in allowed):
                found.append(f"{name}:{line}: {{{number}}}{after[:30]}")
    assert found == [], "use stvsr_bench.errors.counted, or say in OTHERS why the number is never 1"
