"""How far a run is: a bar of tqdm on stderr, drawn as the terminal or the notebook can; lines in a log."""

import sys
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from stvsr_bench.escape import line

if TYPE_CHECKING:
    from stvsr_bench.runner.engines.tasks import Outcome

EVERY_S = 20.0  # a line in a log, where nobody looks
MOST = 10  # failures that are told while it runs; `Result.failures` has all


class Progress:
    """Told of each clip that is done; quiet, it says only what failed."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self.failed = 0
        every_s = 0.1 if sys.stderr.isatty() else EVERY_S
        self.bar = tqdm(total=total, unit=" clips", disable=quiet, mininterval=every_s)

    def update(self, outcome: "Outcome") -> None:
        """One clip is done."""
        task = outcome.task
        self.failed += bool(outcome.error)
        if outcome.error and self.failed <= MOST:
            self.note(f"failed: {task.identity} on {task.label}/{task.split}/{task.clip}: {outcome.error}")
        if task.score:
            where = line(f"{task.identity[:24]} {task.label[:16]}/{task.split} {task.clip[:16]}")
            self.bar.set_postfix_str(where, refresh=False)
            self.bar.update()

    def note(self, sentence: str) -> None:
        """One sentence on a separate line."""
        self.bar.write(line(sentence), file=sys.stderr)

    def end(self) -> None:
        """The last state stays, with the time that the run took."""
        self.bar.close()
