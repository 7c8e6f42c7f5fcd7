"""The time response: quality at each time between two given frames, where a protocol makes several there.

The value at a time t is the mean of a clip's frames at that t, then the protocol's mean over clips. Frames that count
in no mean of the tables count in none here. A metric with a sign (`time_error`) keeps it: a method that lags and one
that leads are two curves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd

from stvsr_bench import protocols
from stvsr_bench.metrics import METRICS as KNOWN
from stvsr_bench.report.labels import MethodKey
from stvsr_bench.report.select import of_protocol
from stvsr_bench.report.tables.table import Table, display
from stvsr_bench.report.tidy import Floats, frames_out
from stvsr_bench.report.units import units_of
from stvsr_bench.report.windows import steps_of
from stvsr_bench.rows import counting
from stvsr_bench.schema import EvalProtocol, Row

METRICS = ("psnr_y", "time_error", "time_contrast")
FEWEST_TIMES = 2  # of one time between two frames there is no curve


@dataclass(frozen=True)
class Curve:
    """One method: its value at each step of 1 / time_scale and of how many clips it is a mean; step 0 is given.

    NaN where no clip has a value: a metric of interpolated frames has none at step 0.
    """

    method: MethodKey
    untrained: bool
    values: tuple[float, ...]
    clips: tuple[int, ...]


@dataclass(frozen=True)
class Response:
    """One metric on one split under one protocol: a curve for each method that has it."""

    protocol: str
    protocol_key: str
    dataset: str
    split: str
    metric: str
    time_scale: int
    clips: int
    curves: tuple[Curve, ...]

    @property
    def times(self) -> tuple[Fraction, ...]:
        """The time of each step, in gaps between given frames."""
        return tuple(Fraction(step, self.time_scale) for step in range(self.time_scale))

    @property
    def label(self) -> str:
        """What the values are, as an axis says it."""
        how = display(self.metric)
        return replace(how, title=f"Signed {how.title.lower()}").label if self.signed else how.label

    @property
    def signed(self) -> bool:
        """Whether values below zero and above it say different things."""
        return self.metric in KNOWN and KNOWN[self.metric].signed


def responses(tables: Sequence[Table], tidy: pd.DataFrame) -> list[Response]:
    """The time responses of some tables; `tidy` holds the lines that they were made of."""
    found = []
    for table in tables:
        protocol = protocols.known(table.protocol)
        # an older version had other windows, perhaps
        if protocol is None or protocol.key != table.protocol_key or protocol.time_scale <= FEWEST_TIMES:
            continue
        mine = of_protocol(tidy, table.protocol_key)
        methods, steps = [(line.method, line.weights) for line in table.lines], _Steps(protocol)
        for _, part in mine.groupby(["dataset", "split"], sort=False):
            made = (_response(part, methods, metric, steps) for metric in METRICS)
            found += [one for one in made if one is not None]
    return found


class _Steps:
    """The steps of rows under one protocol; rows of equal frames share the work."""

    def __init__(self, protocol: EvalProtocol) -> None:
        self.protocol = protocol
        self._known: dict[tuple[tuple[int, ...], tuple[bool, ...]], Mapping[int, int]] = {}

    def of(self, row: Row) -> Mapping[int, int]:
        """See `steps_of`."""
        layout = (tuple(row.frames), tuple(row.given))
        if layout not in self._known:
            self._known[layout] = steps_of(row, self.protocol)
        return self._known[layout]


def _response(part: pd.DataFrame, methods: Sequence[MethodKey], metric: str, steps: _Steps) -> Response | None:
    curves = [curve for method in methods if (curve := _curve(part, method, metric, steps)) is not None]
    if not curves:
        return None
    first = part.iloc[0]
    place = (str(first["protocol"]), str(first["protocol_key"]), str(first["dataset"]), str(first["split"]))
    clips = max(max(curve.clips) for curve in curves)
    return Response(*place, metric, steps.protocol.time_scale, clips, tuple(curves))


def _curve(part: pd.DataFrame, method: MethodKey, metric: str, steps: _Steps) -> Curve | None:
    mine = part[(part["method"] == method[0]) & (part["weights"] == method[1])]
    if frames_out(metric) not in mine.columns:
        return None
    per_clip: dict[str, Floats] = {}
    for clip, row, out in zip(mine["clip"], mine["row"], mine[frames_out(metric)], strict=True):
        if (known := row.values.get(metric)) is not None:
            values_S = counting.counted(known, row.frames, out if isinstance(out, frozenset) else counting.NONE)
            per_clip[str(clip)] = _by_step(row, values_S, steps.of(row), steps.protocol.time_scale)
    if not per_clip:
        return None
    values_nT = np.stack(list(per_clip.values()))
    if np.isfinite(values_nT[:, 1:]).any(axis=0).sum() < FEWEST_TIMES:
        return None
    units = units_of(mine, list(per_clip))
    means = tuple(units.mean(of_step) for of_step in values_nT.T)
    counts = tuple(int(n) for n in (~np.isnan(values_nT)).sum(axis=0))
    return Curve(method, bool(mine["untrained"].any()), means, counts)


def _by_step(row: Row, values_S: Floats, steps: Mapping[int, int], time_scale: int) -> Floats:
    """The mean of a clip's frames at each step; NaN where none of them has a value."""
    of_frame = np.array([steps.get(index, -1) for index in row.frames])
    kept = [values_S[(of_frame == step) & ~np.isnan(values_S)] for step in range(time_scale)]
    return np.array([of.mean() if of.size else np.nan for of in kept])
