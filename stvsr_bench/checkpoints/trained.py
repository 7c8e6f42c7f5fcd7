"""What `train` wrote beside its weights: the method and the options that the network was built with.

It is in the metadata of the `.safetensors` file itself, and in `weights.json` beside it, which older runs have alone.
Both may be anybody's: what cannot be read as plain options is as if it were not there.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stvsr_bench.checkpoints.loading import sha256
from stvsr_bench.schema import OptionValue

KEY = "stvsr_bench"
LARGEST = 16 * 2**20  # bytes of a header or a JSON file; those of the largest nets need a hundredth of this
LARGEST_NUMBER = 4096  # no network here is wider; a file that claims more would fill the memory before it is refused


@dataclass(frozen=True)
class Trained:
    """The method that weights were trained as, and the options that differ from its card's."""

    method: str
    options: Mapping[str, OptionValue]

    @property
    def text(self) -> str:
        """Both as one line of JSON."""
        return json.dumps({"method": self.method, "options": dict(self.options)}, sort_keys=True)

    @property
    def metadata(self) -> dict[str, str]:
        """What a `.safetensors` file says of itself."""
        return {KEY: self.text}


def trained(path: Path) -> Trained | None:
    """What a file of weights says that it was trained as, itself or by the `.json` beside it; None if neither does."""
    try:
        return _of(json.loads(_metadata(path).get(KEY, "null"))) or _beside(path)
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return None


def from_text(text: str) -> Trained | None:
    """What `Trained.text` says, or None if it is not of that form."""
    try:
        return _of(json.loads(text or "null"))
    except (ValueError, RecursionError):
        return None


def _metadata(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if not 0 < length <= LARGEST or file.read(1) != b"{":
            return {}
        header = json.loads(b"{" + file.read(length - 1))
    found = header.get("__metadata__")
    return found if isinstance(found, dict) else {}


def _beside(path: Path) -> Trained | None:
    file = path.with_suffix(".json")
    if not file.is_file() or file.stat().st_size > LARGEST:
        return None
    facts = json.loads(file.read_bytes())
    # the weights may have been copied over by others since
    if facts.get("sha256") != sha256(path):
        return None
    options = facts["options"] if "options" in facts else facts.get("recipe", {}).get("options")
    return _of({"method": facts.get("method"), "options": options})


def _of(said: Any) -> Trained | None:
    if not isinstance(said, dict) or not isinstance(said.get("options"), dict):
        return None
    method, options = said.get("method"), said["options"]
    return Trained(method, options) if isinstance(method, str) and all(map(_plain, options.values())) else None


def _plain(value: object) -> bool:
    return isinstance(value, bool | str) or (isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER)
