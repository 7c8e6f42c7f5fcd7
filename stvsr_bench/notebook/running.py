"""`run` and `build`: what the command line does, by the names of its options, for objects of a Python session too."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stvsr_bench import metrics as known_metrics
from stvsr_bench import plugins, protocols, words
from stvsr_bench.errors import UsageError
from stvsr_bench.methods import build as built
from stvsr_bench.metrics import vmaf
from stvsr_bench.notebook.own import Net, Own, named
from stvsr_bench.notebook.progress import Progress
from stvsr_bench.notebook.result import Result
from stvsr_bench.plugins import objects
from stvsr_bench.restore import pick_device, place
from stvsr_bench.rows import store
from stvsr_bench.runner.execute import execute
from stvsr_bench.runner.facts import unused
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import Method, Reading, Settings

Names = Sequence[str] | str
Paths = Sequence[Path | str] | Path | str


@dataclass(frozen=True)
class _Asked:
    """What was asked for, with the names of the command line's options."""

    methods: "Sequence[str | Net | Own] | str | Net | Own"
    dataset: Paths
    split: Names
    protocol: Names
    limit: float
    out: Path | str
    jobs: int
    root: Path | str | None
    metrics: Names
    vmaf_model: Path | str | None
    clips: Names
    threads: int
    engine: str
    address: str
    shard: str
    timeout: float
    device: str
    precision: str
    tile: int
    tile_overlap: int
    compile: bool
    channels_last: bool
    oom_fallback: bool
    save_frames: str
    overwrite: bool
    seed: int
    include: Paths
    override: Names
    trust_pickle: bool
    track: int
    allow_vfr: bool
    deinterlace: bool
    hdr: str


def run(
    methods: "Sequence[str | Net | Own] | str | Net | Own",
    dataset: Paths = (),
    split: Names = (),
    protocol: Names = protocols.DEFAULT,
    limit: float = 0,
    out: Path | str = "runs/default",
    jobs: int = 1,
    root: Path | str | None = None,
    *,
    metrics: Names = (),
    vmaf_model: Path | str | None = None,
    clips: Names = (),
    threads: int = 0,
    engine: str = "local",
    address: str = "",
    shard: str = "1/1",
    timeout: float = 0,
    device: str = "cpu",
    precision: str = "fp32",
    tile: int = 0,
    tile_overlap: int = 16,
    compile: bool = False,
    channels_last: bool = False,
    oom_fallback: bool = True,
    save_frames: str = "worst:3",
    overwrite: bool = False,
    seed: int = 0,
    include: Paths = (),
    override: Names = (),
    trust_pickle: bool = False,
    track: int = 1,
    allow_vfr: bool = False,
    deinterlace: bool = False,
    hdr: str = "refuse",
    quiet: bool = False,
) -> Result:
    """Measure methods on clips, as `stvsr-bench run` does; the options have its names and mean the same.

    `methods` are names, networks, functions of frames, or `stvsr_bench.method(...)`, one or several. A network is
    copied first: the session's own keeps its mode, device and gradients. Rows of a network or function name a digest of
    its code and, for a network, the SHA-256 of its weights: a changed one is measured again. Where no digest covers
    all that it computes with, its rows say so and are measured again each time. `quiet` leaves out the progress line.

    Raises:
        BenchError: what was asked cannot be done; clips that fail are in `Result.failures` instead.
    """
    given = dict(locals())  # first: nothing but the options is there
    del given["quiet"]
    return _measured(_Asked(**given), quiet)


def build(spec: str, device: str = "cpu", trust_pickle: bool = False) -> Method:
    """The method of a spec on a device, ready to run: eval mode, no gradients, float32.

    `method.net(lr_BTChw)` of a kind "stvsr" method gives sr_BSCHW. `@none` builds it untrained, from a fixed seed.

    Raises:
        UnknownNameError, UsageError: no such method, option or device, or two parts that do not compose.
        WeightsError: weights are missing, or do not fit.
    """
    return place(built(spec, trust_pickle), Settings(device=pick_device(device)))


