"""How far a run is, on stderr: one line that is written again, in a terminal and in a notebook; lines in a log."""

import sys
import time
from typing import TYPE_CHECKING

from stvsr_bench.escape import line

if TYPE_CHECKING:
    from stvsr_bench.runner.engines.tasks import Outcome

WIDTH = 20
EVERY_S = 20.0  # a line in a log, where nobody looks


class Progress:
    """Told of each clip that is done; quiet, it says only what failed."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self.total, self.quiet = total, quiet
        self.done = self.failed = 0
        self.began = self.said = time.monotonic()
        self.drawn = 0
        # a notebook's stderr is no terminal, but it too goes back to the beginning of a line at "\r"
        self.redraws = sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")

    def update(self, outcome: "Outcome") -> None:
        """One clip is done."""
        task = outcome.task
        self.done += task.score
        self.failed += bool(outcome.error)
        if outcome.error and self.failed <= 10:
            self.note(f"failed: {task.identity} on {task.label}/{task.split}/{task.clip}: {outcome.error}")
        if self.quiet or not task.score:
            return
        where = line(f"{task.identity[:24]} {task.label[:16]}/{task.split} {task.clip[:16]}")
        if self.redraws:
            self._draw(f"{self._bar()} {self.done} of {self.total} clips, {self._left()}  {where}")
        elif time.monotonic() - self.said > EVERY_S:
            self.said = time.monotonic()
            _write(f"{self.done} of {self.total} clips: {where}\n")

    def note(self, sentence: str) -> None:
        """One sentence on a line of its own."""
        self._draw("")
        _write(line(sentence) + "\n")

    def end(self) -> None:
        """The last line stays, with the time that the run took."""
        if self.redraws and self.done and not self.quiet:
            failed = f", {self.failed} failed" if self.failed else ""
            self._draw(f"{self.done} clips{failed}, {_clock(time.monotonic() - self.began)}")
            _write("\n")

    def _bar(self) -> str:
        full = round(WIDTH * min(1.0, self.done / max(1, self.total)))
        return "[" + "#" * full + "." * (WIDTH - full) + "]"

    def _left(self) -> str:
        spent = time.monotonic() - self.began
        return f"{_clock(spent)} spent, {_clock(spent / self.done * (self.total - self.done))} left"

    def _draw(self, text: str) -> None:
        if self.redraws and (text or self.drawn):
            _write("\r" + text.ljust(self.drawn) + ("" if text else "\r"))
            self.drawn = len(text)


def _clock(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}" if minutes >= 60 else f"{minutes}:{left:02}"


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
