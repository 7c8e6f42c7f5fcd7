"""From what was asked to the tasks that are not done yet, without decoding a frame or building a network."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stvsr_bench import datasets, environment, methods, metrics, protocols, words
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.methods import Identity
from stvsr_bench.rows import manifest
from stvsr_bench.rows.identity import job, name_of
from stvsr_bench.runner.asked import check_metrics
from stvsr_bench.runner.engines.tasks import Setup, Task
from stvsr_bench.runner.made import made_by
from stvsr_bench.runner.resume import Found, look
from stvsr_bench.schema import EvalProtocol, Reading, Settings

RUNS = Path("runs")
# CPU threads of a worker. Not "all cores": a network adds in another order with other threads, and its numbers must
# depend neither on the machine's size nor on how many workers share the clips
THREADS = 1
MOST_THREADS = 1024
MOST_SECONDS = 1_000_000  # the system's clocks count milliseconds in 32 bits
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
ENGINES = ("local", "dask")
DEVICES = ("cpu", "cuda", "mps", "auto")


@dataclass(frozen=True)
class RunSpec:
    """What `stvsr-bench run` was asked for; written as `run.toml`, which replays it."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    protocols: tuple[str, ...] = (protocols.DEFAULT,)
    metrics: tuple[str, ...] = ()
    root: Path | None = None
    out: Path = RUNS / "default"
    limit: float = 0
    clips: tuple[str, ...] = ()
    shard: tuple[int, int] = (1, 1)
    engine: str = "local"
    address: str = ""
    jobs: int = 1
    threads: int = 0
    timeout_s: float = 0
    save_frames: str = "worst:3"
    overwrite: bool = False
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    include: tuple[Path, ...] = ()
    override: tuple[str, ...] = ()
    trust_pickle: bool = False
    reading: Reading = field(default_factory=Reading)
    objects: tuple[str, ...] = ()  # those of `methods` that exist only in a Python session

    @property
    def threads_per_worker(self) -> int:
        """CPU threads of every worker, whichever engine runs it and however many there are; 0 asks for the default."""
        return self.threads or THREADS

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The metrics of every run and those asked for besides."""
        return tuple(dict.fromkeys((*metrics.CORE, *self.metrics)))

    def setup(self, env: str) -> Setup:
        """What all tasks of this run share."""
        return Setup(
            metrics=self.all_metrics,
            settings=self.settings,
            root=self.root,
            out=self.out,
            included=self.include,
            overrides=self.override,
            threads=self.threads_per_worker,
            seed=self.seed,
            trust_pickle=self.trust_pickle,
            reading=self.reading,
            env=env,
            made_with=environment.made_with() if self.engine == "dask" else (),
        )


@dataclass(frozen=True)
class Cell:
    """One split of one data set under one group of protocols: the clips of every method.

    `dataset` is what was asked for, `label` its name in rows, `source` its clips, to be read one by one.
    """

    dataset: str
    label: str
    split: str
    protocols: tuple[EvalProtocol, ...]
    clips: tuple[str, ...]
    total: int
    source: datasets.Clips | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Plan:
    """Tasks in a fixed order, how many rows are there already, and those of `found` that no longer hold."""

    identities: dict[str, Identity]
    cells: list[Cell]
    tasks: list[Task]
    rows_total: int
    rows_done: int
    found: Found = field(default_factory=Found)


def make(spec: RunSpec) -> Plan:
    """The plan of a run: methods x cells x clips, minus what the store holds.

    Raises:
        UsageError: a name is wrong, or a method cannot do what a protocol asks.
        NotRunnableError: data or weights are missing, or nothing would be measured.
    """
    _check_names(spec)
    for text in spec.methods:
        methods.check_names(text)
    found = cells(spec)  # a wrong split is said before missing weights are
    identities = {text: methods.resolve(text) for text in spec.methods}
    for identity in identities.values():
        for protocol in {p.name: p for cell in found for p in cell.protocols}.values():
            protocols.check(identity.card, protocol)
    every = [task for text in spec.methods for cell in found for task in _tasks(spec, text, identities[text], cell)]
    # every n-th task, not a block: methods and long clips spread evenly over shards
    mine = every[spec.shard[0] - 1 :: spec.shard[1]]
    if not every:
        raise NotRunnableError("nothing to measure: no clip is left after --limit and --clips")
    on_disk = look(spec.out, mine, spec.metrics, opener(found))
    if spec.overwrite:  # what no longer holds is moved away all the same: the run may be interrupted
        on_disk.finished.clear()
        on_disk.before.clear()
    left = [missing for task in mine if (missing := _minus(task, on_disk))]
    rows = sum(len(task.keys) for task in mine)
    return Plan(identities, found, left, rows, rows - sum(len(task.keys) for task in left), on_disk)


def idle_cores(spec: RunSpec) -> tuple[int, int, int] | None:
    """Cores in use, cores there, and the jobs that would use them all; None where a run on the CPU leaves none idle."""
    # a scheduler may give a job fewer cores than the machine has
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    possible = cores // spec.threads_per_worker
    if spec.settings.device != "cpu" or spec.shard != (1, 1) or spec.engine != "local" or possible <= spec.jobs:
        return None
    return spec.jobs * spec.threads_per_worker, cores, possible


def keep(text: str) -> str:
    """Which frames are saved: "none", "all" or "worst".

    Raises:
        UsageError: the text says none of these.
    """
    kind, _, count = text.partition(":")
    if text in ("none", "all") or (kind == "worst" and re.fullmatch("0*[1-9][0-9]{0,5}", count)):
        return kind
    raise UsageError(f"--save-frames {text}: write none, all or worst:K, e.g. worst:3")


def cells(spec: RunSpec) -> list[Cell]:
    """The splits that are asked for, with the clips that are left after `limit` and `clips`."""
    names = _distinct(default_datasets(spec))
    labels = manifest.labels(spec.out, [name for name in names if datasets.is_path(name)])
    return [cell for name in names for cell in _cells(spec, name, labels.get(name, ""))]


def opener(found: Sequence[Cell]) -> Callable[[Task], datasets.Clips]:
    """From a task to the clips that it is one of."""
    sources = {(cell.label, cell.split, protocol.name): cell.source for cell in found for protocol in cell.protocols}

    def opened(task: Task) -> datasets.Clips:
        clips = sources[task.label, task.split, task.protocols[0]]
        assert clips is not None  # only a cell of a hand-made plan has none
        return clips

    return opened


def default_datasets(spec: RunSpec) -> tuple[str, ...]:
    """The data sets asked for; without any: vimeo90k where its root is known, else the built-in one.

    Raises:
        NotRunnableError: numbers of a paper are asked for, and the built-in one would stand in for its data.
    """
    if spec.datasets:
        return spec.datasets
    if spec.root is not None or ("vimeo90k" in datasets.names() and datasets.root_of(datasets.card("vimeo90k"))):
        return ("vimeo90k",)
    asked = [f"--protocol {name}" for name in spec.protocols if not _ours(name)]
    asked += [text for text in spec.methods if "@authors" in text]
    if asked:
        raise NotRunnableError(
            f"{asked[0]} asks for numbers of a paper, but no data set is named and VIMEO90K_ROOT is not set; set "
            "VIMEO90K_ROOT to the folder of Vimeo-90K, or name a data set with --dataset (e.g. --dataset mini)"
        )
    return ("mini",)


def stand_in(spec: RunSpec) -> str:
    """One sentence where the built-in data set is measured because no other was named; else ""."""
    if spec.datasets or default_datasets(spec) != ("mini",):
        return ""
    return (
        "no data set is named and VIMEO90K_ROOT is not set: the built-in data set mini is measured. "
        "For Vimeo-90K, set VIMEO90K_ROOT or write --root FOLDER"
    )


def _ours(protocol: str) -> bool:
    return protocol == protocols.DEFAULT or protocol.startswith((f"{protocols.DEFAULT}:", f"{protocols.DEFAULT}-"))


def _distinct(names: Iterable[str]) -> list[str]:
    """The data sets without repeats: `mini` and `mini:rate=1` are one, and its clips are measured once."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name if datasets.is_path(name) else datasets.card(name).name, name)
    return list(found.values())


