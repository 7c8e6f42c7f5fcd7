"""What stands beside quality: time, multiply-adds and memory, each column from one stated setting.

Two times compare only where size, device, threads and machine are equal. So each column takes the setting that most of
its methods were measured in, states it under the table, and is a dash for methods that were measured in another one.
Seconds come from the rows and are by data set, for clips of another size take another time; the rest is profiled.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from stvsr_bench import protocols
from stvsr_bench.report.labels import MethodKey, listed, method_label
from stvsr_bench.report.select import method_keys
from stvsr_bench.report.tables.cost import Profile, frame_ms, given, gmacs, hardware, of_kind, threads_of
from stvsr_bench.report.tables.table import FACTS
from stvsr_bench.rows.gate_costs import task_of
from stvsr_bench.schema import EvalProtocol

Setting = TypeVar("Setting", bound=Hashable)
PROFILED = ("gmacs", "gmacs_fast", "runtime_ms", "memory_mib")
# not shown unless asked for: what the paper's order of computation takes is the figure that people cite
_ON_DEMAND = ("gmacs_fast",)


@dataclass(frozen=True)
class Beside:
    """The facts of each method, the names of the columns, and the sentences that state their settings.

    `missing` are those of the sentences that name what was asked for and no method has.
    """

    facts: dict[MethodKey, dict[str, float]]
    names: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()


def beside(
    tidy: pd.DataFrame, profiles: Sequence[Profile], asked: Sequence[str], machines: Mapping[str, str]
) -> Beside:
    """What stands beside the quality of the methods of one table; `asked` are the facts to show, empty for all.

    `machines` names the host of each environment; rows of other environments are of other hosts.
    """
    methods = method_keys(tidy)
    facts_of = tidy[["method", "weights", "name", "tag", "params", "row"]]  # not the whole table once more
    lines = dict(list(facts_of.groupby(["method", "weights"], sort=False)))
    facts: dict[MethodKey, dict[str, float]] = {key: _params(lines[key]) for key in methods}
    notes: list[str] = []
    wanted = [name for name in FACTS if (name in asked if asked else name not in _ON_DEMAND)]
    of_any_code = {key: _candidates(lines[key], profiles) for key in methods}
    every = {key: _of_code(of, lines[key]) for key, of in of_any_code.items()}
    notes += _other_code(of_any_code, every)
    known_as = protocols.known(str(tidy["protocol"].iloc[0])) if len(tidy) else None
    costs = {key: [one for one in of if _does(one, known_as)] for key, of in every.items()}
    notes += _other_tasks(every, costs)
    for key, of in every.items():
        known = [profile["params"] / 1e6 for profile in of if profile.get("params") is not None]
        if known:
            facts[key].setdefault("params", known[-1])
    stated: dict[str, list[str]] = defaultdict(list)
    for name in [name for name in PROFILED if name in wanted]:
        stated_as = _profiled(name, costs, facts, notes)
        if stated_as:
            stated[stated_as].append(FACTS[name].title)
    names = [name for name in wanted if name != "seconds"]
    if "seconds" in wanted:
        times = ["dataset", "method", "weights", "seconds", "size", "device", "threads", "env"]
        for dataset, part in tidy[times].groupby("dataset", sort=False):
            names.append(f"seconds:{dataset}")
            notes = [*notes, *_seconds(str(dataset), part, machines, facts)]
    said = [f"{', '.join(titles)}: {setting}" for setting, titles in stated.items()]
    order = [name for name in (asked or FACTS) if name in wanted]
    names.sort(key=lambda name: order.index(name.partition(":")[0]))
    shown = [name for name in names if asked or any(name in of for of in facts.values())]
    missing = _missing(asked, facts)
    return Beside(facts, tuple(shown), (*said, *notes, *missing), missing)


def _missing(asked: Sequence[str], facts: Mapping[MethodKey, Mapping[str, float]]) -> tuple[str, ...]:
    """A sentence for the costs that were asked for and that no method has: a column of dashes says nothing."""
    titles = [FACTS[name].title for name in PROFILED if name in asked and not any(name in of for of in facts.values())]
    how = "stvsr-bench profile METHOD ... --out RUN (the run folder) measures it; then write the report again"
    return (f"{', '.join(titles)}: not measured for any of these methods. {how}",) if titles else ()


def most_frequent(of_methods: Mapping[MethodKey, Iterable[Setting]]) -> Setting | None:
    """The setting that most methods have; of equally frequent ones the one with most measurements, then the last."""
    methods: dict[Setting, int] = {}
    measured: dict[Setting, int] = {}
    for settings in of_methods.values():
        found = list(settings)
        for setting in dict.fromkeys(found):
            # moved to the end, so that the last of equals is the one measured last
            methods[setting] = methods.pop(setting, 0) + 1
            measured[setting] = measured.get(setting, 0) + found.count(setting)
    if not methods:
        return None
    return max(reversed(methods), key=lambda setting: (methods[setting], measured[setting]))


def _params(mine: pd.DataFrame) -> dict[str, float]:
    known = mine["params"].dropna()
    return {"params": float(known.iloc[0]) / 1e6} if len(known) else {}


# -- what was profiled --------------------------------------------------------------------------------------------


def _candidates(mine: pd.DataFrame, profiles: Sequence[Profile]) -> list[Profile]:
    """The profiles of a method: of its options, precision and compiling, with its weights or as many parameters.

    Speed does not depend on the values of weights, but weights may bring a smaller network of the same name.
    """
    name, tag = str(mine["name"].iloc[0]), str(mine["tag"].iloc[0])
    spec, _, way = name.partition(" [")
    ways = [word for word in way.rstrip("]").split(",") if word]
    precision = next((word for word in ways if word != "compile" and not word.startswith("tile")), "fp32")
    if any(word.startswith("tile") for word in ways):  # profiles are of whole frames
        return []
    known = mine["params"].dropna()
    params = float(known.iloc[0]) if len(known) else None
    return [
        profile
        for profile in of_kind(profiles)
        if profile.get("method") == spec
        and (profile.get("precision") or "fp32") == precision
        and bool(profile.get("compile")) == ("compile" in ways)
        and _same_network(profile, tag, params)
    ]


def _of_code(profiles: list[Profile], mine: pd.DataFrame) -> list[Profile]:
    """The profiles of the code that made the rows; profiles and rows of earlier versions do not say it."""
    codes = {row.made.get("code") for row in mine["row"]}
    return [one for one in profiles if not one.get("code") or {None, one["code"]} & codes]


def _other_code(
    of_any_code: Mapping[MethodKey, Sequence[Profile]], every: Mapping[MethodKey, Sequence[Profile]]
) -> list[str]:
    """A sentence for methods that were profiled, and whose code changed before their rows were made."""
    names = [method_label(*key) for key, of in of_any_code.items() if of and not every[key]]
    return [f"cost of {listed(names)}: profiled with other code than that of the rows; profile again"] if names else []


def _does(profile: Profile, protocol: EvalProtocol | None) -> bool:
    """Whether a profile is of what the protocol asks for: at another scale or time scale a network does other work."""
    if protocol is None:
        return True
    scale, time_scale = task_of(profile)
    # a network that only upscales makes no frames between, whatever its profile says
    times = protocol.time_scale if profile.get("group") == "sr" else time_scale
    return (scale, times) == protocols.task(protocol)


def _other_tasks(
    every: Mapping[MethodKey, Sequence[Profile]], costs: Mapping[MethodKey, Sequence[Profile]]
) -> list[str]:
    """A sentence for methods that were profiled at other scales and times only."""
    names = [method_label(*key) for key, of in every.items() if of and not costs[key]]
    if not names:
        return []
    return [f"cost of {listed(names)}: profiled at another scale or time scale only, which is other work"]


def _same_network(profile: Profile, tag: str, params: float | None) -> bool:
    of_profile = profile.get("params")
    if params is not None and of_profile is not None:
        return bool(of_profile == params)
    return profile.get("weights") == tag


def _value(name: str, profile: Profile) -> float | None:
    if name == "runtime_ms":
        return frame_ms(profile)
    if name == "memory_mib":
        value = profile.get("peak_memory_mib")
        return None if value is None else float(value)
    plain, fast = gmacs(profile)
    return plain if name == "gmacs" else fast


def _setting(name: str, profile: Profile) -> tuple[str, ...]:
    """What must be equal for two values of this fact to be comparable; multiply-adds are the same on every machine."""
    made_of = given(profile)
    if name.startswith("gmacs"):
        return (made_of,)
    layout = ("channels_last",) if profile.get("channels_last") else ()
    threads = threads_of(profile.get("threads"))
    where = f"{hardware(profile)} ({profile.get('machine', '')})"
    return (made_of, str(profile.get("device", "")), *layout, threads, where)


def _profiled(
    name: str, costs: Mapping[MethodKey, Sequence[Profile]], facts: dict[MethodKey, dict[str, float]], notes: list[str]
) -> str:
    """Puts one fact into `facts`, of the setting that most methods share; the setting in words, "" without a value."""
    values = {
        key: [(_setting(name, profile), value) for profile in of if (value := _value(name, profile)) is not None]
        for key, of in costs.items()
    }
    usual = most_frequent({key: [setting for setting, _ in of] for key, of in values.items()})
    if usual is None:
        usual = ()
    elsewhere: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, of in values.items():
        mine = [value for setting, value in of if setting == usual]
        if mine:
            facts[key][name] = mine[-1]
        elif of:
            elsewhere[of[-1][0]].append(method_label(*key))
    for setting, names in elsewhere.items():
        notes.append(f"{FACTS[name].title} of {', '.join(names)} was measured in another setting: {', '.join(setting)}")
    if name == "gmacs":
        only_fast = [method_label(*key) for key, of in costs.items() if not values[key] and any(map(_of_fast, of))]
        if only_fast:
            notes.append(
                f"GMACs of {', '.join(only_fast)}: only the fast engine was counted, not the paper's order of "
                "computation; profile again"
            )
    return ", ".join(usual)


def _of_fast(profile: Profile) -> bool:
    return gmacs(profile)[1] is not None


# -- what the rows say --------------------------------------------------------------------------------------------


def _seconds(
    dataset: str, part: pd.DataFrame, machines: Mapping[str, str], facts: dict[MethodKey, dict[str, float]]
) -> list[str]:
    timed = part[part["seconds"].notna()]
    # from one process to the next the same network on the same clip: precision and tiles are in the method's name
    settings = [
        (size, device, threads, machines.get(env) or env)
        for size, device, threads, env in zip(
            timed["size"], timed["device"], timed["threads"], timed["env"], strict=True
        )
    ]
    keys = list(zip(timed["method"], timed["weights"], strict=True))
    of_methods: dict[MethodKey, list[tuple[tuple[int, int], str, str, str]]] = defaultdict(list)
    for key, setting in zip(keys, settings, strict=True):
        of_methods[key].append(setting)
    usual = most_frequent(of_methods)
    if usual is None:
        return []
    here = timed.loc[np.array([setting == usual for setting in settings], dtype=bool)]
    for key, mine in here.groupby(["method", "weights"], sort=False):
        facts[key][f"seconds:{dataset}"] = float(mine["seconds"].median())
    (height, width), device, threads, _ = usual
    words = [
        f"clips of {width}x{height}",
        *([str(device)] if device else []),
        *([threads_of(threads)] if threads else []),
    ]
    notes = [f"Time, {dataset}: median of {', '.join(words)}"]
    others = [method_label(*key) for key in of_methods if usual not in of_methods[key]]
    if others:
        notes.append(f"Time, {dataset}: {', '.join(others)} was timed in another setting or on another machine")
    return notes
