"""Whose checkpoint is this file, and under which name may it be kept? Every method's network is compared with it."""

from dataclasses import dataclass
from pathlib import Path

from stvsr_bench import checkpoints, plugins
from stvsr_bench.checkpoints import Fit, State
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.methods.builder import load_object
from stvsr_bench.methods.candidates import candidates
from stvsr_bench.methods.cards import card as card_of
from stvsr_bench.methods.cards import names


@dataclass(frozen=True)
class Facts:
    """What can be said of a checkpoint without asking whose it is; `known_as` are METHOD@TAG names of these tensors."""

    file: str
    sha256: str
    fingerprint: str
    tensors: int
    numbers: int
    known_as: list[str]


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


def fits(state: State) -> tuple[list[Fit], dict[str, str]]:
    """The best fit of each method that shares a key, the best first; and why others could not be compared, by name."""
    found, broken = candidates()
    return checkpoints.identify(state, found), broken


def facts_of(file: Path, state: State) -> Facts:
    """Hashes, counts and known names of a checkpoint that was read as `state`."""
    sha256, mark = checkpoints.sha256(file), checkpoints.fingerprint(state)
    numbers = sum(tensor.numel() for tensor in state.values())
    return Facts(file.name, sha256, mark, len(state), numbers, known_as(sha256, mark))


def known_as(sha256: str, fingerprint: str = "") -> list[str]:
    """METHOD@TAG names under which cards or the cache know this very file, or the same tensors saved anew."""
    carded = [
        f"{name}@{tag}" for name in names() for tag, facts in card_of(name).weights.items() if facts.sha256 == sha256
    ]
    same = [e for e in checkpoints.entries() if sha256 == e.sha256 or fingerprint == e.fingerprint]
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

    Raises:
        UsageError: `name` is no METHOD@TAG, names no method, or a tag that may not be given.
        WeightsError: the file does not fit the method exactly, or is not the one that the card means by this tag.
    """
    fit = _exact(file, found, name)
    tag = name.partition("@")[2] or ("own" if fit.dialect.startswith("own") else fit.dialect)
    _check_tag(fit.method, tag, file)
    return fit, tag


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
