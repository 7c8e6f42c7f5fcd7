"""What made two rows, compared: the parts that differ, and the words for them."""

from collections.abc import Mapping

# what a person reads of each; "scoring" alone may be made good without the network
WORDS = {
    "code": "its code",
    "card": "its card",
    "restoring": "the suite's restoring code",
    "scoring": "the suite's scoring code",
    "libraries": "the version of a library",
    "device": "the device",
    "threads": "the number of threads",
    "seed": "the seed",
    "layout": "the memory layout",
    "hidden": "what cannot be read of its code",
}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of what differs, in the order of `WORDS`; for a row that does not say what made it: "unknown"."""
    if not before:
        return ["unknown"]
    return [name for name in WORDS if before.get(name) != now.get(name)]


def said(what: list[str]) -> str:
    """What changed, in words."""
    words = [WORDS.get(name, name) for name in what]
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1] if words else ""
