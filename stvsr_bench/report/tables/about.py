"""What a reader who doubts a table asks: the protocol in words, how many clips and frames, which weights, on what.

Made of the rows and of what the run wrote down beside them; nothing is typed per protocol or method.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stvsr_bench.report import described
from stvsr_bench.report.labels import MethodKey, listed, method_label
from stvsr_bench.schema import Row

if TYPE_CHECKING:  # tables are laid out without it, too
    import pandas as pd

SHORT = 8  # hexadecimal digits of a SHA-256 under a table; provenance has all 64


@dataclass(frozen=True)
class Place:
    """How much of a split a table has: clips of any method, of `of` in the split (None: not known), frames scored."""

    dataset: str
    split: str
    clips: int
    of: int | None
    frames: int

    @property
    def words(self) -> str:
        """`mini fast: 2 of 8 clips, 14 frames`."""
        whole = f" of {self.of}" if self.of is not None and self.of > self.clips else ""
        clips = f"{self.clips}{whole} clip{'s' if max(self.clips, self.of or 0) != 1 else ''}"
        return f"{self.dataset} {self.split}: {clips}, {self.frames} frame{'s' if self.frames != 1 else ''} scored"


@dataclass(frozen=True)
class Network:
    """What a line's numbers were made with: SHA-256 of weights, or a digest of frames made elsewhere; device; rows."""

    sha256: str = ""
    source: str = ""
    device: str = ""
    rows: int = 0
    frames: Mapping[tuple[str, str], int] | None = None

    def frames_of(self, dataset: str, split: str) -> int:
        """Frames of this method that were scored on a split."""
        return (self.frames or {}).get((dataset, split), 0)


@dataclass(frozen=True)
class About:
    """A table's protocol in words, by subject (empty where nobody knows it), and how much there is of each split."""

    words: Mapping[str, str]
    places: tuple[Place, ...]

    @property
    def sentence(self) -> str:
        """The protocol in one line."""
        return (
            described.sentence(self.words) if self.words else "This version of stvsr-bench does not know this protocol."
        )


NO_NETWORK, NOTHING = Network(), About({}, ())


def about(tidy: "pd.DataFrame", protocol: str, key: str, stated: Mapping[str, Any], totals: Mapping[str, int]) -> About:
    """What is to be said of the table of this protocol key; `stated` and `totals` are of the run's manifest."""
    fields = stated.get(protocol, {})
    places = []
    for (dataset, split), part in tidy.groupby(["dataset", "split"], sort=False):
        frames = int(part.groupby("clip")["n_frames"].max().sum())
        of = totals.get(f"{dataset}/{split}/{key}")
        places.append(Place(str(dataset), str(split), int(part["clip"].nunique()), of, frames))
    return About(described.of_key(protocol, key, fields if isinstance(fields, dict) else {}), tuple(places))


def networks(tidy: "pd.DataFrame") -> dict[MethodKey, Network]:
    """What each line of a table was made with."""
    found = {}
    for (method, weights), part in tidy.groupby(["method", "weights"], sort=False):
        rows: list[Row] = list(part["row"])
        found[str(method), str(weights)] = Network(
            sha256=_joined(row.weights_sha256 for row in rows),
            source=_joined(row.source for row in rows),
            device=_joined(device_of(row) for row in rows),
            rows=len(rows),
            frames={(str(d), str(s)): int(of.sum()) for (d, s), of in part.groupby(["dataset", "split"])["n_frames"]},
        )
    return found


def device_of(row: Row) -> str:
    """The device of a row with its precision: `cuda bf16`."""
    parts = (row.how.get("device", ""), row.how.get("precision", ""))
    return " ".join(part for part in parts if part)


def _joined(values: Iterable[str]) -> str:
    return "; ".join(sorted({value for value in values if value}))


def weights_note(of: Mapping[MethodKey, Network]) -> list[str]:
    """One sentence with the first digits of every file of weights; nothing where no method has any."""
    said = []
    for key, network in of.items():
        for contents, what in ((network.sha256, ""), (network.source, "frames ")):
            digits = [part[:SHORT] for one in contents.split("; ") for part in one.split("+") if part not in ("", "-")]
            if digits:
                said.append(f"{method_label(*key)} {what}{listed(digits)}")
    return [f"SHA-256 of weights, first {SHORT} digits: {'; '.join(said)}"] if said else []
