"""Everything passed on or written down: cards, protocols, clips, methods, jobs, rows, manifests.

All frozen. Cards, protocols and rows are pydantic dataclasses: what a person or a file wrote is checked
when it is read, unknown keys included. Clips and methods hold arrays and networks and are plain dataclasses.
Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from stvsr_bench.schema.canonical import digest
from stvsr_bench.schema.cards import (
    Contents,
    DatasetCard,
    Download,
    Kind,
    MethodCard,
    OptionValue,
    Paper,
    SplitList,
    Streaming,
    TileNeeds,
    TimeControl,
    Weights,
)  # fmt: skip
from stvsr_bench.schema.clip import Clip, Frames
from stvsr_bench.schema.manifest import Manifest
from stvsr_bench.schema.method import Method, Settings, on_grid
from stvsr_bench.schema.protocol import RENAMED, Average, Degradation, EvalProtocol
from stvsr_bench.schema.reading import Hdr, Reading
from stvsr_bench.schema.row import SCHEMA_VERSION, Job, Row
from stvsr_bench.schema.scale import Scale, canonical, ratio
from stvsr_bench.schema.source import Example, Shown, Source
from stvsr_bench.schema.suite import PaperTable, SuiteFacts

__all__ = [
    "RENAMED", "SCHEMA_VERSION", "Average", "Clip", "Contents", "DatasetCard", "Degradation", "Download",
    "EvalProtocol", "Example", "Frames", "Hdr", "Job", "Kind", "Manifest", "Method", "MethodCard", "OptionValue",
    "Paper", "PaperTable", "Reading", "Row", "Scale", "Settings", "Shown", "Source", "SplitList", "Streaming",
    "SuiteFacts", "TileNeeds", "TimeControl", "Weights", "canonical", "digest", "on_grid", "ratio",
]  # fmt: skip