def _measured(asked: _Asked, quiet: bool) -> Result:
    texts, own = named(_methods(asked.methods))
    included = _include(asked)
    spec = replace(_spec(asked), methods=tuple(texts), include=included, objects=tuple(own))
    _check_objects(spec)
    with objects.holding(own):
        plan = make(spec)
        progress = Progress(len(plan.tasks), quiet)
        for sentence in (*([plugins.cautions()] if plugins.cautions() else []), *plan.found.changes, *unused(plan)):
            progress.note(sentence)
        try:
            done = execute(spec, plan, progress.update, [_call(asked, spec)])
        finally:
            progress.end()
    keys = {key for task in plan.tasks for key in task.keys} | plan.found.finished
    rows = {row.key: row for row in store.stream_rows(done.out, keys)}  # of a key the last line counts
    return Result(done.out, done.written, done.done_before, done.failures, tuple(rows.values()))


def _methods(asked: "Sequence[str | Net | Own] | str | Net | Own") -> list[object]:
    if isinstance(asked, str):
        return list(words.several(asked, words.is_path))
    return list(asked) if isinstance(asked, Sequence) else [asked]


def _spec(asked: _Asked) -> RunSpec:
    """The run without its methods and plug-ins."""
    if asked.hdr not in ("refuse", "as-is"):
        raise UsageError(f"hdr = {asked.hdr!r}: write refuse or as-is")
    of_file = (vmaf.chosen(Path(asked.vmaf_model)),) if asked.vmaf_model else ()
    return RunSpec(
        methods=(),
        datasets=tuple(map(str, _several(asked.dataset, words.is_path))),
        splits=_names(asked.split),
        protocols=_names(asked.protocol),
        metrics=(*known_metrics.expanded(_names(asked.metrics)), *of_file),
        root=Path(asked.root) if asked.root is not None else None,
        out=Path(asked.out),
        limit=asked.limit,
        clips=words.lines(asked.clips) if isinstance(asked.clips, str) else tuple(asked.clips),
        shard=_shard(asked.shard),
        engine=asked.engine,
        address=asked.address,
        jobs=asked.jobs,
        threads=asked.threads,
        timeout_s=asked.timeout,
        save_frames=asked.save_frames,
        overwrite=asked.overwrite,
        seed=asked.seed,
        settings=Settings(
            *(asked.device, asked.precision, asked.tile, asked.tile_overlap),
            *(asked.compile, asked.channels_last, asked.oom_fallback),
        ),
        override=_names(asked.override),
        trust_pickle=asked.trust_pickle,
        reading=Reading(asked.track, asked.allow_vfr, asked.deinterlace, "as-is" if asked.hdr == "as-is" else "refuse"),
    )


def _include(asked: _Asked) -> tuple[Path, ...]:
    """Register the plug-ins; all that are, for worker processes."""
    plugins.allow(_names(asked.override))
    for path in _several(asked.include, words.is_path):
        plugins.include(Path(path))
    return tuple(plugins.included())


def _check_objects(spec: RunSpec) -> None:
    """A network of this session is in no other process.

    Raises:
        UsageError: it would have to be.
    """
    elsewhere = {"jobs": spec.jobs > 1, "timeout": spec.timeout_s > 0, "engine": spec.engine != "local"}
    if spec.objects and (option := next((name for name, asked in elsewhere.items() if asked), "")):
        raise UsageError(
            f"{spec.objects[0]} is a Python object and is measured in this process alone, so {option} cannot be used; "
            f"leave {option} out, or put the method into a file and name it with include="
        )


def _shard(text: str) -> tuple[int, int]:
    if not re.fullmatch("[0-9]{1,6}/[0-9]{1,6}", text):
        raise UsageError(f"shard = {text!r}: write i/n, e.g. 3/8")
    number, parts = text.split("/")
    return int(number), int(parts)


def _names(value: Names) -> tuple[str, ...]:
    return tuple(map(str, _several(value)))


def _several(value: Paths, is_one: Callable[[str], bool] = lambda word: False) -> tuple[Path | str, ...]:
    if isinstance(value, str):
        return words.several(value, is_one)
    return (value,) if isinstance(value, Path) else tuple(value)


def _call(asked: _Asked, spec: RunSpec) -> str:
    """The call as it would be typed, with what differs from the defaults: what the manifest names as the command."""
    usual = {name: of.default for name, of in inspect.signature(run).parameters.items() if name != "methods"}
    said = {name: getattr(asked, name) for name in usual if name != "quiet" and getattr(asked, name) != usual[name]}
    shown = {name: str(value) if isinstance(value, Path) else value for name, value in said.items()}
    options = "".join(f", {name}={value!r}" for name, value in shown.items())
    return f"stvsr_bench.run({list(spec.methods)!r}{options})"
