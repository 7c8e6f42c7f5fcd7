"""Two rows of one key made one: of two folders that measured the same, or of two commands with other metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stvsr_bench.errors import DataError
from stvsr_bench.rows.made import changed, said
from stvsr_bench.rows.tolerances import allowed
from stvsr_bench.schema import Row

# what must be equal for two rows to be of one thing; seconds, environment and the suite's version may differ
_SAME = (
    "method", "weights_sha256", "source", "dataset", "split", "clip", "protocol_key", "frames", "given", "size",
    "params", "truth", "input",
)  # fmt: skip
# where one row does not say it, it is of an older suite, and nothing contradicts the other
_MAY_BE_UNKNOWN = ("truth", "input", "source")


def joined(first: Row, second: Row, facts: Mapping[str, Any], where: str) -> Row:
    """One row of two of the same key: the first one's values, and what the second has besides.

    `facts` are the environments by their digest, `where` is what an error names.

    Raises:
        DataError: they differ in more than the time, by more than what `gate` allows between two such rows.
    """
    differ = [
        name
        for name in _SAME
        if getattr(first, name) != getattr(second, name)
        and not (name in _MAY_BE_UNKNOWN and "" in (getattr(first, name), getattr(second, name)))
    ]
    limits = allowed(first, second, facts.get(first.env, {}), facts.get(second.env, {})).limits
    differ += [
        name
        for name in sorted(first.values.keys() & second.values.keys())
        if not _alike(first.values[name], second.values[name], limits.get(name, 0.0))
    ]
    differ += [
        name
        for name in sorted(first.scalars.keys() & second.scalars.keys())
        if not _alike([first.scalars[name]], [second.scalars[name]], limits.get(name, 0.0))
    ]
    if differ:
        why = said(changed(first.made, second.made)) if first.made and second.made else ""
        raise DataError(
            f"{where}: {second.method} on {second.clip} has other values than the other row of it ({', '.join(differ)})"
            f"{why and f'; not made in the same way: {why}'}"
        )
    return replace(first, values={**second.values, **first.values}, scalars={**second.scalars, **first.scalars})


def _alike(first: Sequence[float], second: Sequence[float], limit: float) -> bool:
    old, new = np.asarray(first), np.asarray(second)
    if old.shape != new.shape or not np.array_equal(np.isfinite(old), np.isfinite(new)):
        return False
    finite = np.isfinite(old)
    if not np.array_equal(old[~finite], new[~finite], equal_nan=True):
        return False
    # of the mean, as the gate's limits are
    return abs(float((old[finite] - new[finite]).sum())) <= limit * len(old)
