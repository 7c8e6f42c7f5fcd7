"""What only a graphics card can show: parity, precision, compiling and the fall-back into tiles, as one Markdown page.

    python tests/device/check.py [--device cuda] [--out reports/gpu] [--minutes 5] [METHOD ...]

`check.sh` runs it, then the profiles. Each method's network has random weights (seed 0), for parity does not depend on
them, and one small clip. What the time does not suffice for is named at the end.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
    "basicvsr@none", "liif@none",
]  # fmt: skip
PLAIN = "plain engine"


def protocol_of(method: Method) -> EvalProtocol:
    """One that the method can do: the usual task, or its own half of it."""
    kinds = {"sr": "suite-1:time_scale=1", "vfi": "suite-1:scale=1"}
    return protocols.get(kinds.get(method.card.kind, "suite-1"))


def frames(spec: str, settings: Settings, lr_SChw: np.ndarray, prepare: Callable[[Method], None] | None = None):
    """(sr_SCHW, how) of the method with the same random weights each time."""
    torch.manual_seed(0)
    method = methods.build(spec)
    if prepare is not None:
        prepare(method)
    done = restore(place(method, settings), lr_SChw, protocol_of(method), settings)
    return done.sr_SCHW, done.how


def plain(method: Method) -> None:
    for module in method.net.modules():
        if hasattr(module, "engine"):
            module.engine = "plain"


def difference(one: np.ndarray, other: np.ndarray) -> str:
    """The largest difference of two outputs, and their PSNR in dB as if one were the truth."""
    off = one.astype(np.float64) - other.astype(np.float64)
    error = float(np.mean(off**2))
    return f"{np.abs(off).max():.2g} / {-10 * np.log10(error):.1f}" if error else "equal"


def ways(device: str) -> dict[str, tuple[Settings, Callable[[Method], None] | None]]:
    """The ways that are compared with the CPU in float32, the most important first."""
    there = Settings(device=device)
    return {
        "fp32": (there, None),
        PLAIN: (there, plain),
        "tf32": (replace(there, precision="tf32"), None),
        "bf16": (replace(there, precision="bf16"), None),
        "fp16": (replace(there, precision="fp16"), None),
        "channels last": (replace(there, channels_last=True), None),
        "compiled": (replace(there, compile=True), None),
    }


def parity(specs: list[str], device: str, until: float) -> tuple[str, list[str]]:
    """The table of all methods and ways, and what there was no time for."""
    lr_SChw = np.random.default_rng(0).random((5, 3, 64, 112), dtype=np.float32)
    lines, left = [], []
    for spec in specs:
        if time.monotonic() > until:
            left.append(spec)
            continue
        line = {"method": spec}
        try:
            truth, _ = frames(spec, Settings(), lr_SChw)
        except Exception as error:  # noqa: BLE001 - one method's fault is a cell of the table
            lines.append({"method": spec, "fp32": f"on the CPU: {told(error)[:80]}"})
            continue
        for name, (settings, prepare) in ways(device).items():
            if time.monotonic() > until:
                left.append(f"{spec} {name}")
                continue
            try:
                line[name] = difference(frames(spec, settings, lr_SChw, prepare)[0], truth)
            except Exception as error:  # noqa: BLE001 - the same
                line[name] = told(error)[:80]
        print(line, flush=True)
        lines.append(line)
    return tabulate(lines, headers="keys", tablefmt="github"), left


def falls_back(spec: str, device: str) -> str:
    """What happens when the card's memory is too small for whole frames."""
    if not device.startswith("cuda"):
        return "needs a CUDA device"
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 3 * 2**30 / whole))
    try:
        lr_SChw = np.random.default_rng(0).random((3, 3, 540, 960), dtype=np.float32)
        sr, how = frames(spec, Settings(device=device), lr_SChw)
        return f"{spec}, 540x960 with 3 GiB: {sr.shape[-1]}x{sr.shape[-2]} came out, {how}"
    except Exception as error:  # noqa: BLE001 - the answer is the sentence
        return f"{spec}, 540x960 with 3 GiB: {told(error)}"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("reports/gpu"))
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    table, left = parity(asked.methods, asked.device, until)
    facts = environment.describe()
    page = [
        f"# {asked.device}: {facts['machine'].get('gpu') or facts['machine'].get('cpu')}, torch {torch.__version__}",
        "Largest difference from float32 on the CPU (values from 0 to 1), and PSNR in dB against it. Random weights.",
        table,
        f"Fall-back into tiles: {falls_back('zsm@none', asked.device)}",
        *([f"No time was left for: {', '.join(left)}."] if left else []),
    ]
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "parity.md").write_text("\n\n".join(page) + "\n", encoding="utf-8")
    print((asked.out / "parity.md").read_text())


if __name__ == "__main__":
    main()
