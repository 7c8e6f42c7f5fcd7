"""What a run folder holds of a plan, and whether it still holds: the same code, card, weights, data and settings.

A row counts as done only if measuring it now would give it again. What changed is found without a network and, where
the files of a clip have the sizes and times that they had, without decoding one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stvsr_bench import protocols
from stvsr_bench.datasets import Clips
from stvsr_bench.errors import BenchError
from stvsr_bench.rows import frames, store
from stvsr_bench.rows.lines import Head
from stvsr_bench.rows.made import changed, said
from stvsr_bench.runner.engines.tasks import Task
from stvsr_bench.schema import Row

OTHER_FRAMES = "the frames of the clip changed"
Opened = Callable[[Task], Clips]


@dataclass
class Found:
    """What is on disk of some tasks.

    `finished` are the keys of rows that hold; `stale` those of rows that do not, each with what changed; `before` rows
    that hold but lack a metric that is asked for, or were scored by other code, by key; `restamped` rows whose files
    are new and whose frames are the same.
    """

    finished: set[str] = field(default_factory=set)
    stale: dict[str, str] = field(default_factory=dict)
    before: dict[str, Row] = field(default_factory=dict)
    restamped: list[Row] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def look(run: Path, tasks: Sequence[Task], metrics: Sequence[str], opened: Opened) -> Found:
    """What a run folder holds of these tasks. Nothing is written."""
    if not run.is_dir():
        return Found()
    of = {key: task for task in tasks for key in task.keys}
    heads, replaced = _heads(run, tasks, of)
    found = Found()
    reasons: Counter[tuple[str, str, str]] = Counter()
    stamps: dict[tuple[str, ...], str] = {}
    doubtful, rescore = set(), set()
    for key, head in heads.items():
        what = changed(head.made, of[key].made)
        if what and what != ["scoring"]:
            _stale(found, reasons, head, said_of(what))
            continue
        if what:
            rescore.add(key)
        if head.stamp and head.stamp == _stamp(of[key], opened, stamps):
            found.finished.add(key)
        else:
            doubtful.add(key)
    for head in replaced:
        _stale(found, reasons, head, "its weights changed")
    if doubtful:
        _compare_data(run, doubtful, of, opened, found, reasons, heads)
    _what_is_missing(run, rescore, metrics, found, reasons)
    found.changes = [_sentence(*where, count) for where, count in reasons.items()]
    return found


def settle(run: Path, found: Found) -> None:
    """Make the folder say what was found: rows that no longer hold are moved away, with the frames saved of them."""
    gone = {row.key: row for row in store.stream_rows(run, found.stale.keys())} if found.stale else {}
    store.supersede(run, found.stale.keys())
    for row in gone.values():
        frames.forget(frames.place_of(run, row), truth=found.stale[row.key] == OTHER_FRAMES)
    if found.restamped:
        with store.Appender(store.rows_file(run)) as rows:
            for row in found.restamped:
                rows.row(row)


def said_of(what: list[str]) -> str:
    """Why rows are measured again."""
    if what == ["hidden"]:  # a Python object that holds what no digest can be made of
        return "part of its code cannot be read and may have changed"
    return "" if what == ["unknown"] else f"{said(what)} changed"


def _heads(run: Path, tasks: Sequence[Task], of: Mapping[str, Task]) -> tuple[dict[str, Head], list[Head]]:
    """The rows of these tasks by key; and rows of weights that lay where those of a task lie now."""
    slots: dict[tuple[str, ...], str] = {}
    named = {name for task in tasks for name in task.protocols}
    protocol_keys = {name: protocols.get(name).key for name in named}  # a digest each
    for task in tasks:
        for name, key in zip(task.protocols, task.keys, strict=True):
            if task.weights:  # of a method without weights, no file can have been another
                slots[task.name, task.weights, *task.place, protocol_keys[name]] = key
    heads: dict[str, Head] = {}
    others: dict[str, tuple[Head, Task]] = {}
    for head in store.heads(run):
        if head.key in of:
            heads[head.key] = head
        elif (slot := slots.get(head.slot)) is not None:
            others[head.key] = head, of[slot]
    came_from = "weights_from"
    # two files of one name are two networks; one file that was written anew is one network, trained further
    return heads, [head for head, task in others.values() if head.made.get(came_from) == task.made.get(came_from)]


def _stale(found: Found, reasons: Counter[tuple[str, str, str]], head: Head, why: str, about: str = "") -> None:
    found.stale[head.key] = why or "what made it is not known"
    reasons[about or head.method, why, "measuring"] += 1


def _sentence(about: str, why: str, how: str, count: int) -> str:
    rows = f"{count} row{'s' if count > 1 else ''}"
    them = "them" if count > 1 else "it"
    if not why:
        return f"{about}: {rows} of an earlier version do not say what made them; measuring {them} again"
    again = f"scoring {them} again, from saved frames where they are kept"
    were = "was" if count == 1 else "were"
    return f"{about}: {why} since {rows} {were} measured; {again if how == 'scoring' else f'measuring {them} again'}"


def _stamp(task: Task, opened: Opened, known: dict[tuple[str, ...], str]) -> str:
    where = (*task.place, task.protocols[0])
    if where not in known:
        try:
            known[where] = opened(task).stamp(task.clip)
        except BenchError:
            known[where] = ""  # measuring it says what is wrong
    return known[where]


def _compare_data(
    run: Path,
    keys: set[str],
    of: Mapping[str, Task],
    opened: Opened,
    found: Found,
    reasons: Counter[tuple[str, str, str]],
    heads: Mapping[str, Head],
) -> None:
    """Decode the clips whose files are not as they were, and compare their digests with those of the rows."""
    from stvsr_bench.runner.evaluate import prepared  # torch: only where frames must be looked at

    rows = {row.key: row for row in store.stream_rows(run, keys)}
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key in keys:
        groups[*of[key].place, of[key].protocols[0]].append(key)
    for alike in groups.values():
        task = of[alike[0]]
        protocol = protocols.get(task.protocols[0])
        try:
            clip, _, data = prepared(opened(task).read(task.clip), protocol)
        except BenchError as error:
            clip, data, why = None, None, f"a clip can no longer be read ({error})"
        for key in alike:
            row = rows[key]
            same = clip is not None and (row.truth, row.input) == data and _lists(clip.flags) == _lists(row.flags)
            if same and clip is not None:
                found.finished.add(key)
                found.restamped.append(replace(row, stamp=clip.stamp))
                continue
            why = OTHER_FRAMES if clip is not None else why
            _stale(found, reasons, heads[key], why, f"{task.label}/{task.split}/{task.clip}")


def _lists(flags: Iterable[str]) -> set[str]:
    return {flag for flag in flags if flag.startswith("list-")}


def _what_is_missing(
    run: Path, rescore: set[str], metrics: Sequence[str], found: Found, reasons: Counter[tuple[str, str, str]]
) -> None:
    """Rows that hold and are not all that is asked for: they stay, and what is new is added."""
    wanted = found.finished if metrics else found.finished & rescore
    rows = {row.key: row for row in store.stream_rows(run, wanted)} if wanted else {}  # of a key the last line counts
    for row in rows.values():
        lacks = set(metrics) - store.measured(row)
        if row.key in rescore:
            reasons[row.method, "the suite's scoring code changed", "scoring"] += 1
        if lacks or row.key in rescore:
            found.before[row.key] = row
    found.finished -= found.before.keys()
    found.restamped = [row for row in found.restamped if row.key not in found.before]
