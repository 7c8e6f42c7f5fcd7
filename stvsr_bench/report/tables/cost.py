"""What methods cost, from `profile.jsonl`: one table of everything that must be known to compare two times."""

from collections.abc import Sequence
from typing import Any

from stvsr_bench.errors import counted
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.select import method_label
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import FACTS, shown

Profile = dict[str, Any]
# where all of these are equal, a later profile measured the same again and replaces the earlier one
FIELDS = (
    *("method", "weights", "device", "machine", "hardware", "threads", "precision", "compile", "channels_last"),
    *("frames", "size", "scale", "time_scale"),
)
SETTING = ("Input", "Setting", "Machine")
NUMBERS = ("params", "gmacs", "gmacs_fast", "runtime_ms", "iqr_ms", "calls", "memory_mib")


def of_kind(profiles: Sequence[Profile], kind: str = "profile") -> list[Profile]:
    """The profiles of one kind: `profile` (one stated input), `sweep` (several sizes), `topt` (several T)."""
    return [profile for profile in profiles if profile.get("kind", "profile") == kind]


def hardware(profile: Profile) -> str:
    """The name of the GPU or processor that was profiled on."""
    facts = profile.get("machine_facts") or {}
    return str(facts.get("gpu") or facts.get("cpu") or "")


def threads_of(count: object) -> str:
    """A number of threads in words."""
    return f"{count or '?'} thread{'s' if str(count) != '1' else ''}"


def gmacs(profile: Profile) -> tuple[float | None, float | None]:
    """1e9 multiply-adds in the paper's order of computation, and those of a fast engine; None where not counted.

    0 means that no operator with a formula was seen, so it is no count either.
    """
    counted = profile.get("gmacs") or None
    if profile.get("engine", "") in ("", "plain"):
        return counted, None
    return profile.get("gmacs_plain") or None, counted


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
    """The costs as Markdown under a head of their own; nothing where nothing was profiled."""
    return f"## Cost\n\n{costs_grid(profiles)}" if of_kind(profiles) else ""


def costs_grid(profiles: Sequence[Profile]) -> str:
    """The costs as a Markdown table; what all of them share (input, setting, machine) stands under it.

    Times of different machines stand together but must not be compared.
    """
    records = costs(profiles)
    how = [
        (
            given(one),
            ", ".join([one["device"], one["precision"], *_ways(one), threads_of(one["threads"])]),
            f"{one['hardware']} ({one['machine']})",
        )
        for one in records
    ]
    own = [place for place in range(len(SETTING)) if len({of[place] for of in how}) > 1]
    shared = [f"{SETTING[place]}: {how[0][place]}" for place in range(len(SETTING)) if place not in own]
    numbers = [name for name in FACTS if name in NUMBERS and _shown(name, records)]
    lines = [
        [
            text_md(method_label(str(one["method"]), "" if one["weights"] == "none" else str(one["weights"] or ""))),
            *(shown(one[name], FACTS[name]) for name in numbers),
            *(text_md(of[place]) for place in own),
        ]
        for one, of in zip(records, how, strict=True)
    ]
    names = ["Method", *(FACTS[name].label for name in numbers), *(SETTING[place] for place in own)]
    align = ["left", *["right"] * len(numbers), *["left"] * len(own)]
    grid = grid_md(names, lines, align)
    said = (
        "GMACs: 1e9 multiply-adds of one window in the paper's order of computation, one multiply-add counted as one; "
        "a dash where none were counted. Runtime: median per output frame. Times are comparable only on one machine "
        "and setting."
    )
    return "\n".join([grid, "", " ".join([f"{text_md('; '.join(shared))}." if shared else "", said]).strip(), ""])


def costs_csv(profiles: Sequence[Profile]) -> str:
    """The costs as CSV."""
    records = costs(profiles)
    names = (*FIELDS, *NUMBERS)
    return lines_csv([names, *([one[name] for name in names] for one in records)])


def given(profile: Profile) -> str:
    """What a profile was given and what it had to make of it, in words; x4 and twice the frames go without saying."""
    size = profile.get("size") or ""
    size = size if isinstance(size, str) else "x".join(str(side) for side in reversed(size))  # width first, as of video
    scale, time_scale = str(profile.get("scale") or 4), int(profile.get("time_scale") or 2)
    made = [f"x{scale}"] if scale != "4" else []
    made += [f"{time_scale} times the frames"] if time_scale != 2 else []
    return ", ".join([f"{counted(profile.get('frames') or 0, 'frame')} of {size}", *made])


def _shown(name: str, records: Sequence[dict[str, Any]]) -> bool:
    """Whether the costs have this column: only networks with a fast engine have a count of it."""
    return name != "gmacs_fast" or any(one[name] is not None for one in records)


def _ways(record: dict[str, Any]) -> list[str]:
    return [word for word in ("compile", "channels_last") if record[word]]


def _record(profile: Profile) -> dict[str, Any]:
    timing = profile.get("runtime_ms") or {}
    size = profile.get("size") or []
    plain, fast = gmacs(profile)
    params = profile.get("params")
    return {
        "method": profile.get("method", ""),
        "weights": profile.get("weights", ""),
        "device": profile.get("device", ""),
        "machine": profile.get("machine", ""),
        "hardware": hardware(profile),
        "threads": profile.get("threads"),
        "precision": profile.get("precision", ""),
        "compile": bool(profile.get("compile")),
        "channels_last": bool(profile.get("channels_last")),
        "frames": profile.get("frames"),
        "size": "x".join(str(side) for side in reversed(size)),  # width first, as video sizes are written
        "scale": str(profile.get("scale") or 4),
        "time_scale": int(profile.get("time_scale") or 2),
        "params": None if params is None else params / 1e6,
        "gmacs": plain,
        "gmacs_fast": fast,
        "runtime_ms": frame_ms(profile),
        "iqr_ms": timing.get("iqr"),
        "calls": timing.get("n"),
        "memory_mib": profile.get("peak_memory_mib"),
    }
