"""One plug-in as it was found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PluginKind = Literal["methods", "datasets"]
BUILT_IN = ("package", "checkout")


@dataclass(frozen=True)
class Plugin:
    """One method or data set as found: its folder (or file), where it came from, and what is wrong with it.

    `replaces` is the origin of the plug-in of the same name that it stands in for, "" for none: every table says so.
    """

    kind: PluginKind
    name: str
    path: Path
    origin: str
    error: str = ""
    replaces: str = ""

    @property
    def word(self) -> str:
        """What it is, for a sentence."""
        return "data set" if self.kind == "datasets" else "method"