def _check_names(spec: RunSpec) -> None:
    if not spec.methods:
        raise UsageError("no method named; write e.g. --methods stdan,dis+bicubic")
    check_metrics(spec.metrics)
    keep(spec.save_frames)
    check_numbers(spec)
    _check_engine(spec)
    part, parts = spec.shard
    if not 1 <= part <= parts:
        raise UsageError(f"--shard {part}/{parts} is not possible; write i/n with 1 <= i <= n")


def _check_engine(spec: RunSpec) -> None:
    if spec.engine not in ENGINES:
        raise UnknownNameError("engine", spec.engine, ENGINES)
    if spec.engine == "dask" and spec.timeout_s:
        raise UsageError("--timeout works with --engine local alone: nobody here can stop a clip on another machine")
    if spec.engine != "dask" and spec.address:
        raise UsageError(f"--address {spec.address} is for --engine dask; add that, or leave --address away")
    kind = spec.settings.device.partition(":")[0]
    if kind not in DEVICES:
        raise UsageError(f"unknown device '{spec.settings.device}'; write cpu, cuda, cuda:1, mps or auto")


def check_numbers(spec: RunSpec) -> None:
    """Also those of Python and of a file, which no command line has looked at."""
    settings = spec.settings
    for name, value, low, high in (
        ("limit", spec.limit, 0, 2**31 - 1),
        ("jobs", spec.jobs, 1, 1024),
        ("threads", spec.threads, 0, MOST_THREADS),
        ("timeout_s", spec.timeout_s, 0, MOST_SECONDS),
        ("tile", settings.tile, 0, 2**31 - 1),
        ("tile_overlap", settings.tile_overlap, 0, 65536),
    ):
        if not low <= value <= high:  # nor is NaN
            raise UsageError(f"{name} = {value} is not possible; write a number from {low} to {high}")
    if spec.limit > 1 and spec.limit != int(spec.limit):
        raise UsageError(f"--limit {spec.limit:g}: write a whole number of clips, or a share below 1 such as 0.1")
    if settings.precision not in PRECISIONS:
        raise UsageError(f"unknown precision '{settings.precision}'; write {', '.join(PRECISIONS)}")


