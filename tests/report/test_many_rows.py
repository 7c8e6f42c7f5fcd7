"""What readers of many rows keep of each: a report of a million rows must fit into the memory of a laptop."""

import gc
import random
import tracemalloc
from dataclasses import replace

import pytest

from stvsr_bench.report.tables.sources import clips_csv
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.write import load
from stvsr_bench.rows import gate, store
from stvsr_bench.rows.lines import line_of
from stvsr_bench.schema import Row

FEW, MANY = 300, 1200
METHODS = ("blend", "dis", "zsm")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Run folders of few and of many rows: three methods, six metrics of seven frames, drawn values."""
    where, draw = tmp_path_factory.mktemp("many"), random.Random(0)
    metrics = ("mse_y", "psnr_y", "ssim_y", "mse_rgb", "psnr_rgb", "ssim_rgb")
    base = Row(
        key="", made={"code": "a"}, stamp="s", method="", weights="", dataset="mini", split="fast", clip="",
        protocol="suite-1", protocol_key="suite-1.1-0", restoring_key="0", frames=list(range(7)),
        given=[True, False] * 3 + [True], values={}, size=(8, 8), truth="t", input="i", params=1000, motion_px=1.5,
        seconds={"read": 0.1, "restore": 1.0, "score": 0.3}, how={"device": "cpu", "threads": "1"}, env="e",
    )  # fmt: skip
    for count in (FEW, MANY):
        (where / str(count)).mkdir()
        with store.rows_file(where / str(count)).open("wb") as file:
            for at in range(count):
                values = {metric: [30 + draw.gauss(0, 1) for _ in range(7)] for metric in metrics}
                seconds = {name: draw.random() for name in base.seconds}
                row = replace(base, method=METHODS[at % 3], clip=f"{at // 3:05d}", values=values, seconds=seconds)
                file.write(line_of(replace(row, key=row.own_key)) + b"\n")
    return where


def growth(work, folders):
    """Bytes for each row more: of the peak, and of what is kept."""
    work(folders / str(FEW))  # loads modules and fills caches
    seen = []
    for count in (FEW, MANY):
        gc.collect()
        tracemalloc.start()
        kept = work(folders / str(count))
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        del kept
        seen.append((peak, now))
    return [(many - few) / (MANY - FEW) for few, many in zip(*seen, strict=True)]


# before rows were lean: 3.4 kB kept of each row that was read, 6.0 kB at the peak of a report, 7.1 kB at that of a gate
def test_a_row_that_is_read_takes_half_a_kilobyte(folders):
    peak, kept = growth(store.read_rows, folders)
    assert kept < 800 and peak < 900


def test_a_report_keeps_of_a_row_what_its_tables_need(folders):
    def made(run):
        measured = load([run])
        assert len(clips_csv(measured.chosen(Options()))) > 100
        return measured

    peak, kept = growth(made, folders)
    assert kept < 1500 and peak < 2600


def test_a_gate_takes_two_rows_and_what_matches_them(folders):
    assert growth(lambda run: gate.judge(run, run), folders)[0] < 2000
