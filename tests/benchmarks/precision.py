"""What lower precision and other ways to run a network gain in time and cost in dB, on clips it was not trained on.

    python tests/benchmarks/precision.py [--methods stdan@mini zsm@mini] [--clips 2] [--ways bf16 compile] [--json]

The ways take turns on every clip, so that a busy machine slows all alike; the median of the ratios to float32 is given.
Differences are those of PSNR-Y of whole clips after rounding to 8 bits, through the suite's own protocol.
"""

import argparse
import json
import os
import statistics
import time

import torch
from tabulate import tabulate

from stvsr_bench import datasets, methods, metrics, protocols
from stvsr_bench.restore import low_resolution, mod_crop, place, restore
from stvsr_bench.schema import Settings

WAYS = {
    "fp32": Settings(),
    "bf16": Settings(precision="bf16"),
    "fp16": Settings(precision="fp16"),
    "channels-last": Settings(channels_last=True),
    "compile": Settings(compile=True),
}
PROTOCOL = protocols.get(protocols.DEFAULT)
SPLITS = (("mini", "medium"), ("openclips", "medium"))


def clips(count):
    """Low- and high-resolution frames of the first clips of each split."""
    for dataset, split in SPLITS:
        found = datasets.clips(dataset, split)
        for index in range(count):
            clip = mod_crop(found[index], PROTOCOL.scale)
            yield low_resolution(clip, PROTOCOL), clip.hr_SCHW


def compare(spec, ways, count):
    """Rows of a table: how much faster each way is than float32, and what it moves."""
    nets = {way: place(methods.build(spec), WAYS[way]) for way in ways}
    chosen = list(clips(count))
    for way in ways:
        restore(nets[way], chosen[0][0], PROTOCOL, WAYS[way])  # compiled kernels, warm libraries
    seconds, dbs = {way: [] for way in ways}, {way: [] for way in ways}
    for lr, hr in chosen:
        for way in ways:
            start = time.perf_counter()
            made = restore(nets[way], lr, PROTOCOL, WAYS[way])
            seconds[way].append(time.perf_counter() - start)
            dbs[way].append(float(metrics.psnr_y(made.sr_SCHW, hr[list(made.windows.frames)]).mean()))
    rows = []
    for way in ways:
        ratios = [a / b for a, b in zip(seconds["fp32"], seconds[way], strict=True)]
        moved = [b - a for a, b in zip(dbs["fp32"], dbs[way], strict=True)]
        rows.append(
            {"method": spec, "way": way, "clips": len(moved), "times faster": statistics.median(ratios),
             "mean dB": statistics.mean(moved), "worst dB": min(moved)}
        )  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["stdan@mini", "zsm@mini", "tmnet@mini"])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=["bf16", "channels-last"])
    parser.add_argument("--clips", type=int, default=2, help="of each split")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    ways = ["fp32", *(way for way in given.ways if way != "fp32")]
    rows = [row for spec in given.methods for row in compare(spec, ways, given.clips)]
    if given.json:
        print(json.dumps({"load": os.getloadavg(), "threads": given.threads, "rows": rows}))
        return
    print(tabulate(rows, headers="keys", floatfmt="+.4f", tablefmt="github"))


if __name__ == "__main__":
    main()