def _cells(spec: RunSpec, dataset: str, label: str) -> Iterable[Cell]:
    chosen = datasets.find(dataset, spec.root, label, spec.reading)
    name = label or chosen.card.name
    for split in spec.splits or chosen.default_splits:
        for group in _groups(spec.protocols):
            if split in chosen.card.sparse and protocols.consecutive(group[0]):
                raise UsageError(
                    f"{group[0].name} takes the frames between from the data set: {chosen.card.sparse[split]}"
                )
            clips = chosen.clips(split, group[0].lists)
            left = tuple(_chosen(spec, dataset, split, clips.names))
            yield Cell(dataset, name, split, group, left, len(clips.names), clips)


def _groups(names: tuple[str, ...]) -> list[tuple[EvalProtocol, ...]]:
    """Protocols that share the restoring half and the list of clips: one pass through the network."""
    groups: dict[tuple[str, str], list[EvalProtocol]] = {}
    for name in dict.fromkeys(names):
        protocol = protocols.get(name)
        # lists differ between authors (zsm, stdan): equal restoring halves may still mean other clips
        groups.setdefault((protocols.restoring_key(protocol), protocol.lists), []).append(protocol)
    return [tuple(group) for group in groups.values()]


def _chosen(spec: RunSpec, dataset: str, split: str, names: list[str]) -> list[str]:
    if spec.clips:
        wanted = _wanted(spec.clips, names, f"clip of {dataset}/{split}")
        names = [name for name in names if name in wanted]
    if spec.limit:
        names = names[: max(1, round(len(names) * spec.limit)) if 0 < spec.limit < 1 else int(spec.limit)]
    return names


def _wanted(typed: Sequence[str], names: Sequence[str], kind: str) -> set[str]:
    """The clips that are meant by what was typed; a name of one that exists is one, whatever it contains."""
    known = {words.composed(name): name for name in names}
    found = {word for text in typed for word in words.several(text, lambda word: words.composed(word) in known)}
    if missing := sorted(word for word in found if words.composed(word) not in known):
        hint = words.QUOTING if len(found) > 1 else ""
        raise UnknownNameError(kind, missing[0], names[:20], hint)
    return {known[words.composed(word)] for word in found}


def _tasks(spec: RunSpec, text: str, identity: Identity, cell: Cell) -> Iterable[Task]:
    names = tuple(protocol.name for protocol in cell.protocols)
    protocol_keys = [protocol.key for protocol in cell.protocols]  # a digest each: not once a clip
    # the protocols of a cell pad alike: one name for all of them
    name = name_of(identity.spec, identity.card, spec.settings, cell.protocols[0])
    made = made_by(identity, spec.settings, spec.threads_per_worker, spec.seed)
    for clip in cell.clips:
        place = (cell.label, cell.split, clip)
        keys = tuple(job(name, identity.sha256 or identity.weights, place, key).key for key in protocol_keys)
        yield Task(
            *(text, identity.spec, identity.weights, cell.dataset, *place, names, keys, name, identity.sha256),
            made=made,
        )


def _minus(task: Task, found: Found) -> Task | None:
    """The task with only the protocols whose rows are missing or lack something; None if there are none."""
    left = [(name, key) for name, key in zip(task.protocols, task.keys, strict=True) if key not in found.finished]
    if not left:
        return None
    before = tuple(row for _, key in left if (row := found.before.get(key)))
    if len(left) == len(task.keys) and not before:
        return task
    names, keys = zip(*left, strict=True)
    return replace(task, protocols=names, keys=keys, before=before)
