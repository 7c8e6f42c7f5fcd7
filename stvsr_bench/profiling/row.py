"""One line of `profile.jsonl`: everything measured of one network, and on what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stvsr_bench import __version__, environment
from stvsr_bench.profiling import runtime
from stvsr_bench.profiling.case import Case
from stvsr_bench.profiling.flops import Flops
from stvsr_bench.profiling.memory import Peak
from stvsr_bench.profiling.params import Params
from stvsr_bench.profiling.runtime import Timing
from stvsr_bench.schema import Method

Kind = Literal["profile", "sweep", "topt"]


@dataclass(frozen=True)
class Measured:
    """What was measured of one case; a part that was not asked for is None.

    `plain_flops` are those of the plain engine, where `flops` are of another one.
    """

    made: tuple[int, int, int]
    params: Params | None = None
    flops: Flops | None = None
    plain_flops: Flops | None = None
    timing: Timing | None = None
    peak: Peak | None = None
    stages_ms: dict[str, float] = field(default_factory=dict)


def row(kind: Kind, method: Method, case: Case, found: Measured, machine: Mapping[str, Any]) -> dict[str, Any]:
    """The line: identity, setting, machine, then what was measured."""
    return {
        "kind": kind,
        "method": method.spec,
        "weights": method.weights_tag,
        "untrained": method.untrained,
        "code": method.code,
        "group": method.card.kind,
        "size": list(case.size),
        "scale": str(case.scale),
        "time_scale": case.time_scale,
        "frames": case.frames,
        "frames_out": found.made[0],
        "size_out": list(found.made[1:]),
        "pad": "{} {}x{}".format(case.pad, *case.padding) if any(case.padding) else "",
        "device": case.device,
        "precision": case.precision,
        "machine": environment.runtime_id(machine),
        "machine_facts": dict(machine),
        "threads": machine.get("threads"),
        **_params(found.params),
        **_flops(found.flops, found.made[0]),
        **_plain(found.plain_flops),
        **_timing(found),
        **_peak(found.peak),
        "suite": __version__,
    }


def _params(params: Params | None) -> dict[str, Any]:
    if params is None:
        return {}
    return {
        "params": params.total,
        "params_trainable": params.trainable,
        "buffers": params.buffers,
        "weights_mib": round(params.bytes / 2**20, 3),
        "params_by_module": params.by_module,
    }


def _flops(flops: Flops | None, frames_out: int) -> dict[str, Any]:
    """In units of 1e9 multiply-adds; one multiply-add is one."""
    if flops is None:
        return {}
    giga = 1e9
    return {
        "gmacs": flops.total / giga,
        "gmacs_frame": flops.total / giga / frames_out,
        # the two counters where both count, so that anyone may check that they agree
        "gmacs_both": flops.by_both / giga,
        "gmacs_second": flops.second / giga,
        "counters_agree": flops.agree,
        "gmacs_by_module": {name: count / giga for name, count in flops.by_module.items()},
        "gmacs_by_operator": {name: count / giga for name, count in flops.by_operator.items()},
        "uncounted": flops.uncounted,
        "flops_note": flops.note,
    }


def _plain(flops: Flops | None) -> dict[str, Any]:
    """The same in the paper's order of computation, for a network that a fast engine ran."""
    return {} if flops is None else {"gmacs_plain": flops.total / 1e9}


def _timing(found: Measured) -> dict[str, Any]:
    if found.timing is None:
        return {}
    return {
        "runtime_ms": {**found.timing.facts(), **runtime.per(found.timing, found.made)},
        "stages_ms": found.stages_ms,
    }


def _peak(peak: Peak | None) -> dict[str, Any]:
    if peak is None:
        return {}
    if not peak.fits:
        return {"peak_memory_mib": None, "memory_note": peak.why}
    found = {"peak_memory_mib": round(peak.mib, 1), "import_mib": round(peak.import_mib, 1)}
    return found if peak.reserved_mib is None else {**found, "reserved_memory_mib": round(peak.reserved_mib, 1)}
