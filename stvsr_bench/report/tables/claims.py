"""Where the rows of collected bundles come from: who claims them, which bundle, which machine."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stvsr_bench.errors import DataError, counted
from stvsr_bench.report.labels import listed, method_label
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.rows import store
from stvsr_bench.rows.bundle import COLLECTED
from stvsr_bench.schema import Row

SAID = (
    "claimed by: the name that a bundle gives itself; its digest is not a signature. To compute rows again: "
    '"stvsr-bench verify FILE --sample 1%"'
)


@dataclass(frozen=True)
class Claim:
    """One bundle that holds a row."""

    claimed_by: str
    digest: str
    machine: str

    @property
    def words(self) -> str:
        """As notes say it."""
        return f"{self.claimed_by or 'no name'} (bundle {self.digest[:8]}{', ' if self.machine else ''}{self.machine})"


def claims_of(run: Path) -> dict[str, tuple[Claim, ...]]:
    """The bundles that hold each row of a run folder, by the row's key; nothing of a run that was measured here.

    Raises:
        DataError: the list of bundles cannot be read.
    """
    found: dict[str, list[Claim]] = defaultdict(list)
    try:
        for one in store.read_json(run / COLLECTED).get("bundles", []):
            claim = Claim(str(one["claimed_by"]), str(one["digest"]), listed([str(of) for of in one["machines"]]))
            for key in one["keys"]:
                found[str(key)].append(claim)
    except (TypeError, KeyError, AttributeError):
        raise DataError(f"{run / COLLECTED} is not a list of bundles; was it edited?") from None
    return {key: tuple(of) for key, of in found.items()}


def notes(tidy: pd.DataFrame, claims: Mapping[str, Sequence[Claim]]) -> list[str]:
    """A sentence for each method: how many of its rows stand in which bundle."""
    if not claims:
        return []
    found = []
    for method_key, part in tidy.groupby(["method", "weights"], sort=True):
        counts: dict[str, int] = defaultdict(int)
        for row in part["row"]:
            for words in (claim.words for claim in claims.get(row.key, ())):
                counts[words] += 1
            counts["this machine, in no bundle"] += row.key not in claims
        said = "; ".join(
            f"{count} of {counted(len(part), 'row')} claimed by {of}" for of, count in counts.items() if count
        )
        found.append(f"{method_label(*method_key)}: {said}")
    return [*found, SAID]


def provenance_csv(rows: Sequence[Row], claims: Mapping[str, Sequence[Claim]]) -> str:
    """Each row with each bundle that holds it, a line each."""
    heads = ("key", "method", "weights", "weights_sha256", "dataset", "split", "clip", "protocol", "env")
    lines = [[*heads, "claimed_by", "bundle", "machine"]]
    for row in rows:
        for claim in claims.get(row.key, ()):
            lines.append([*(getattr(row, name) for name in heads), claim.claimed_by, claim.digest, claim.machine])
    return lines_csv(lines)
