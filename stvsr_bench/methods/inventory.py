"""Which methods and weights are on this machine: what the cards name, what the cache holds, what is wrong with it.

Listing imports no torch and no method's code; only the check of the cache (`check=True`) builds networks.
"""

from dataclasses import dataclass
from typing import Any, Literal

from stvsr_bench import checkpoints, plugins
from stvsr_bench.checkpoints import Entry
from stvsr_bench.errors import BenchError
from stvsr_bench.methods import weights
from stvsr_bench.methods.cards import card as read
from stvsr_bench.methods.cards import names, problems
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard

State = Literal["here", "missing", "damaged"]


@dataclass(frozen=True)
class Item:
    """Weights that a card names or the cache holds; `what` says what they are, or what is wrong with them."""

    method: str
    tag: str
    state: State
    sha256: str
    origin: str
    path: str
    licence: str
    what: str


def all_methods() -> list[dict[str, Any]]:
    """Every method: `name, kind, title, weights, options`; a broken one has its error as title."""
    rows: list[dict[str, Any]] = []
    broken = problems()
    for name, plugin in plugins.plugins("methods").items():
        if name in broken:
            rows.append({"name": name, "kind": "broken", "title": broken[name], "weights": [], "options": {}})
        else:
            card = read(name)
            facts = {"name": name, "kind": card.kind, "title": card.title}
            rows.append({**facts, "weights": _tags(card, plugin), "options": card.options})
    return rows


def all_weights(check: bool = False) -> list[Item]:
    """Every tag of every learned method, then what the cache holds beyond them.

    With `check` the whole cache is listed again, each file hashed and compared with the network of its method.
    """
    carded = [
        _carded(card, plugins.find("methods", card.name), tag)
        for card in map(read, names())
        for tag in (card.weights if card.learned else ())
    ]
    return carded + _cached({(item.method, item.tag) for item in carded}, check)


def _tags(card: MethodCard, plugin: Plugin) -> list[str]:
    """The tags that may stand after `@`, those that are not installed marked."""
    if not card.learned:
        return ["none needed"]
    found = []
    for tag in card.weights:
        try:
            there = weights.choose(card, plugin, tag).path is not None
        except BenchError:
            there = False
        found.append(f"@{tag}" if there else f"@{tag} (missing)")
    return [*found, "@none"]


def _carded(card: MethodCard, plugin: Plugin, tag: str) -> Item:
    """What a card names under one tag; it may lie in the cache, put there by `weights add`."""
    facts = card.weights[tag]
    state: State = "here"
    sha256 = path = ""
    origin: str = facts.origin
    what = facts.notes or facts.package or facts.url
    try:
        chosen = weights.choose(card, plugin, tag)
        sha256, path = chosen.sha256, str(chosen.path or "")
        if chosen.label != tag:
            origin = "claimed" if chosen.label.endswith(weights.CLAIMED) else "first use"
            what = f"{chosen.label}: not known to the card by SHA-256 or git blob id"
    except weights.NotInstalledError as error:
        state, what = "missing", str(error)
    except BenchError as error:
        state, what = "damaged", str(error)
    return Item(card.name, tag, state, sha256, origin, path, facts.licence, what)


def _cached(named: set[tuple[str, str]], check: bool) -> list[Item]:
    """The cache's entries that no card names; with `check`, all of them, compared with their method."""
    items = []
    for entry, complaint in checkpoints.verify().items():
        if not check and (entry.method, entry.tag) in named:
            continue
        problem = complaint or (_misfit(entry) if check else "")
        state: State = "damaged" if problem else "here"
        what = problem or f"{entry.name}, in the cache"
        items.append(Item(entry.method, entry.tag, state, entry.sha256, "cache", str(entry.path), "", what))
    return items


def _misfit(entry: Entry) -> str:
    """What keeps a cached checkpoint from loading into its method, or ""."""
    from stvsr_bench.methods.candidates import candidates  # it builds networks: torch

    found, broken = candidates()
    if entry.method in broken:
        return broken[entry.method]
    ours = [candidate for candidate in found if candidate.method == entry.method]
    try:
        fits = checkpoints.identify(checkpoints.load_state(entry.path), ours)
    except BenchError as error:
        return str(error)
    if not fits:
        return f"nothing in common with {entry.method}"
    return "" if fits[0].exact else fits[0].sentence()
