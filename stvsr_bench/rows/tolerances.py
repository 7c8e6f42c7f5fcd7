"""How far the same measurement may differ between two computations, and why so far.

What no processor may move (PSNR, SSIM, degradation, decoding, methods without a network) has no tolerance. Networks
have ten times the worst that was measured between code paths of one processor (docs/measured.md, "Code paths").
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stvsr_bench import environment
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.metrics import METRICS
from stvsr_bench.schema import Row

Facts = Mapping[str, Any]  # one entry of env.json
Limits = Mapping[str, float]

# Largest change of a clip's mean. Numba and OpenCV sum SSIM in other orders: 2e-15 apart were seen
EXACT: Limits = {"psnr_y": 0.0, "ssim_y": 0.0, "psnr_rgb": 0.0, "ssim_rgb": 0.0}
OTHER_KERNELS: Limits = {"psnr_y": 0.0, "ssim_y": 1e-13, "psnr_rgb": 0.0, "ssim_rgb": 1e-13}
SAME_MACHINE: Limits = {"psnr_y": 1e-6, "ssim_y": 1e-8, "psnr_rgb": 1e-6, "ssim_rgb": 1e-8}
OTHER_CODE: Limits = {"psnr_y": 4e-4, "ssim_y": 5e-6, "psnr_rgb": 4e-4, "ssim_rgb": 5e-6}
# Largest change of one frame's PSNR-Y, in dB
SAME_MACHINE_FRAME_DB = 1e-6
OTHER_CODE_FRAME_DB = 2e-3

# numba is judged apart (`_numba`, `_other_machine`): bit-exact rows do not depend on its version
_LIBRARIES = {"torch": "torch", "opencv-python-headless": "OpenCV", "numpy": "numpy"}  # those that compute


@dataclass(frozen=True)
class Allowed:
    """The largest change of a clip's mean by metric, of one frame's PSNR-Y in dB, and the reason in a few words."""

    limits: Limits
    frame_db: float
    why: str


def allowed(old: Row, new: Row, old_facts: Facts, new_facts: Facts) -> Allowed:
    """What may lie between two rows of one measurement, from how and where each was made."""
    libraries = _other_libraries(old_facts, new_facts)
    exact = old.bit_exact and new.bit_exact and not libraries and _x86(old_facts) and _x86(new_facts)
    if exact and _numba(old_facts) == _numba(new_facts):
        return Allowed(EXACT, 0.0, "bit-exact methods: equal on every CPU")
    if exact:
        return Allowed(OTHER_KERNELS, 0.0, "bit-exact methods, one side without numba: SSIM is summed in another order")
    if differ := [*libraries, *_other_machine(old_facts, new_facts), *_other_way(old, new)]:
        return Allowed(OTHER_CODE, OTHER_CODE_FRAME_DB, ", ".join(differ))
    return Allowed(SAME_MACHINE, SAME_MACHINE_FRAME_DB, "the same machine, versions and threads")


def checked(tolerances: Mapping[str, float]) -> Limits:
    """Tolerances of a user, as they may be used.

    Raises:
        UnknownNameError: a metric that the suite does not know.
        UsageError: a tolerance that is no number, negative, NaN or infinite: it would judge nothing.
    """
    for metric, limit in tolerances.items():
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < math.inf:
            raise UsageError(f"tolerance of {metric}: {limit!r} is not a number from 0 on; write e.g. 0.01")
    return {metric: float(limit) for metric, limit in tolerances.items()}


def _other_libraries(old: Facts, new: Facts) -> list[str]:
    before, after = part(old, "versions"), part(new, "versions")
    return [
        f"another {title} ({before.get(name, '?')} and {after.get(name, '?')})"
        for name, title in _LIBRARIES.items()
        if before.get(name) != after.get(name)
    ]


def _other_machine(old: Facts, new: Facts) -> list[str]:
    ids = [environment.machine_id(part(facts, "machine")) for facts in (old, new)]
    if not all(ids):
        return ["a machine that is not known well enough"]
    found = [] if ids[0] == ids[1] else ["another machine or code path"]
    numba = [part(facts, "versions").get("numba") for facts in (old, new)]  # compiles kernels of networks
    return found if numba[0] == numba[1] else [*found, f"another numba ({numba[0] or 'none'} and {numba[1] or 'none'})"]


def _other_way(old: Row, new: Row) -> list[str]:
    """Threads and device of the rows; networks add in another order with other threads."""
    found = []
    for name, title in (("threads", "threads"), ("device", "device")):
        before, after = old.how.get(name, ""), new.how.get(name, "")
        if before != after:
            found.append(f"other {title} ({before or '?'} and {after or '?'})")
    return found


def _x86(facts: Facts) -> bool:
    return str(part(facts, "machine").get("system", "")).lower().endswith(("x86_64", "amd64"))


def _numba(facts: Facts) -> bool:
    """Whether SSIM was summed by the compiled kernels."""
    variables = part(part(part(facts, "machine"), "code_paths"), "variables")
    return bool(part(facts, "versions").get("numba")) and variables.get("STVSR_BENCH_NUMBA") != "0"


def part(facts: Facts, name: str) -> Facts:
    """A table inside a table; empty where it is missing or something else (env.json is a file like any other)."""
    found = facts.get(name) if isinstance(facts, Mapping) else None
    return found if isinstance(found, Mapping) else {}
