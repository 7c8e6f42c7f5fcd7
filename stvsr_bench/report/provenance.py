"""Where the numbers of a report come from, whole: protocols in words, weights, machines and versions, commands."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stvsr_bench.report.labels import method_label
from stvsr_bench.report.tables.table import Table


@dataclass(frozen=True)
class Fact:
    """One thing that is known: its kind (`protocol`, `weights`, ...), what it is about, and what is said."""

    kind: str
    name: str
    value: str


TITLES = {
    "protocol": "Protocols in words",
    "clips": "Clips and frames",
    "weights": "Weights (SHA-256)",
    "frames": "Frames made elsewhere (digest)",
    "device": "Devices",
    "environment": "Machines and versions",
    "command": "Commands",
}


def facts(
    tables: Sequence[Table],
    environments: Mapping[str, Mapping[str, Any]],
    manifests: Iterable[tuple[str, Mapping[str, Any]]],
) -> list[Fact]:
    """Everything that a report knows of its numbers.

    `environments` are those of the rows shown, by name; `manifests` those of the runs, with the name of each run.
    """
    found = []
    for table in tables:
        found.append(Fact("protocol", f"{table.protocol} ({table.protocol_key})", table.about.sentence))
        found += [Fact("clips", table.protocol_key, place.words) for place in table.about.places]
    lines = [line for table in tables for line in table.lines]
    for kind, what in (("weights", "sha256"), ("frames", "source"), ("device", "device")):
        pairs = {(method_label(of.method, of.weights), str(getattr(of.made_with, what))) for of in lines}
        found += [Fact(kind, name, value) for name, value in sorted(pairs) if value]
    found += [Fact("environment", name, environment_words(of)) for name, of in environments.items()]
    for run, manifest in manifests:
        found += [Fact("command", run, command) for command in commands(manifest)]
    return list(dict.fromkeys(found))


def environment_words(of: Mapping[str, Any]) -> str:
    """One machine with its versions: what `env.json` says that may move a number."""
    machine = of.get("machine", {})
    machine = machine if isinstance(machine, Mapping) else {}
    commit = f"commit {of['commit']}{' with local changes' if of.get('dirty') else ''}" if of.get("commit") else ""
    versions = of.get("versions", {})
    named = [f"{name} {version}" for name, version in versions.items()] if isinstance(versions, Mapping) else []
    parts = [
        *(str(machine.get(name, "")) for name in ("gpu", "cpu", "system")),
        f"stvsr-bench {of['suite']}" if of.get("suite") else "",
        commit,
        f"Python {of['python']}" if of.get("python") else "",
        *named,
    ]
    return ", ".join(part for part in parts if part)


def commands(manifest: Mapping[str, Any]) -> list[str]:
    """The commands that made a run, as one would type them, each once."""
    history = manifest.get("history")
    entries = history if isinstance(history, list) and history else [manifest]
    typed = [of.get("argv") for of in entries if isinstance(of, Mapping)]
    return list(dict.fromkeys(_typed(argv) for argv in typed if isinstance(argv, list) and argv))


def _typed(argv: Sequence[Any]) -> str:
    # the first word is the path of a script on somebody's machine
    return shlex.join(["stvsr-bench", *map(str, argv[1:])])
