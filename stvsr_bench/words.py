"""What people type and write: several names in one text, text files as any system saves them, names of any bytes."""

import os
import re
import tomllib
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from stvsr_bench.errors import UsageError, spelled

QUOTING = (
    "separate several by commas or spaces; put a name with a comma or a space that is not an existing path in "
    "its own quotes, e.g. '\"my clips\",city'"
)
_WORD = re.compile(r"""(?:(?<=[,\s])|^)(["'])(?P<quoted>.+?)\1(?=[,\s]|$)|[^,\s]+""")
_MOST = 64  # words that one path is tried over
_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",  # `>` of PowerShell
    b"\xfe\xff": "utf-16",
}
_URI = "file://"


def several(text: str, is_one: Callable[[str], bool] = lambda word: False) -> tuple[str, ...]:
    """Names separated by commas or spaces, each once, in order; `@file.txt` stands for the names in a file.

    A stretch that `is_one` (a path that exists, the name of a clip) is one name whatever it contains, the longest one
    that there is; so is what stands in quotes.

    Raises:
        UsageError: the file named after `@` cannot be read.
    """
    return tuple(dict.fromkeys(_several(text, is_one, lists=True)))


def lines(text: str) -> tuple[str, ...]:
    """The text itself, or the lines of the files that `@file.txt` names in it, not taken apart; see `several`.

    Raises:
        UsageError: the file named after `@` cannot be read.
    """
    words = _several(text, lambda word: word.startswith("@") and is_path(word[1:]), lists=False)
    if not any(word.startswith("@") for word in words):
        return (text,) if text.strip() else ()
    return tuple(dict.fromkeys(line for word in words for line in (_lines_of(word[1:]) if word[0] == "@" else [word])))


def is_path(text: str) -> bool:
    """Whether a text is a path that exists."""
    with suppress(OSError, ValueError, RuntimeError):  # too long, a NUL, the home of nobody
        return bool(text) and Path(text).expanduser().exists()
    return False


def read_text(path: Path) -> str:
    """A text file in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark; lines end in a newline.

    Raises:
        OSError, UnicodeError: it cannot be read, or is none of these.
    """
    encoded = path.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if encoded.startswith(mark)), "")
    if not encoding:
        # UTF-16 without its mark: every second byte of plain letters is 0
        odd, even = encoded[1:400:2].count(0), encoded[0:400:2].count(0)
        plain = max(odd, even) * 4 < len(encoded[:400])
        encoding = "utf-8" if plain or len(encoded) % 2 else "utf-16-le" if odd > even else "utf-16-be"
    return encoded.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, however an editor saved it; see `read_text`.

    Raises:
        OSError, UnicodeError, tomllib.TOMLDecodeError, RecursionError: it cannot be read, or is no TOML.
    """
    return tomllib.loads(read_text(path))


def composed(name: str) -> str:
    """A name as most systems write it: on a Mac, an accent may be a character of its own. For comparing names."""
    return unicodedata.normalize("NFC", spelled(name))


def stored(path: str) -> str:
    """A path as a text file can hold it: one whose bytes are no UTF-8 as a `file://` address."""
    try:
        path.encode()
        return path
    except UnicodeEncodeError:
        return _URI + quote(os.fsencode(Path(path).expanduser().resolve()))


def unstored(text: str) -> str:
    """The path of which `stored` made a text."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))) if text.startswith(_URI) else text


def _several(text: str, is_one: Callable[[str], bool], lists: bool) -> list[str]:
    if text != text.strip() and is_one(text):  # spaces around a word are none of it, but in the name of a path
        return [text]
    found: list[str] = []
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        first = words[at]
        ends = range(min(len(words), at + _MOST), at, -1)
        taken = next((end for end in ends if _is_one(text[first.start() : words[end - 1].end()], is_one, lists)), 0)
        word = text[first.start() : words[taken - 1].end()] if taken else first["quoted"] or first[0]
        if lists and word.startswith("@") and not first["quoted"] and not is_one(word):
            for line in _lines_of(word[1:]):
                found += _several(line, is_one, lists=False)
        else:
            found.append(word)
        at = taken or at + 1
    return found


def _is_one(stretch: str, is_one: Callable[[str], bool], lists: bool) -> bool:
    return is_one(stretch) or (lists and stretch.startswith("@") and is_path(stretch[1:]))


def _lines_of(name: str) -> list[str]:
    """The lines of a list, without comments and empty ones."""
    try:
        text = read_text(Path(name).expanduser())
    except (OSError, ValueError, RuntimeError) as error:  # no text, a NUL in the name, the home of nobody
        why = getattr(error, "strerror", None) or error
        if isinstance(error, UnicodeError):
            why = "it is neither UTF-8 nor UTF-16; save it as UTF-8"
        raise UsageError(f"list @{name}: cannot be read: {why}") from None
    found = [line.strip() for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not found:  # no names would be taken for all
        raise UsageError(f"list @{name}: it names nothing; write one name per line")
    return found
