"""Run folders made of rows that nobody measured, for tests of reports."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from stvsr_bench import protocols
from stvsr_bench.report.figures import drawing
from stvsr_bench.report.published.values import read_published
from stvsr_bench.rows.lines import line_of
from stvsr_bench.schema import Row

MakeRun = Callable[..., Path]
HEAD = (
    "method,printed,group,dataset,split,clip,scale,time_scale,variant,protocol,procedure,"
    "psnr_y,ssim_y,psnr_rgb,ssim_rgb,params_m,status,source,source_url,note\n"
)
SEPTUPLET = [0, 1, 2, 3, 4, 5, 6]


def make_row(
    method: str, weights: str, dataset: str, split: str, clip: str, psnr: list[float], **changes: object
) -> Row:
    """One row of a septuplet with these PSNR values; SSIM, MSE and seconds follow from them."""
    protocol = protocols.get(str(changes.pop("protocol", "suite-1")))
    fields: dict[str, object] = {
        "key": "",
        "method": method,
        "weights": weights,
        "dataset": dataset,
        "split": split,
        "clip": clip,
        "protocol": protocol.name,
        "protocol_key": protocol.key,
        "restoring_key": protocols.restoring_key(protocol),
        "frames": SEPTUPLET,
        "given": [index % 2 == 0 for index in SEPTUPLET],
        "values": {
            "psnr_y": psnr,
            "ssim_y": [1.0 if math.isinf(value) else round(1 - 10 ** (-value / 20), 6) for value in psnr],
            "mse_y": [0.0 if math.isinf(value) else 255**2 * 10 ** (-value / 10) for value in psnr],
        },
        "size": (256, 448),
        "untrained": weights == "none",
        "params": 8292843 if method == "stdan" else 0,
        "seconds": {"read": 0.01, "restore": 2.0 if method == "stdan" else 0.25, "score": 0.02},
        "suite": "0.1.0",
        "env": "e",
        "made": {"method": "m", "scoring": "s"},
    }
    made = Row(**{**fields, **changes})  # type: ignore[arg-type]
    return replace(made, key=made.key or made.own_key)


def write_run(folder: Path, rows: list[Row]) -> Path:
    """A run folder with these rows and the files beside them."""
    folder.mkdir(parents=True)
    (folder / "rows-main.jsonl").write_bytes(b"".join(line_of(row) + b"\n" for row in rows))
    manifest = {"run": folder.name, "started": "2026-01-01T00:00:00Z", "env": "e"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    machine = {"cpu": "a processor", "cores": 2}
    (folder / "env.json").write_text(json.dumps({"e": {"commit": "abc1234", "dirty": False, "machine": machine}}))
    profiles = [
        {
            "method": method,
            "weights": "",
            "device": "cpu",
            "machine": "a test",
            "precision": "fp32",
            "params": params,
            "gmacs": gmacs,
            "runtime_ms": {"median": 7 * runtime, "iqr": 1.0, "n": 5, "frame_ms": runtime},
            "kind": "profile",
            "machine_facts": {"cpu": "a processor"},
            "threads": 1,
            "peak_memory_mib": 500.0,
            "size": [64, 112],
            "frames": 4,
        }
        for method, params, gmacs, runtime in (("stdan", 8292843, 1234.5, 812.3), ("blend+bicubic", 0, 0.0, 3.1))
    ]
    (folder / "profile.jsonl").write_text("".join(json.dumps(profile) + "\n" for profile in profiles))
    return folder


@pytest.fixture
def unsaved(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where figures would be written: each is drawn, and none is saved, which takes most of a report's time."""
    paths: list[Path] = []

    def save(figure: Figure, path: Path) -> list[Path]:
        paths.append(path)
        return [path.with_name(f"{path.name}.{kind}") for kind in ("png", "pdf")]

    monkeypatch.setattr(drawing, "save", save)
    return paths


@pytest.fixture
def row() -> Callable[..., Row]:
    """`make_row`, for tests that plant single rows."""
    return make_row


@pytest.fixture
def write() -> Callable[[Path, list[Row]], Path]:
    """`write_run`, for tests that plant rows."""
    return write_run


def demo_run(parent: Path) -> Path:
    """Two trained methods and an untrained one on two data sets, five clips a split, given frames 6 dB better."""
    random = np.random.default_rng(0)
    methods = (("stdan", "mini", 3.0), ("blend+bicubic", "", 0.0), ("dis+bicubic", "", 1.0), ("zsm", "none", 9.0))
    rows = []
    for dataset, split, level in (("mini", "fast", 24.0), ("mini", "slow", 30.0), ("openclips", "medium", 27.0)):
        for index in range(5):
            base = level + random.normal(0, 2)
            for method, weights, gain in methods:
                psnr = [base + gain + (6.0 if t % 2 == 0 else 0.0) + random.normal(0, 0.1) for t in SEPTUPLET]
                psnr = [round(value, 4) for value in psnr]
                motion = {"fast": 10.0, "medium": 4.0, "slow": 1.0}[split] + index / 10
                rows.append(make_row(method, weights, dataset, split, f"{index:03}", psnr, motion_px=motion))
    return write_run(parent / "runs" / "demo", rows)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """`demo_run` in a folder of its own."""
    return demo_run(tmp_path)


@pytest.fixture(scope="session")
def build_run() -> Callable[[Path], Path]:
    """`demo_run`, for fixtures that live longer than a test."""
    return demo_run


def make_line(psnr="", protocol="zsm-2020", **changes):
    """One line of `published.csv`; Zooming Slow-Mo on all of Vid4, x4 and x2 in time, unless changed."""
    line = dict.fromkeys(HEAD.strip().split(","), "")
    line |= {"method": "zsm", "printed": "Zooming Slow-Mo", "dataset": "vid4", "split": "test", "scale": "4.0"}
    line |= {"time_scale": "2", "status": "confirmed", "source": "a paper", "source_url": "https://example.org"}
    line |= {"protocol": protocol, "psnr_y": str(psnr), **changes}
    out = io.StringIO()
    csv.DictWriter(out, line, lineterminator="\n").writerow(line)
    return out.getvalue()


def read_lines(*lines):
    """The published values of lines."""
    return read_published(HEAD + "".join(lines))


@pytest.fixture
def one():
    """`make_line`."""
    return make_line


@pytest.fixture
def published():
    """`read_lines`."""
    return read_lines
