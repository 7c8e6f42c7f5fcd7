"""Whose checkpoint is this file, and under which name may it be kept? Every method's network is compared with it."""

import re
from dataclasses import dataclass
from pathlib import Path

from stvsr_bench import checkpoints, plugins
from stvsr_bench.checkpoints import Entry, Fit, State
from stvsr_bench.errors import UsageError, WeightsError, printable
from stvsr_bench.methods import weights
from stvsr_bench.methods.builder import load_object
from stvsr_bench.methods.candidates import candidates
from stvsr_bench.methods.cards import card as card_of
from stvsr_bench.methods.cards import names
from stvsr_bench.schema import MethodCard

TAG = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Facts:
    """What can be said of a checkpoint without asking whose it is; `known_as` are METHOD@TAG names of these tensors."""

    file: str
    sha256: str
    fingerprint: str
    tensors: int
    numbers: int
    known_as: list[str]


@dataclass(frozen=True)
class Kept:
    """A checkpoint in the cache: its `label` in tables, other names that it is known by, what it took the place of."""

    entry: Entry
    label: str
    also: list[str]
    replaced: Entry | None


def read(file: Path, trust_pickle: bool = False) -> State:
    """The tensors of a checkpoint; of a file that a card knows by its SHA-256, as that card reads it.

    Raises:
        WeightsError: it is no checkpoint, damaged, or holds more than tensors.
    """
    actual = checkpoints.sha256(file)
    for name in names():
        for facts in card_of(name).weights.values():
            if facts.reader and facts.sha256 == actual:
                # no torch file (a package's own format): `load_state` would refuse it
                found: State = load_object(plugins.find("methods", name), facts.reader)(file)
                return found
    return checkpoints.load_state(file, trust_pickle=trust_pickle)


def fits(state: State, file: Path | None = None, only: str = "") -> tuple[list[Fit], dict[str, str]]:
    """The best fit of each method that shares a key, the best first; and why others could not be compared, by name.

    `file` is where the state was read from: what it says of its method's options is compared too. `only` names the one
    method to be compared with.
    """
    found, broken = candidates(checkpoints.trained(file) if file is not None else None, only)
    return checkpoints.identify(state, found), broken


def facts_of(file: Path, state: State) -> Facts:
    """Hashes, counts and known names of a checkpoint that was read as `state`."""
    sha256, mark = checkpoints.sha256(file), checkpoints.fingerprint(state)
    numbers = sum(tensor.numel() for tensor in state.values())
    return Facts(file.name, sha256, mark, len(state), numbers, known_as(sha256, mark, checkpoints.blob_id(file)))


def known_as(sha256: str, fingerprint: str = "", blob: str = "") -> list[str]:
    """METHOD@TAG names under which cards or the cache know this very file, or the same tensors saved anew.

    `blob` is the file's git blob id, where cards shall be asked for it too.
    """
    carded = [
        f"{name}@{tag}"
        for name in names()
        for tag, facts in card_of(name).weights.items()
        if facts.sha256 == sha256 or (blob and facts.blob == blob)
    ]
    same = [e for e in checkpoints.entries() if sha256 == e.sha256 or (fingerprint and fingerprint == e.fingerprint)]
    return list(dict.fromkeys(carded + [f"{entry.method}@{entry.tag}" for entry in same]))


def check_exact(file: Path, found: list[Fit]) -> None:
    """Nothing, if some method's network takes the checkpoint as it is.

    Raises:
        WeightsError: none does; the sentence says which comes closest.
    """
    if not found or not found[0].exact:
        best = f"; closest: {found[0].sentence()}" if found else ""
        raise WeightsError(f"{file.name}: no method's network fits it exactly{best}")


def place(file: Path, found: list[Fit], name: str = "") -> tuple[Fit, str]:
    """The fit and the tag under which a checkpoint may be kept; `name` is the METHOD@TAG asked for, "" what it is.

    Without a name: the tag of the card that has its SHA-256 or git blob id, else "own". Where a card has several tags
    of the authors', their files are told apart by their names (TMNet's single and multi).

    Raises:
        UsageError: `name` is no METHOD@TAG, names no method, or a tag that may not be given.
        WeightsError: the file does not fit the method exactly, or is not the one that the card means by this tag.
    """
    fit = _exact(file, found, name)
    card = card_of(fit.method)
    tag = name.partition("@")[2] or weights.published_as(card, file) or _by_name(card, fit, file)
    _check_tag(fit.method, tag, file)
    return fit, tag


def keep(
    file: Path, state: State, name: str, tag: str, *, trusted: bool = False, replace: bool = False, source: str = ""
) -> Kept:
    """The file kept in the cache under method and tag; see `checkpoints.keep` for what is refused."""
    old = checkpoints.listed(name, tag)
    entry = checkpoints.keep(file, state, name, tag, trusted=trusted, replace=replace, source=source)
    return Kept(
        entry,
        label=weights.label_of(card_of(name), tag, entry),
        also=[known for known in known_as(entry.sha256) if known != f"{name}@{tag}"],
        replaced=old if old is not None and old.sha256 != entry.sha256 else None,
    )


def _by_name(card: MethodCard, fit: Fit, file: Path) -> str:
    unproved = [
        tag for tag, facts in card.weights.items() if facts.origin == "authors" and not (facts.sha256 or facts.blob)
    ]
    if fit.dialect.startswith("own") or len(unproved) < 2:
        return "own"
    named = [tag for tag in unproved if tag in file.stem.lower()]
    if len(named) != 1:
        ways = " or ".join(f"--as {card.name}@{tag}" for tag in unproved)
        raise UsageError(
            f"{file.name} fits {card.name}. Its authors have several files, and the name of this one does not say "
            f"which it is; write {ways}, or --as {card.name}@NAME for your own file"
        )
    return named[0]


def _exact(file: Path, found: list[Fit], name: str) -> Fit:
    """The exact fit, of the method that `name` asks for if it does."""
    wanted = plugins.canonical(name.partition("@")[0])
    if name and (not wanted or not name.partition("@")[2]):
        raise UsageError(f"--as {name}: write METHOD@TAG, e.g. stdan@authors")
    if wanted:
        plugins.find("methods", wanted)
    ours = [fit for fit in found if wanted in ("", fit.method)]
    if not ours:
        of = f" of {wanted}" if wanted else ""
        raise WeightsError(f"{file.name} has nothing in common with the network{of or ' of any method'}")
    if not ours[0].exact:
        raise WeightsError(f"{file.name} does not fit: {ours[0].sentence()}")
    return ours[0]


def _check_tag(method: str, tag: str, file: Path) -> None:
    known = card_of(method).weights
    if tag == "none":
        raise UsageError("the tag 'none' means untrained; choose another")
    if not TAG.fullmatch(tag):
        raise UsageError(f"--as {method}@{printable(tag)}: a tag is made of letters, digits, '.', '-' and '_'")
    actual = checkpoints.sha256(file)
    if any(facts.reader and facts.sha256 == actual for facts in known.values()):
        raise UsageError(
            f"{file.name} is found by itself where its package is installed (make baselines); keep no copy"
        )
    # a card's tag is a promise in every table: another file under it would pass as the published weights
    if tag in known and known[tag].sha256 not in ("", actual):
        raise WeightsError(
            f"{file.name} is not the file that the card of {method} names for @{tag} (another SHA-256); "
            f"keep it under another tag: --as {method}@NAME"
        )
