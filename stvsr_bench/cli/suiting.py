"""A suite on a terminal: what of it is here, what is missing and how to get it; its runs and reports."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stvsr_bench.cli import reader
from stvsr_bench.errors import FAILED_CLIPS, OK, UnknownNameError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stvsr_bench.runner.needs import Here, Need
    from stvsr_bench.runner.plan import RunSpec
    from stvsr_bench.runner.suites import Part, Suite


MOST_TASKS = 3  # of a suite over the whole plane; the screen stays one screen


@dataclass(frozen=True)
class Said:
    """What the command line says of a suite: which part of it, and who computes."""

    only: tuple[str, ...] = ()
    limit: float = 0
    jobs: int = 1
    engine: str = "local"
    address: str = ""
    shard: tuple[int, int] = (1, 1)
    device: str = ""
    weights: tuple[Path, ...] = ()
    include: tuple[Path, ...] = ()
    override: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A suite as it was asked for: each part with its run in full and what of that is here."""

    suite: "Suite"
    out: Path
    report: Path
    parts: "list[tuple[Part, RunSpec, Here]]"

    @property
    def missing(self) -> "list[Need]":
        """Everything that is missing, each once."""
        return list({need.name: need for _, _, here in self.parts for need in here.missing}.values())

    @property
    def runnable(self) -> "list[RunSpec]":
        """What can be measured now."""
        return [here.spec for _, _, here in self.parts if here.spec is not None]


def asked(name: str, said: Said, out: Path | None, report: Path | None, instead: tuple[str, ...] = ()) -> Asked:
    """The suite of that name, with what the command line says of it; `instead` are the methods of its main part.

    Raises:
        UsageError: no such suite, or `only` names a method that it does not have.
    """
    from stvsr_bench.runner import needs, suites

    suite = suites.load(name)
    out, report = out or Path("runs") / suite.name, report or Path("reports") / suite.name
    specs = [(part, _spec(part, said, out)) for part in suite.parts]
    if instead:
        specs = [(part, replace(spec, methods=instead) if not part.folder else spec) for part, spec in specs]
    known = {text: {text, text.partition("@")[0]} for _, spec in specs for text in spec.methods}
    for word in said.only:
        if not any(word in of for of in known.values()):
            raise UnknownNameError(f"method of {suite.name}", word, known)
    kept = [
        (part, replace(spec, methods=tuple(m for m in spec.methods if not said.only or known[m] & set(said.only))))
        for part, spec in specs
    ]
    return Asked(suite, out, report, [(part, spec, needs.look(spec)) for part, spec in kept if spec.methods])


def _spec(part: "Part", said: Said, out: Path) -> "RunSpec":
    from stvsr_bench.runner.replay import with_files

    work = {"engine": said.engine, "address": said.address, "jobs": said.jobs, "shard": said.shard}
    work |= {"include": said.include, "override": said.override}
    spec, sentences = part.sent.again(**work)
    for sentence in sentences:
        reader.note(sentence)
    return replace(
        spec,
        methods=tuple(with_files(text, said.weights) for text in spec.methods),
        out=part.beside(out),
        limit=said.limit or spec.limit,
        settings=replace(spec.settings, device=said.device or spec.settings.device),
    )


def show(of: Asked, as_json: bool, on_stderr: bool = False) -> None:
    """What is here, what is missing with the exact commands, how long it takes."""
    if as_json:
        reader.document(_facts(of))
        return
    for line in _screen(of):
        (reader.note if on_stderr else reader.say)(line)


def _screen(of: Asked) -> "Iterator[str]":
    yield f"{of.suite.name}: {of.suite.facts.title}"
    yield of.suite.facts.about
    for _, spec, here in of.parts:
        ready = f"{_planned(here.spec)}" if here.spec else "nothing of it can be measured yet"
        yield f"- {', '.join(spec.datasets)} under {', '.join(spec.protocols)}: {', '.join(spec.methods)}; {ready}"
    for need in of.missing:
        yield ""
        yield f"missing: {need.name} ({need.facts})"
        yield from (f"    {command}" for command in need.commands or (need.why,))
    yield ""
    yield from _time(of)
    yield f"{'then' if of.missing else 'next'}: stvsr-bench reproduce {of.suite.name}"


