"""What only a graphics card can show: parity, precision, compiling and the fall-back into tiles, as one Markdown page.

    python tests/device/check.py [--device cuda] [--out reports/gpu] [--minutes 3.5] [METHOD ...]

`check.sh` runs it, then the profiles. Each method's network has random weights (seed 0), for parity does not depend on
them, and one small clip. Every cell of the table is computed in another process, with a time limit: one that hangs,
dies or leaves the card in an error costs its cell. The page is written again after each cell. What the time does not
suffice for is named at the end.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from stvsr_bench import environment, methods, protocols
from stvsr_bench.errors import told
from stvsr_bench.restore.clip import restore
from stvsr_bench.restore.device import place
from stvsr_bench.schema import EvalProtocol, Method, Settings

METHODS = [
    "stdan@none", "zsm@none", "tmnet@none", "rstt@none", "safa@none", "videoinr@none", "motif@none", "bfstvsr@none",
    "basicvsr@none", "liif@none", "rife@none", "span@none", "dat-light@none", "dis", "bicubic",
]  # fmt: skip
LIMIT_S = 45.0  # of a cell: the first one of a method compiles kernels for the CPU, which takes 15 s here
WAYS = ["fp32", "bf16", "fp16", "plain engine", "tf32", "channels last", "compiled"]  # the most important first
BROKEN = "CUDA error"  # after one, all that its process asks of the card fails

Cell = Callable[[], str]


def protocol_of(method: Method) -> EvalProtocol:
    """One that the method can do: the usual task, or its own half of it."""
    kinds = {"sr": "suite-1:time_scale=1", "vfi": "suite-1:scale=1"}
    return protocols.get(kinds.get(method.card.kind, "suite-1"))


def frames(spec: str, settings: Settings, size: tuple[int, int] = (64, 112), plain: bool = False):
    """(sr_SCHW, how) of the method with the same random weights and frames each time."""
    torch.manual_seed(0)
    method = methods.build(spec)
    if plain:
        for module in method.net.modules():
            if hasattr(module, "engine"):
                module.engine = "plain"
    lr_SChw = np.random.default_rng(0).random((3 if size[0] > 64 else 5, 3, *size), dtype=np.float32)
    done = restore(place(method, settings), lr_SChw, protocol_of(method), settings)
    return done.sr_SCHW, done.how


def difference(one: np.ndarray, other: np.ndarray) -> str:
    """The largest difference of two outputs, and their PSNR in dB as if one were the truth."""
    off = one.astype(np.float64) - other.astype(np.float64)
    error = float(np.mean(off**2))
    return f"{np.abs(off).max():.2g} / {-10 * np.log10(error):.1f}" if error else "equal"


def against_the_cpu(spec: str, way: str, device: str, kept: Path) -> str:
    """A cell: how far the method is from itself on the CPU in float32, which is computed once and kept."""
    truth = kept / f"{spec}.npy"
    if not truth.exists():
        np.save(kept / "part.npy", frames(spec, Settings())[0])
        (kept / "part.npy").replace(truth)  # whole, also where this process is stopped meanwhile
    there = Settings(device=device)
    settings = {
        "channels last": replace(there, channels_last=True),
        "compiled": replace(there, compile=True),
        "plain engine": there,
    }.get(way) or replace(there, precision=way)
    return difference(frames(spec, settings, plain=way == "plain engine")[0], np.load(truth))


def falls_back(spec: str, device: str) -> str:
    """What happens when the card's memory is too small for whole frames."""
    if not device.startswith("cuda"):
        return "needs a CUDA device"
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 3 * 2**30 / whole), device)
    try:
        sr, how = frames(spec, Settings(device=device), (540, 960))
        return f"{sr.shape[-1]}x{sr.shape[-2]} came out, {how}"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _serve(pipe: Any) -> None:
    while True:
        cell = pipe.recv()
        try:
            pipe.send(cell())
        except Exception as error:  # noqa: BLE001 - one method's fault is a cell of the table
            pipe.send(told(error)[:200])


class Cells:
    """Computes one cell after the other in a process that is replaced when it dies, hangs or breaks the card."""

    def __init__(self) -> None:
        self.process: Any = None

    def ask(self, cell: Cell, limit_s: float) -> str:
        if self.process is None:
            context = get_context("spawn")  # CUDA cannot be used in a forked process
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
        self.pipe.send(cell)
        try:
            answer = self.pipe.recv() if self.pipe.poll(limit_s) else f"took longer than {limit_s:.0f} s"
        except (EOFError, OSError):
            self.process.join(5)
            answer = f"its process died (exit code {self.process.exitcode})"
        if BROKEN in answer or "longer than" in answer or "died" in answer:
            self.end()
        return str(answer)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join(5)
            self.pipe.close()
            self.process = None


def measured(specs: list[str], device: str, until: float) -> Iterator[tuple[list[str], str, list[str]]]:
    """The lines of the table, the fall-back and what there was no time for, after each cell."""
    cells, lines, left, fall_back = Cells(), {spec: {"method": spec} for spec in specs}, [], "no time was left"

    def asked(cell: Cell) -> str | None:
        here = min(LIMIT_S, until - time.monotonic())
        return cells.ask(cell, here) if here > 1 else None

    with tempfile.TemporaryDirectory() as kept:
        for way in WAYS:
            # compiling takes minutes for a large network; the small ones stand at the end
            for spec in reversed(specs) if way == "compiled" else specs:
                answer = asked(partial(against_the_cpu, spec, way, device, Path(kept)))
                if answer is None:
                    left.append(f"{spec} {way}")
                    continue
                lines[spec][way] = answer.replace("\n", " ")[:80]
                print(f"{spec} {way}: {answer}", flush=True)
                yield list(lines.values()), fall_back, left
            if way == "fp16":
                fall_back = asked(partial(falls_back, "zsm@none", device)) or fall_back
                yield list(lines.values()), fall_back, left
    cells.end()
    yield list(lines.values()), fall_back, left


def page(device: str, lines: list[Any], fall_back: str, left: list[str]) -> str:
    """The Markdown page."""
    facts = environment.describe()["machine"]
    text = [
        f"# {device}: {facts.get('gpu') or facts.get('cpu')}, torch {torch.__version__}",
        "Largest difference from float32 on the CPU (values from 0 to 1), and PSNR in dB against it. Random weights.",
        tabulate(lines, headers={"method": "method", **{way: way for way in WAYS}}, tablefmt="github"),
        f"Fall-back into tiles, zsm@none, 540x960 with 3 GiB: {fall_back}",
        *([f"No time was left for: {', '.join(left)}."] if left else []),
    ]
    return "\n\n".join(text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("reports/gpu"))
    parser.add_argument("--minutes", type=float, default=3.5)
    asked = parser.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "parity.md"
    with suppress(KeyboardInterrupt):
        for found in measured(asked.methods, asked.device, until):
            file.write_text(page(asked.device, *found), encoding="utf-8")
    print(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
