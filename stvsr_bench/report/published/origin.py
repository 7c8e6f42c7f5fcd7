"""What a measurement may speak for: the authors' own weights, the whole of a split. Cards are read, never networks."""

from collections.abc import Set
from functools import cache

from stvsr_bench import datasets, methods
from stvsr_bench.errors import BenchError
from stvsr_bench.report.select import MethodKey
from stvsr_bench.schema import DatasetCard, MethodCard


class Cards:
    """The cards that a ledger asks, each read once: to find one, every installed package is searched (80 ms)."""

    def __init__(self) -> None:
        self._card = cache(_card)
        self._counts = cache(counts_of)

    def rank(self, method_key: MethodKey, sha256: Set[str], every: Set[str] = frozenset()) -> int | None:
        """The place of these weights among the authors' on the card, from 0; None where they are not the authors'.

        The authors' are those of origin "authors", and those of origin "package" whose SHA-256 is the card's.
        `method_key` is of a plain method, `sha256` of the files that its rows name, `every` of all files of this tag. A
        method that learns nothing has no other weights: 0.
        """
        card = self._card(method_key[0])
        if card is None:
            return None
        if not card.learned:
            return 0
        facts = card.weights.get(method_key[1])
        if facts is None or facts.origin == "ours" or len(sha256) > 1:
            return None
        if not facts.sha256 and len(sha256 | every) > 1:  # a tag of two files, and no digest on the card: which is it?
            return None
        if (facts.origin == "package" or facts.sha256) and sha256 != {facts.sha256}:
            return None
        return list(card.weights).index(method_key[1])

    def whole(self, dataset: str, split: str, measured: int, total: int | None) -> bool | None:
        """Whether so many clips are the whole split; None where neither the run nor the data set's card says.

        `total` is what the run found of the split. A copy on one machine may itself be incomplete, so the card's count
        decides too, where there is one.
        """
        if total is not None and measured < total:
            return False
        counts = self._counts(dataset, split)
        if not counts or measured > max(counts):
            return None if total is None or counts else True
        return measured in counts


def counts_of(dataset: str, split: str) -> set[int]:
    """How many clips a complete copy of a split has, by any published list; empty where its card does not say."""
    try:
        card: DatasetCard = datasets.card(dataset)
    except BenchError:  # rows of a folder, or of a data set that is not installed here
        return set()
    if split in card.contents and card.contents[split].clips:
        return set(card.contents[split].clips)
    return {lists[split].count for lists in card.lists.values() if split in lists and lists[split].count}


def _card(method: str) -> MethodCard | None:
    try:
        return methods.card(method)
    except BenchError:  # rows of a method that is not installed here
        return None
