"""Ablation variants against the first of them: paired by clip, with 95 % intervals, as rows and as Markdown."""

from collections.abc import Sequence
from typing import Any, Protocol

from tabulate import tabulate

from stvsr_bench.errors import counted
from stvsr_bench.report import stats

HEAD = ("variant", "asks", "PSNR-Y (dB)", "difference to base (dB)", "between frames", "params (M)", "GMACs", "ms")


class Variant(Protocol):
    """One variant, trained and measured; PSNR-Y (dB) of the same clips in the same order for all variants."""

    @property
    def name(self) -> str: ...
    @property
    def asks(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def params(self) -> int: ...
    @property
    def gmacs(self) -> float: ...
    @property
    def loss(self) -> float: ...
    @property
    def runtime_ms(self) -> float: ...
    @property
    def psnr_y_db(self) -> dict[str, list[float]]: ...
    @property
    def clips_db(self) -> list[float]: ...
    @property
    def clips_between_db(self) -> list[float]: ...


def compared(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """One row a variant: its mean over clips, and its paired difference to the first with a 95 % interval."""
    base = variants[0]
    rows: list[dict[str, Any]] = []
    for one in variants:
        whole = stats.compare(one.clips_db, base.clips_db).difference
        between = stats.compare(one.clips_between_db, base.clips_between_db).difference
        rows.append(
            {
                "variant": one.name,
                "asks": one.asks,
                "clips": len(one.clips_db),
                "psnr_y_db": stats.interval(one.clips_db).mean,
                "difference_db": [whole.mean, whole.low, whole.high],
                "difference_between_db": [between.mean, between.low, between.high],
                "params": one.params,
                "gmacs": one.gmacs,
                "runtime_ms": one.runtime_ms,
                "steps": one.steps,
                "training_loss": one.loss,
                "psnr_y_db_by_clip": one.psnr_y_db,
            }
        )
    return rows


def ablation_md(rows: Sequence[dict[str, Any]]) -> str:
    """The comparison as Markdown, with what it was measured on."""
    cells = [
        (
            row["variant"],
            row["asks"],
            f"{row['psnr_y_db']:.2f}",
            _signed(*row["difference_db"]),
            _signed(*row["difference_between_db"]),
            f"{row['params'] / 1e6:.3f}",
            f"{row['gmacs']:.2f}",
            f"{row['runtime_ms']:.0f}",
        )
        for row in rows
    ]
    first = rows[0]
    note = (
        f"{counted(first['steps'], 'step')} each from the same seed on the same samples; "
        f"{counted(first['clips'], 'clip')} of "
        f"{', '.join(first['psnr_y_db_by_clip'])}. Differences are paired by clip, with 95 % intervals: one that "
        "contains 0 shows nothing. GMACs and ms (medians, all variants in turn) are for 4 frames of 112x64."
    )
    grid = str(tabulate(cells, HEAD, tablefmt="github", disable_numparse=True))
    return f"{grid}\n\n{note}\n"


def _signed(mean: float, low: float | None, high: float | None) -> str:
    # three digits, because ablations differ by little and "-0.00" tells nothing. One clip has no interval; the base
    # against itself has one of no width, which would only look precise
    if low is None or high is None or low == high == 0:
        return f"{mean:+z.3f}"
    return f"{mean:+z.3f} [{low:+z.3f}, {high:+z.3f}]"
