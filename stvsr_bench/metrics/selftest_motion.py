"""The recorded values of LPIPS, tLP, FloLPIPS' pooling, tOF and warping errors against this machine.

`goldens_motion.json` has them, each from its reference program. What is not installed is not checked; the check says
so. Axes: H W C as in a picture file, S C H W for clips; flow is x then y, in pixels.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import backbones, ewarp, ffmpeg, golden_frames, temporal
from stvsr_bench.metrics.checking import Check, apart, worst
from stvsr_bench.metrics.extras import EXTRAS
from stvsr_bench.metrics.pictures import Flow, halves


def goldens() -> dict[str, Any]:
    """The recorded values that the package carries."""
    text = Path(__file__).with_name("goldens_motion.json").read_text(encoding="utf-8")
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def checks() -> Iterator[Check]:
    """Every group of recorded values."""
    recorded = goldens()
    yield _tof(recorded)
    yield from _ewarp(recorded)
    yield _programs(recorded)
    if why := backbones.lpips_missing():
        count = sum(len(recorded[kind]) for kind in ("lpips", "tlp", "pooled"))
        yield Check("LPIPS, tLP, FloLPIPS (AlexNet)", count, 0.0, 0.0, skipped=why)
        return
    yield from _learned(recorded)


def _tof(recorded: dict[str, Any]) -> Check:
    off = []
    for entry in recorded["tof"]:
        pair = temporal.pair_of(*_clip(recorded, entry["clip"]))
        for name in ("tof_tecogan", "tof_bfstvsr", "tof_v3"):
            off.append((apart(temporal.of_pair(name, pair), entry[name]), f"{name}, clip {entry['clip']}"))
    # recorded with five decimals; OpenCV's own code for a processor moves the eighth
    return Check("tOF of three scripts, px", len(off), *worst(off, 5.1e-6))


def _ewarp(recorded: dict[str, Any]) -> Iterator[Check]:
    points, off = [], []
    for entry in recorded["ewarp"]:
        where = f"clip {entry['clip']}, {entry['side']}, case {entry['case']}"
        frames = _clip(recorded, entry["clip"])[entry["side"] == "hr"][:2] / 255.0
        forward, back, frames = _case(entry["case"], recorded["tlp"][entry["clip"]]["recipe"], frames)
        seen = ewarp.visible(forward, back)
        points.append((apart(float(seen.sum()), entry["points"]), where))
        off.append((_relative(ewarp.lai(frames, forward, seen), entry["lai"]), where))
        off.append((_relative(ewarp.evalcrafter(frames, forward, seen), entry["evalcrafter"]), where))
    yield Check("points that a warping error counts", len(points), *worst(points, 0.0))
    yield Check("warping errors, relative", len(off), *worst(off, 1e-10))


def _programs(recorded: dict[str, Any]) -> Check:
    """VMAF's models, CAMBI and XPSNR: their program is the reference, so another build of it may differ."""
    wanted = recorded["programs"]
    name = "VMAF models, CAMBI, XPSNR"
    absent = [why for metric in wanted["means"] if (why := EXTRAS[metric].missing())]
    if absent or wanted["build"] not in ffmpeg.version():
        why = absent[0] if absent else f"recorded with ffmpeg {wanted['build']}, here is {ffmpeg.version()[:60]}"
        return Check(name, len(wanted["means"]), 0.0, 0.0, skipped=why)
    sr, hr = pan()
    off = [(apart(EXTRAS[metric].function(sr, hr).mean(), mean), metric) for metric, mean in wanted["means"].items()]
    return Check(name, len(off), *worst(off, 1e-3))


def pan() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(sr, hr): three frames of 640x320 that pan, sr with vertical stripes; large enough for every model of VMAF."""
    wide = golden_frames.natural(21, 320, 700).transpose(2, 0, 1)
    hr = np.stack([wide[:, :, 4 * t : 4 * t + 640] for t in range(3)])
    return np.clip(hr.astype(np.int64) + np.arange(640) % 5 * 3, 0, 255).astype(np.uint8), hr


def _case(case: str, recipe: dict[str, Any], frames: NDArray[np.float64]) -> tuple[Flow, Flow, NDArray[np.float64]]:
    """Given flows, there and back: the true ones, with steps, without a way back, at half the size."""
    height, width = frames.shape[-2:]
    forward = np.zeros((1, height, width, 2), np.float32)
    forward[..., 0], forward[..., 1] = -recipe["dx"], -recipe["dy"]
    if case == "B":
        stepped = forward.copy()
        stepped[..., 0] += np.float32(0.5) * ((np.arange(width) // 16) % 2)
        return stepped, -forward, frames
    if case == "C":
        return forward, np.zeros_like(forward), frames
    if case == "D":
        half: Flow = forward[:, ::2, ::2] / np.float32(2)
        return half, -half, halves(frames)
    return forward, -forward, frames


def _learned(recorded: dict[str, Any]) -> Iterator[Check]:
    import torch

    from stvsr_bench.metrics import lpips

    net = lpips.network("alexnet", torch.float64)

    def features(recipe: dict[str, Any]) -> list[Any]:
        return [net.features(side_HWC.transpose(2, 0, 1)) for side_HWC in golden_frames.pair(recipe)]

    of_pairs = [(net.distance(*features(e["recipe"])), e) for e in recorded["lpips"]]
    off = [(apart(value, entry["value"]), entry["recipe"]["name"]) for value, entry in of_pairs]
    yield Check("LPIPS (AlexNet) in float64", len(off), *worst(off, 1e-9))
    off = []
    for entry in recorded["pooled"]:
        flow = _patchwork(entry["recipe"]["h"], entry["recipe"]["w"])
        value = lpips.pooled(net.maps(*features(entry["recipe"])), flow)
        off.append((apart(value, entry["value"]), entry["recipe"]["name"]))
    yield Check("FloLPIPS' pooling in float64", len(off), *worst(off, 1e-9))
    off = []
    for index, entry in enumerate(recorded["tlp"]):
        value = temporal.of_pair("tlp_alex", temporal.pair_of(*_clip(recorded, index)))
        off.append((apart(value, 100 * float(np.mean(entry["per_pair"]))), entry["recipe"]["name"]))
    yield Check("tLP x100 (AlexNet) in float32", len(off), *worst(off, 2e-4))


def _patchwork(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width]
    return np.stack([((x // 8) % 7 - 3) / 2, ((y // 8) % 5 - 2) / 4], axis=-1).astype(np.float32)


def _clip(recorded: dict[str, Any], index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(sr, hr) of a recorded clip."""
    sr, hr = zip(*golden_frames.clip(recorded["tlp"][index]["recipe"]), strict=True)
    return np.stack(sr).transpose(0, 3, 1, 2), np.stack(hr).transpose(0, 3, 1, 2)


def _relative(value: float, wanted: float) -> float:
    return abs(value - wanted) / wanted if wanted else abs(value)
