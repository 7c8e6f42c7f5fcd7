"""One digest for everything: SHA-256 of canonical JSON."""

import hashlib
import json
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value made of plain types."""
    # a path may have bytes that are no UTF-8
    return hashlib.sha256(_CANONICAL.encode(value).encode(errors="surrogatepass")).hexdigest()
