"""The `vimeo90k` data set: septuplets, with the lists of two authors and the nine clips in which they differ."""

from dataclasses import replace

from stvsr_bench.data import lists
from stvsr_bench.data.readers import Septuplets

# In STDAN's lists but not in Zooming Slow-Mo's, which left out clips that hold totally black frames
BLACK = {
    "medium": ("00036/0974", "00046/0113", "00047/0865", "00047/0866", "00048/0034", "00088/0794"),
    "slow": ("00014/0030", "00014/0043", "00048/0137"),
}
_ALL_BLACK = frozenset(name for names in BLACK.values() for name in names)


class Vimeo90K(Septuplets):
    """Septuplets of Vimeo-90K. Clips that hold black frames carry the flag `black`: their PSNR may be infinite."""

    def flags(self, split: str, name: str) -> tuple[str, ...]:
        """`black` for the nine clips, and what every list-based reader says."""
        return (*super().flags(split, name), *(("black",) if name in _ALL_BLACK else ()))

    def _choose(self, split: str, candidates: list[lists.ClipList]) -> lists.ClipList:
        """The wanted author's list; if only the other's is there, it is made from that and checked by its hash."""
        made = [self._made_from(split, candidate) for candidate in candidates if candidate.by]
        return super()._choose(split, [*candidates, *made] if made else candidates)

    def _made_from(self, split: str, other: lists.ClipList) -> lists.ClipList:
        black = BLACK.get(split, ())
        if self.lists == "stdan":
            entries = sorted({*other.entries, *black})
        else:
            entries = [entry for entry in other.entries if entry not in black]
        return replace(
            other, entries=entries, by=lists.identify(entries, self._known(split)), sha256=lists.digest(entries)
        )
