"""What a run writes down while it trains: CSV files always, TensorBoard events where it is installed and asked for."""

import csv
import io
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from stvsr_bench.data.atomic import replacing
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.installing import extra

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

STEP_FIELDS = ("step", "stage", "lr", "loss", "grad_norm", "seconds")
REMEMBERED = 0.95  # share of the running mean that one step leaves alone: it follows the last 20 steps or so
CHECK_FIELDS = ("step", "on", "frames", "psnr_y_db", "psnr_y_given_db", "psnr_y_between_db", "ssim_y")


class RunningLoss:
    """The loss as a reader follows it: a running mean, for the loss of single crops jumps with their content."""

    def __init__(self) -> None:
        self.mean = 0.0

    def add(self, loss: float) -> float:
        """The mean with one more step in it; the first step is taken whole, or zero would fade for a hundred steps."""
        self.mean = loss if not self.mean else REMEMBERED * self.mean + (1 - REMEMBERED) * loss
        return self.mean


class Table:
    """One growing CSV file whose first column is the step."""

    def __init__(self, path: Path, fields: tuple[str, ...], after: int) -> None:
        """Keep the rows up to step `after` (a resumed run repeats the later ones) and go on from there."""
        kept = _rows(path, len(fields), after) if path.exists() and after else []
        with replacing(path) as file:  # a process that is killed here leaves the curve as it was
            written = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
            csv.writer(written).writerows([fields, *kept])
            written.detach()
        self._file: IO[str] = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def add(self, *values: float | int | str) -> None:
        """Append one row; numbers are written so that they read back equal."""
        # flushed each row: a run that is killed keeps its curve
        self._writer.writerow([repr(v) if isinstance(v, float) else v for v in values])
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Logs:
    """The tables of one run: `losses.csv`, `validation.csv`, and `tensorboard/`."""

    def __init__(self, folder: Path, after: int, tensorboard: bool = False) -> None:
        self._steps = Table(folder / "losses.csv", STEP_FIELDS, after)
        self._checks = Table(folder / "validation.csv", CHECK_FIELDS, after)
        self._events = _writer(folder / "tensorboard", after) if tensorboard else None

    def step(self, step: int, stage: str, lr: float, loss: float, grad_norm: float, seconds: float) -> None:
        """Write down one step; `loss` is the mean over every value, whatever the recipe sums."""
        self._steps.add(step, stage, lr, loss, grad_norm, seconds)
        if self._events:
            for name, value in (("lr", lr), ("loss", loss), ("grad_norm", grad_norm)):
                self._events.add_scalar(f"train/{name}", value, step)

    def check(self, step: int, on: str, values: dict[str, float]) -> None:
        """Write down one validation."""
        self._checks.add(step, on, *(values[name] for name in CHECK_FIELDS[2:]))
        if self._events:
            for name, value in values.items():
                self._events.add_scalar(f"{on}/{name}", value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close()
        self._checks.close()
        if self._events:
            self._events.close()


def _rows(path: Path, width: int, after: int) -> list[list[str]]:
    """The rows up to a step; no half row of a process that was killed, and nothing that somebody else wrote there."""
    whole = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)[1:]
    rows = csv.reader([line for line in whole if line.endswith("\n") and "\0" not in line])
    return [
        row for row in rows if len(row) == width and row[0].isascii() and row[0].isdecimal() and int(row[0]) <= after
    ]


def _writer(folder: Path, after: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise NotRunnableError(f"tensorboard is not installed: run {extra('train')}") from error
    return SummaryWriter(str(folder), purge_step=after + 1)
