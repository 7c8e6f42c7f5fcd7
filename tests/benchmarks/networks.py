"""How much faster the fast engines are than the paper's order of computation, as ratios in one run.

    python tests/benchmarks/networks.py [--methods stdan zsm tmnet] [--size 64x112] [--frames 4] [--repeats 3] [--json]

Every repeat runs each way once, so that a busy machine slows all alike; medians are compared. `wall` is what a user
waits, `cpu` the processor time of all threads, which other programs change less. `peak` is the largest resident
memory beyond that before the first forward, in a process of its own. The share of the matrix-product peak counts
convolutions, matrix products and attention products only, two operations a multiply-add.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from tabulate import tabulate

from stvsr_bench import methods
from stvsr_bench.nn import kernels
from stvsr_bench.profiling import flops

WAYS = {  # engine, pure torch only, bfloat16
    "plain": ("plain", True, False),
    "fast, pure torch": ("fast", True, False),
    "fast": ("fast", False, False),
    "fast, bf16": ("fast", False, True),
}


def ready(name, way):
    """The network in one way, with offset heads that are not zero, so that samples lie between pixels."""
    engine, _, half = WAYS[way]
    torch.manual_seed(0)
    net = methods.build(f"{name}:engine={engine}@none").net
    for key, parameter in net.named_parameters():
        if ".head." in key:
            torch.nn.init.normal_(parameter, std=0.02)
    return net.to(torch.bfloat16) if half else net


def run(net, way, lr_BTChw):
    """One forward pass: seconds of wall and of processor."""
    _, pure, half = WAYS[way]
    clip = lr_BTChw.bfloat16() if half else lr_BTChw
    wall, cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode(), kernels.only_torch(pure):
        net(clip)
    return time.perf_counter() - wall, time.process_time() - cpu


def gemm_peak(repeats=5, side=2048):
    """Largest rate of a square float32 matrix product here, in operations a second."""
    a = torch.randn(side, side)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds)


def compare(name, lr_BTChw, repeats, ways):
    """Rows of a table: seconds, ratios to plain, and the share of the matrix-product peak."""
    nets = {way: ready(name, way) for way in ways}
    for way in ways:
        run(nets[way], way, lr_BTChw[:, :, :, :16, :16])  # compiled kernels and warm libraries
    found = {way: [] for way in ways}
    peaks = []
    for _ in range(repeats):
        peaks.append(gemm_peak())
        for way in ways:
            found[way].append(run(nets[way], way, lr_BTChw))
    with torch.inference_mode():
        operations = 2 * flops.count(nets["fast"], lr_BTChw, kernels.only_torch).second
    rows = []
    base = [statistics.median(column) for column in zip(*found["plain"], strict=True)]
    for way, seconds in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*seconds, strict=True))
        share = operations / wall / statistics.median(peaks)
        rows.append(
            {"method": name, "way": way, "wall_s": wall, "cpu_s": cpu, "wall_ratio": base[0] / wall,
             "cpu_ratio": base[1] / cpu, "of_gemm_peak": share, "peak_mib": peak_of(name, way, lr_BTChw.shape)}
        )  # fmt: skip
    return rows


def peak_of(name, way, shape):
    """MiB beyond the import at the highest, in a process of its own."""
    size = f"{shape[3]}x{shape[4]}"
    command = [sys.executable, __file__, "--peak", way, "--methods", name, "--size", size, "--frames", str(shape[1])]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def resident(what):
    """A memory figure of this process in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def print_peak(name, way, lr_BTChw):
    """Measure this process and print it: the only thing that the parent reads."""
    net = ready(name, way)
    run(net, way, lr_BTChw[:, :, :, :16, :16])
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    run(net, way, lr_BTChw)
    print(resident("VmHWM") - before)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["stdan", "zsm", "tmnet"])
    parser.add_argument("--size", default="64x112")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bf16", action="store_true", help="also bfloat16; slow where the processor has no such unit")
    parser.add_argument("--peak", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    h, w = map(int, given.size.split("x"))
    lr_BTChw = torch.rand(1, given.frames, 3, h, w, generator=torch.Generator().manual_seed(0))
    if given.peak:
        print_peak(given.methods[0], given.peak, lr_BTChw)
        return
    ways = [way for way in WAYS if given.bf16 or not WAYS[way][2]]
    rows = [row for name in given.methods for row in compare(name, lr_BTChw, given.repeats, ways)]
    if given.json:
        print(json.dumps({"load": os.getloadavg(), "threads": given.threads, "rows": rows}))
        return
    print(tabulate(rows, headers="keys", floatfmt=".2f", tablefmt="github"))
    print(f"\nlr {given.size}, {given.frames} frames, {given.threads} threads, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
