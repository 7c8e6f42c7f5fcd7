"""Whether this machine computes the recorded numbers, and how near other programs come to them.

The recorded numbers (`goldens.json`) were made with the published procedures on deterministic frames. Axes: H W C as
in a picture file, S C H W for clips.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import color, golden_frames, oracles, selftest_motion
from stvsr_bench.metrics.checking import Check, apart, worst
from stvsr_bench.metrics.registry import score_frames

SCORES = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
COMPARED = ("vimeo_blur_noise", "vimeo_shift", "vimeo_noise")  # the pairs of the published table of variants
Resize = Callable[[Any, float], Any]


@dataclass(frozen=True)
class Agreement:
    """What another program says of the same frames, and its mean distance from ours."""

    program: str
    metric: str
    value: float
    difference: float
    note: str = ""


def goldens() -> dict[str, Any]:
    """The recorded numbers that the package carries."""
    text = Path(__file__).with_name("goldens.json").read_text(encoding="utf-8")
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def checks(imresize: Resize) -> Iterator[Check]:
    """Every group of recorded numbers against this machine; `imresize` is the resizer of the suite."""
    recorded = goldens()
    yield _frames_are_the_same(recorded)
    yield from _scores(recorded)
    yield _clips(recorded)
    yield _rounding(recorded)
    yield _luma(recorded)
    yield _resized(recorded, imresize)
    yield _resized_bytes(recorded, imresize)
    yield from selftest_motion.checks()


def agreements() -> Iterator[Agreement]:
    """PSNR-Y and SSIM-Y of other installed programs on the three pairs of the published table, against ours."""
    pairs = [golden_frames.pair(e["recipe"]) for e in goldens()["pairs"] if e["recipe"]["name"] in COMPARED]
    sr_SCHW, hr_SCHW = (np.stack(side).transpose(0, 3, 1, 2) for side in zip(*pairs, strict=True))
    ours = score_frames(sr_SCHW, hr_SCHW, ["psnr_y", "ssim_y"])
    for oracle in oracles.installed():
        values = oracle.function(sr_SCHW, hr_SCHW)
        difference = float(np.mean(values - ours[oracle.metric]))
        yield Agreement(oracle.program, oracle.metric, float(np.mean(values)), difference, oracle.note)


def _frames_are_the_same(recorded: dict[str, Any]) -> Check:
    wrong = ""
    for entry in recorded["pairs"]:
        sr_HWC, hr_HWC = golden_frames.pair(entry["recipe"])
        if (golden_frames.sha256(sr_HWC), golden_frames.sha256(hr_HWC)) != (entry["sha_sr"], entry["sha_hr"]):
            wrong = entry["recipe"]["name"]
    return Check("test frames, equal to the byte", 2 * len(recorded["pairs"]), float(bool(wrong)), 0.0, wrong)


def _scores(recorded: dict[str, Any]) -> Iterator[Check]:
    off: dict[str, list[tuple[float, str]]] = {name: [] for name in (*SCORES, "above")}
    for entry in recorded["pairs"]:
        sr_HWC, hr_HWC = golden_frames.pair(entry["recipe"])
        scores = score_frames(_clip(sr_HWC), _clip(hr_HWC), SCORES)
        for name in SCORES:
            wanted = float(entry[name])
            group = "above" if name.startswith("psnr") and 100 < wanted < np.inf else name
            off[group].append((apart(scores[name], [wanted]), entry["recipe"]["name"]))
    for name in SCORES:
        allowed, unit = (1e-9, ", dB") if name.startswith("psnr") else (1e-10, "")
        yield Check(f"{name} of pairs{unit}", len(off[name]), *worst(off[name], allowed))
    yield Check("PSNR above 100 dB", len(off["above"]), *worst(off["above"], 1e-8))


def _clips(recorded: dict[str, Any]) -> Check:
    off = []
    for entry in recorded["clips"]:
        sides = zip(*golden_frames.clip(entry["recipe"]), strict=True)
        sr_SCHW, hr_SCHW = (np.stack(side).transpose(0, 3, 1, 2) for side in sides)
        scores = score_frames(sr_SCHW, hr_SCHW, SCORES)
        off += [(apart(scores[name], entry[name]), entry["recipe"]["name"]) for name in SCORES]
    return Check("scores of clips, frame by frame", 7 * len(off), *worst(off, 1e-9))


def _rounding(recorded: dict[str, Any]) -> Check:
    values = np.frombuffer(bytes.fromhex("".join(recorded["rounding"]["float32_hex"])), dtype="<f4")
    made = color.levels(values.astype(np.float32)).astype(np.float64)
    return Check("rounding to 8 bits, half to even", values.size, apart(made, recorded["rounding"]["levels"]), 0.0)


def _luma(recorded: dict[str, Any]) -> Check:
    rgb_CHW = np.array(recorded["luma"]["rgb"], np.uint8).T.reshape(3, 1, -1)
    made = color.in_levels(rgb_CHW, color.STUDIO_Y)[0]
    return Check("BT.601 luma, levels", made.size, apart(made, recorded["luma"]["y"]), 1e-12)


def _resized(recorded: dict[str, Any], imresize: Resize) -> Check:
    off, count = [], 0
    for entry in recorded["imresize"]:
        recipe = entry["recipe"]
        made = imresize(_clip(golden_frames.frame(recipe)).astype(np.float64) / 255, recipe["scale"])[0]
        values = np.array([made[:, y, x] for y, x, *_ in entry["samples"]])
        wanted = np.array([rgb for _, _, *rgb in entry["samples"]])
        off.append((apart(values.ravel(), wanted.ravel()), recipe["name"]))
        count += values.size
    return Check("bicubic resizing against Octave", count, *worst(off, 1e-12))


def _resized_bytes(recorded: dict[str, Any], imresize: Resize) -> Check:
    wrong = [
        entry["recipe"]["name"]
        for entry in recorded["imresize"]
        if golden_frames.sha256(
            imresize(_clip(golden_frames.frame(entry["recipe"])), entry["recipe"]["scale"])[0].transpose(1, 2, 0)
        )
        != entry["sha_8bit"]
    ]
    return Check(
        "8-bit resizing, equal to the byte", len(recorded["imresize"]), float(len(wrong)), 0.0, ", ".join(wrong)
    )


def _clip(frame_HWC: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(frame_HWC.transpose(2, 0, 1)[None])
