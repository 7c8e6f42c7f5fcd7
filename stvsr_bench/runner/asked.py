"""The metrics that a command asks for: whether they are known, can run here, and what to know before they are read."""

from collections.abc import Sequence

from stvsr_bench import metrics, notes
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError

POOLED = "_pooled"  # a way of averaging clips, which `report` knows


def check_metrics(names: Sequence[str]) -> None:
    """Nothing; metrics that cannot be measured end here, before any clip is read.

    Raises:
        UnknownNameError: a metric that does not exist.
        UsageError: a mean over a set, which no clip has.
        NotRunnableError: one that needs a program or weights that are not here.
    """
    for name in names:
        if name not in metrics.METRICS:
            _refuse(name)
        if why := metrics.missing(name):
            raise NotRunnableError(f"metric {name}: {why}")
        if "_hfr_" in name:
            standard = name.replace("_hfr_", "_")
            # libvmaf does not read the rate: 24, 60 and 120 frames per second give one score (docs/metrics.md)
            notes.once(
                f"{name} is for clips of 50 to 60 frames per second (output rate). Nothing here reads the rate of "
                f"your clips: if it is 24 to 30, use {standard}, and never compare the two"
            )


def _refuse(name: str) -> None:
    of_clip = name.removesuffix(POOLED)
    if of_clip != name and of_clip in metrics.METRICS:
        raise UsageError(
            f"{name} is a mean over all clips, so it cannot be measured for one: measure --metrics {of_clip}, then "
            f"stvsr-bench report RUN --metrics {name}"
        )
    hint = f"Groups: {', '.join(metrics.groups())}; see stvsr-bench ls metrics"
    raise UnknownNameError("metric", name, metrics.METRICS, hint)