def _planned(spec: "RunSpec") -> str:
    from stvsr_bench.cli import result
    from stvsr_bench.runner.plan import make

    plan = make(spec)
    result.say_changes(plan)
    return f"{counted(plan.rows_total, 'row')} can be measured now, {plan.rows_done} done"


def _time(of: Asked) -> "Iterator[str]":
    """Hours, from rows that are there and from profiles, and the command for what was never timed."""
    from stvsr_bench.rows import store
    from stvsr_bench.runner.forecast import forecast
    from stvsr_bench.runner.hours import hours

    if of.out.is_dir() and store.done(of.out):
        left = [forecast(spec).hours(1) for spec in of.runnable]
        if None not in left:
            yield f"time left: about {sum(filter(None, left)):.2g} h of one worker, by the rows in {of.out}"
            return
    found = [hours(spec, store.profiles(of.out)) for _, spec, _ in of.parts]
    if known := sum(one.known for one in found):
        yield f"time: about {known:.2g} h of one worker for the networks, by the profiles in {of.out}"
    if unsized := list(dict.fromkeys(name for one in found for name in one.not_counted)):
        yield f"time on {', '.join(unsized)}: unknown, no card says how large its frames are; try --limit 1 first"
    untimed: dict[tuple[object, int], dict[str, None]] = {}
    for task, names in ((task, names) for one in found for task, names in one.not_profiled.items()):
        untimed.setdefault(task, {}).update(dict.fromkeys(names))
    commands = [_profile_command(task, list(names), of.out) for task, names in untimed.items() if names]
    if commands:
        yield "time of the networks: unknown; these measure it, with random weights where none are here:"
        yield from (f"    {command}" for command in commands[:MOST_TASKS])
        if len(commands) > MOST_TASKS:
            yield f"    ... and the same at {len(commands) - MOST_TASKS} more scales and times"


def _profile_command(task: tuple[object, int], methods: list[str], out: Path) -> str:
    scale, times = task
    at = (f" --scale {scale}" if scale != 4 else "") + (f" --time-scale {times}" if times > 2 else "")
    return f"stvsr-bench profile --methods {','.join(methods)}{at} --out {out}"


def _facts(of: Asked) -> dict[str, Any]:
    return {
        "suite": of.suite.name,
        "title": of.suite.facts.title,
        "parts": [
            {
                "methods": list(spec.methods),
                "datasets": list(spec.datasets),
                "protocols": list(spec.protocols),
                "here": None if here.spec is None else {"methods": here.spec.methods, "datasets": here.spec.datasets},
            }
            for _, spec, here in of.parts
        ],
        "missing": [vars(need) for need in of.missing],
    }


def measure(of: Asked, quiet: bool) -> int:
    """Carry out what is here, part by part; the exit code says whether clips failed."""
    from stvsr_bench.cli import result
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.runner.execute import execute
    from stvsr_bench.runner.plan import make

    code = OK
    for spec in of.runnable:
        plan = make(spec)
        result.say_changes(plan)
        result.say_unused(plan)
        with Bar(plan, quiet) as bar:
            done = execute(spec, plan, bar.update, sys.argv)
        result.say_failures(spec, done)
        code = FAILED_CLIPS if done.failures else code
    return code


def write(of: Asked, as_json: bool) -> None:
    """The reports of every run folder that has rows, the paper's tables among them."""
    from stvsr_bench.cli.console import print_tables
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import Output, load
    from stvsr_bench.report.write import write as write_report
    from stvsr_bench.rows import store

    files = []
    for folder in dict.fromkeys(part.folder for part, _, _ in of.parts):
        part = next(part for part, _, _ in of.parts if part.folder == folder)
        run, report = part.beside(of.out), part.beside(of.report)
        if not (run.is_dir() and store.done(run)):
            continue
        output = Output(scenes=0, films=False) if folder else Output()
        options = Options(metrics=of.suite.facts.metrics)
        tables, written = write_report(load([run]), report, options, output, None if folder else of.suite.facts)
        files += written.files
        if not (as_json or folder):
            print_tables(tables)
        best = "paper.md" if (report / "paper.md") in written.files else "table.md"
        page = report / "index.html"
        reader.note(f"report: {report / best}{f', page: {page}' if page in written.files else ''}")
    if as_json:
        reader.document({**_facts(of), "out": str(of.out), "files": [str(file) for file in files]})
