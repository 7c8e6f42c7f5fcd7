"""Suites: one or more runs and the tables of a paper that they fill; read from `reports/<name>/suite.toml`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.strict import STRICT


@checked(frozen=True, config=STRICT)
class PaperTable:
    """One table as a paper prints it: its columns in order, and the published values that stand beside ours.

    A column is `<data set>/<split>`, or `<data set>/<split>/<protocol>` where it is not `protocol`. Published values
    are those of these data sets, splits and protocols, and those `published_under` other protocols, which get no
    verdict here. `methods` (the suite's names, or as printed) and `sources` (how a source begins) leave out others.
    """

    title: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    protocol: str = ""
    metrics: tuple[str, ...] = ("psnr_y", "ssim_y")
    methods: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    published_under: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[tuple[str, str, str], ...]:
        """Data set, split and protocol of each column."""
        # of a column that names no protocol, the third word is ""
        parts = [[*column.split("/", 2), "", self.protocol][:4] for column in self.columns]
        return tuple((of[0], of[1], next(filter(None, of[2:]), "")) for of in parts)


@checked(frozen=True, config=STRICT)
class SuiteFacts:
    """What a suite says of itself: the table `[suite]` of its file. `metrics` are those of the ordinary report."""

    title: str
    about: str = ""
    metrics: tuple[str, ...] = ("psnr_y", "ssim_y")
    tables: tuple[PaperTable, ...] = ()
