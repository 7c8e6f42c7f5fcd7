"""What methods cost, from `profile.jsonl`: one table of everything that must be known to compare two times."""

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from stvsr_bench.report.frames import method_label
from stvsr_bench.report.tables import FACTS, shown

Profile = dict[str, Any]
FIELDS = ("method", "weights", "device", "machine", "hardware", "threads", "precision", "frames", "size")
NUMBERS = ("params", "gmacs", "runtime_ms", "iqr_ms", "calls", "memory_mib")


def of_kind(profiles: Sequence[Profile], kind: str = "profile") -> list[Profile]:
    """The profiles of one kind: `profile` (one stated input), `sweep` (several sizes), `topt` (several T)."""
    return [profile for profile in profiles if profile.get("kind", "profile") == kind]


def frame_ms(profile: Profile) -> float | None:
    """Milliseconds per output frame."""
    timing = profile.get("runtime_ms") or {}
    if timing.get("frame_ms") is not None:
        return float(timing["frame_ms"])
    frames = profile.get("frames_out")
    return float(timing["median"]) / int(frames) if timing.get("median") is not None and frames else None


def costs(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """One flat record per profile; later ones of the same method, device and setting replace earlier ones."""
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for profile in of_kind(profiles):
        record = _record(profile)
        latest[tuple(record[name] for name in FIELDS)] = record
    return list(latest.values())


def costs_md(profiles: Sequence[Profile]) -> str:
    """The costs as Markdown; times of different machines stand together but must not be compared."""
    from stvsr_bench.report.markdown import text_md

    records = costs(profiles)
    if not records:
        return ""
    lines = [
        [
            text_md(method_label(str(one["method"]), str(one["weights"] or ""))),
            shown(one["params"], FACTS["params"]),
            shown(one["gmacs"], FACTS["gmacs"]),
            shown(one["runtime_ms"], FACTS["runtime_ms"]),
            shown(one["memory_mib"], FACTS["memory_mib"]),
            text_md(f"{one['frames']} of {one['size']}"),
            text_md(f"{one['device']}, {one['precision']}, {one['threads'] or '?'} threads"),
            text_md(f"{one['hardware']} ({one['machine']})"),
        ]
        for one in records
    ]
    names = ["Method", *(FACTS[name].label for name in ("params", "gmacs", "runtime_ms", "memory_mib"))]
    align = ["left", *["right"] * 4, "left", "left", "left"]
    grid = tabulate(
        lines, headers=[*names, "Input", "Setting", "Machine"], tablefmt="pipe", disable_numparse=True, colalign=align
    )
    said = (
        "GMACs: 1e9 multiply-adds of one window, one multiply-add counted as one. Runtime: median per output frame. "
        "Times are comparable only on one machine and setting."
    )
    return "\n".join(["## Cost", "", str(grid), "", said, ""])


def costs_csv(profiles: Sequence[Profile]) -> str:
    """The costs as CSV."""
    from stvsr_bench.report.csvjson import lines_csv

    records = costs(profiles)
    names = (*FIELDS, *NUMBERS)
    return lines_csv([names, *([one[name] for name in names] for one in records)])


def _record(profile: Profile) -> dict[str, Any]:
    timing = profile.get("runtime_ms") or {}
    facts = profile.get("machine_facts") or {}
    size = profile.get("size") or []
    params = profile.get("params")
    return {
        "method": profile.get("method", ""),
        "weights": profile.get("weights", ""),
        "device": profile.get("device", ""),
        "machine": profile.get("machine", ""),
        "hardware": facts.get("gpu") or facts.get("cpu") or "",
        "threads": profile.get("threads"),
        "precision": profile.get("precision", ""),
        "frames": profile.get("frames"),
        "size": "x".join(str(side) for side in reversed(size)),
        "params": None if params is None else params / 1e6,
        "gmacs": profile.get("gmacs"),
        "runtime_ms": frame_ms(profile),
        "iqr_ms": timing.get("iqr"),
        "calls": timing.get("n"),
        "memory_mib": profile.get("peak_memory_mib"),
    }
