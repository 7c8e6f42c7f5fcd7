"""What a person types for a data set: `mini`, `mini:rate=4`, `mini:rate=4:train`, or the path of a folder of clips."""

import os
import re
from dataclasses import asdict, replace
from typing import Any

from stvsr_bench import plugins, words
from stvsr_bench.errors import UsageError
from stvsr_bench.plugins import options
from stvsr_bench.schema import DatasetCard

_SPEC = re.compile(r"(?P<name>[^:]+)(?P<options>" + options.PATTERN + ")")
_LATER = ("choices", "limits", "options", "sparse")
_OPTION_FOLLOWS = re.compile(r"([A-Za-z0-9_-]+):[A-Za-z_]+=")


def is_path(text: str) -> bool:
    """Whether a data set is named by its path: it holds a separator, or is `.` or starts with `~`."""
    if not ("/" in text or os.sep in text or text == "." or text.startswith("~")):
        return False
    # `mini:rate=1/2` is a wrong value, not a folder
    follows = _OPTION_FOLLOWS.match(text)
    return follows is None or plugins.canonical(follows[1]) not in plugins.plugins("datasets")


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options of what was typed (no path), unchecked against any card.

    Raises:
        UsageError: it does not have the form `name[:option=value ...]`.
    """
    match = _SPEC.fullmatch(text)
    if match is None:
        raise UsageError(f"data set '{text}' cannot be read; write name[:option=value ...], e.g. mini:rate=4")
    return match["name"], options.typed(match["options"], text)


def split_off(text: str) -> tuple[str, str]:
    """`mini:rate=4:train` as data set and split; the split is "" where none is named."""
    if is_path(text) and words.is_path(text):
        return text, ""
    before, colon, last = text.rpartition(":")
    return (text, "") if not colon or "=" in last else (before, last)


def with_options(card: DatasetCard, said: dict[str, str]) -> DatasetCard:
    """The card of the data set that these options make; `mini:rate=1` is `mini`.

    Raises:
        UnknownNameError: the card has no such option.
        UsageError: the value is none that the card allows.
    """
    chosen = options.with_typed(card.name, card.options, said, card.choices, card.limits)
    return replace(card, name=card.name + options.changed(chosen, card.options), options=chosen)


def facts(card: DatasetCard) -> dict[str, Any]:
    """What a card says, for a digest: without addresses, and what cards gained later and this one does not use."""
    said = {key: value for key, value in asdict(card).items() if value or key not in _LATER}
    known = {by: {split: each.sha256 for split, each in splits.items()} for by, splits in card.lists.items()}
    return {key: value for key, value in said.items() if key != "by_hand"} | {"downloads": {}, "lists": known}
