"""A row of a run against its row of the baseline: what it is a row of, and every metric of it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from stvsr_bench.metrics import METRICS, has_gaps
from stvsr_bench.rows.comparison import both_finite
from stvsr_bench.rows.judgement import Move, Names, Verdict
from stvsr_bench.schema import Row

# What must be equal besides what rows are matched by; means over other frames are other quantities
_FRAMES = {"frames": "frames scored", "given": "input frames"}
_FACTS = {
    "weights_sha256": "weights",
    "params": "parameters",
    "size": "size",
    "kind": "kind",
    "protocol": "protocol",
    "restoring_key": "restoring protocol",
    "untrained": "untrained",
    "flags": "flags",
    "truth": "true frames",
    "input": "low-resolution frames",
}
_MAY_BE_UNKNOWN = ("truth", "input")  # rows of an older suite do not say them


def compare(a: Row, b: Row, limits: Mapping[str, float], names: Names) -> tuple[list[Move], int]:
    """What moved in one clip, and how many metrics were compared; a metric without a limit must only be there."""
    both = [(name, getattr(a, name), getattr(b, name)) for name in (*_FACTS, *_FRAMES)]
    found = [
        (name, old, new) for name, old, new in both if old != new and not (name in _MAY_BE_UNKNOWN and "" in (old, new))
    ]
    moves = [_changed(a, *one, names) for one in found]
    # a row that no longer calls itself bit-exact would be held to a looser tolerance
    if a.bit_exact and not b.bit_exact:
        moves.append(Move("changed", names.method(a), names.place(a), "bit-exact", "yes", "no"))
    if any(name in _FRAMES for name, _, _ in found):
        return moves, 1
    compared = 0
    for metric in dict.fromkeys((*a.values, *a.scalars, *b.values, *b.scalars)):
        old, new = values_of(a, metric), values_of(b, metric)
        compared += old is not None and new is not None and metric in limits
        found_move = _metric(a, metric, old, new, limits.get(metric))
        if found_move is not None:
            verdict, what, before, after = found_move
            moves.append(Move(verdict, names.method(a), names.place(a), what, before, after))
    return moves, compared


def values_of(row: Row, metric: str) -> Sequence[float] | None:
    """A metric's values, one a frame, or the one of the clip; None where the row lacks it."""
    if metric in row.values:
        return row.values[metric]
    return [row.scalars[metric]] if metric in row.scalars else None


def _changed(a: Row, name: str, old: object, new: object, names: Names) -> Move:
    before, after = (_text(side, other) for side, other in ((old, new), (new, old)))
    return Move("changed", names.method(a), names.place(a), {**_FACTS, **_FRAMES}[name], before, after)


def _text(side: object, other: object) -> str:
    """A value in a few letters; of two long lists, where they first differ."""
    if isinstance(side, str):
        return side[:12]
    if not isinstance(side, list) or not isinstance(other, list) or len(str(side)) <= 24:
        return str(side)
    differ = next((i for i, (x, y) in enumerate(zip(side, other, strict=False)) if x != y), None)
    return f"{len(side)}" if differ is None else f"{len(side)}, number {differ + 1} is {side[differ]}"


def _metric(
    row: Row, metric: str, old: Sequence[float] | None, new: Sequence[float] | None, limit: float | None
) -> tuple[Verdict, str, str, str] | None:
    """What is to be said of one metric of one clip; None where nothing is."""
    if new is None:
        return "missing", metric, "measured", "not measured"
    # NaN compares with nothing: it would pass every tolerance. Where frames may lack a value, they must be the same
    if _lacks(old or (), new, has_gaps(metric)):
        return "changed", f"{metric}: NaN", _count(np.isnan(old or [])), _count(np.isnan(new))
    if old is None or limit is None:
        return None
    per_frame = len(row.frames) if metric in row.values else 1
    if len(old) != per_frame or len(new) != per_frame:
        return "changed", f"{metric}: values", f"{len(old)} of {per_frame}", f"{len(new)} of {per_frame}"
    if old == new:
        return None
    finite = both_finite(old, new, has_gaps(metric))
    if finite is None:  # a frame became equal to the truth, or ceased to be: no mean shows it
        return "changed", f"{metric}: infinite", _count(np.isinf(old), old), _count(np.isinf(new), new)
    if not finite.any():
        return None
    before, after = np.asarray(old)[finite], np.asarray(new)[finite]
    if not METRICS[metric].signed:
        return _mean(metric, before, after, limit)
    if moved := _mean(metric, np.abs(before), np.abs(after), limit):
        return moved
    turned = _mean(metric, before, after, limit)
    return turned and ("changed", f"{metric}: sign", *turned[2:])


def _lacks(old: Sequence[float], new: Sequence[float], gaps: bool) -> bool:
    """Whether a value is NaN that may not be."""
    nan = [[math.isnan(value) for value in side] for side in (old, new)]
    return bool(old) and nan[0] != nan[1] if gaps else any(map(any, nan))


def _mean(metric: str, old: np.ndarray, new: np.ndarray, limit: float) -> tuple[Verdict, str, str, str] | None:
    with np.errstate(over="ignore", invalid="ignore"):
        before, after = float(old.mean()), float(new.mean())
    if abs(after - before) <= limit:
        moved = int((old != new).sum())
        if limit or not moved:
            return None
        # what must be equal to the bit may not move from one frame to another either
        return "changed", f"{metric}: frames", "", f"{moved} of {len(old)} differ"
    better = after > before if METRICS[metric].higher_is_better else after < before
    verdict: Verdict = "improved" if better else "regressed"
    # papers print two decimals of dB and four of SSIM; a move that the gate stops must be visible
    digits = 4 if METRICS[metric].unit == "dB" else 6
    return verdict, metric, f"{before:.{digits}f}", f"{after:.{digits}f} ({after - before:+.2g})"


def _count(which: np.ndarray, values: Sequence[float] = ()) -> str:
    """How many, of how many, and how many of them are below zero."""
    below = sum(value == -np.inf for value in values)
    return f"{int(which.sum())} of {len(which)}" + (f" ({below} below zero)" if below else "")
