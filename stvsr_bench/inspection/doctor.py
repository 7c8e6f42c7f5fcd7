"""Property checks of one method, in under a minute on a CPU: what a user of its numbers takes for granted.

The contract tests of the suite run the same checks on every method. Nothing here knows a method by name.
"""

import pickle
import random
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from stvsr_bench import protocols
from stvsr_bench.errors import ClipError, UsageError, counted, interrupted, told
from stvsr_bench.restore import restore
from stvsr_bench.restore.kept import kept
from stvsr_bench.restore.network import wrong_range
from stvsr_bench.schema import Method

Verdict = Literal["pass", "fail", "note", "skip"]
TOLERANCE = 2e-4  # float32, relative to the output's largest value: reordered sums, and no more


@dataclass(frozen=True)
class Finding:
    """One property: whether it holds, and what was seen."""

    check: str
    verdict: Verdict
    seen: str


Check = Callable[[Method], tuple[Verdict, str]]


def examine(method: Method, only: tuple[str, ...] = ()) -> Iterator[Finding]:
    """A finding for each check, in order; a method that raises fails the check and no other."""
    for name, check in CHECKS.items():
        if only and name not in only:
            continue
        start = time.perf_counter()
        try:
            with kept():
                verdict, seen = check(method)
        except BaseException as error:  # a method is anyone's code: what it raises is the finding
            if interrupted(error):
                raise
            kind, _, text = told(error).partition(": ")
            verdict, seen = "fail", f"raised {kind} at {_place(error)}: {text}"
        yield Finding(name, verdict, f"{seen} ({time.perf_counter() - start:.1f} s)")


def _place(error: BaseException) -> str:
    """The file and line where it came from: the innermost that is not an installed package's, where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    innermost = next((each for each in reversed(frames) if "site-packages" not in each.filename), frames[-1])
    return f"{Path(innermost.filename).name}:{innermost.lineno}"


def sample(method: Method, frames: int = 4, batch: int = 1, seed: int = 0, side: int = 16) -> Tensor:
    """Smooth moving frames (B, T, 3, h, w) in [0, 1], of the smallest size that the method takes."""
    multiple = method.card.grid(method.card.usual)
    size = -(-side // multiple) * multiple
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    clips = np.empty((batch, frames, 3, size, size))
    for b in range(batch):
        for c in range(3):
            fy, fx, vy, vx, phase = generator.uniform([1, 1, -0.1, -0.1, 0], [4, 4, 0.1, 0.1, 6.28])
            for t in range(frames):
                wave = 0.5 + 0.4 * np.sin(6.28 * (fy * (y - vy * t) + fx * (x - vx * t)) + phase)
                clips[b, t, c] = wave + generator.normal(0, 0.01, wave.shape)
    return torch.from_numpy(clips.clip(0, 1).astype(np.float32))


def run(method: Method, frames_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
    """What the network makes of frames, without gradients."""
    return called(method.net, frames_BTChw, times)


def called(net: nn.Module, frames_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
    """What a network makes of frames, on its own device; the frames come back to the CPU."""
    device = device_of(net)
    given = [frames_BTChw.to(device), *([] if times is None else [times.to(device)])]
    with torch.inference_mode():
        out: Tensor = net(*given)
    return out.cpu() if isinstance(out, Tensor) else out


def device_of(net: nn.Module) -> torch.device:
    """Where the parameters of a network are; the CPU where it has none."""
    first = next(iter(net.parameters()), None) if isinstance(net, nn.Module) else None
    return torch.device("cpu") if first is None else first.device


def wanted_shape(method: Method, frames_BTChw: Tensor, between: int = 1) -> tuple[int, ...]:
    """The shape that the contract of the method's kind asks for."""
    b, t, c, h, w = frames_BTChw.shape
    scale = method.card.usual
    out = t if method.card.kind == "sr" else t + (t - 1) * between
    return (b, out, c, int(h * scale), int(w * scale))


def _shapes(method: Method) -> tuple[Verdict, str]:
    low, high = method.card.frames_in
    tried = [n for n in range(2, 7) if low <= n <= high]
    for frames in tried:
        given = sample(method, frames)
        got = tuple(run(method, given).shape)
        if got != wanted_shape(method, given):
            return "fail", f"{counted(frames, 'frame')} in: returned {got}, wanted {wanted_shape(method, given)}"
    return "pass", f"N = {', '.join(map(str, tried))}"


def _odd_sizes(method: Method) -> tuple[Verdict, str]:
    if method.card.kind != "stvsr":
        return "skip", "only half a method; checked when it is joined with a partner"
    for scale in _scales(method):
        protocol = protocols.get(f"{protocols.DEFAULT}:scale={scale}")
        for height, width in ((17, 23), (16, 30)):  # odd, and 30: even but no multiple of 4
            lr_SChw = np.random.default_rng(0).random((3, 3, height, width), dtype=np.float32)
            got = restore(method, lr_SChw, protocol).sr_SCHW.shape
            if got[-2:] != (int(height * scale), int(width * scale)):
                return "fail", f"{height}x{width} at x{scale} gave {got}"
    return "pass", f"17x23 and 16x30 through the suite's padding, at x{', x'.join(map(str, _scales(method)))}"


def _scales(method: Method) -> list[Fraction]:
    """The scales that a method is tried at: its own, and of a range a fraction and a whole one."""
    tried = [method.card.usual, *([Fraction(5, 2), Fraction(6)] if method.card.continuous else [])]
    return [scale for scale in tried if method.card.makes(scale)]


def _deterministic(method: Method) -> tuple[Verdict, str]:
    given = sample(method)
    first = run(method, given)
    run(method, sample(method, seed=1))  # another clip between: a cache that leaks from clip to clip shows here
    again = run(method, given)
    difference = float((first - again).abs().max())
    return ("pass" if difference == 0 else "fail"), f"largest difference between two calls {difference:.1e}"


def _batch(method: Method) -> tuple[Verdict, str]:
    given = sample(method, batch=2)
    together = run(method, given)
    apart = torch.cat([run(method, given[:1]), run(method, given[1:])])
    return _near(together, apart, "a batch of two and one by one")


def _input_kept(method: Method) -> tuple[Verdict, str]:
    given = sample(method)
    before = given.clone()
    run(method, given)
    return ("pass" if torch.equal(given, before) else "fail"), "the frames given are unchanged"


def _no_global_state(method: Method) -> tuple[Verdict, str]:
    before = _seeds()
    with kept() as changes:
        run(method, sample(method))
    changed = [name for name, value in _seeds().items() if value != before[name]] + sorted(changes | method.changes)
    return ("fail", f"changes {', '.join(changed)}") if changed else ("pass", "seeds, threads and defaults unchanged")


def _seeds() -> dict[str, object]:
    return {
        "the random seed of torch": torch.get_rng_state().sum().item(),
        "the random seed of numpy": hash(str(np.random.get_state(legacy=False)["state"])),
        "the random seed of Python": hash(random.getstate()),
    }


def _finite(method: Method) -> tuple[Verdict, str]:
    given = sample(method)
    out = run(method, given)
    if not out.is_floating_point():
        return "fail", f"{out.dtype} in the output; wanted are floating-point values from 0 to 1"
    if not bool(torch.isfinite(out).all()):
        return "fail", "NaN or infinity in the output"
    if wrong := wrong_range(out, given, 1 if method.card.kind == "sr" else 2):
        return "fail", f"{wrong}: values from 0 to 1 are wanted"
    if method.untrained:
        return "pass", f"finite, range {float(out.min()):.2f} to {float(out.max()):.2f} (untrained)"
    # nets are not clamped and overshoot at edges; half the range beyond is no overshoot
    within = float(out.min()) > -0.5 and float(out.max()) < 1.5
    return ("pass" if within else "note"), f"range {float(out.min()):.2f} to {float(out.max()):.2f}"


def _colours(method: Method) -> tuple[Verdict, str]:
    """Frames of one colour must come back as that colour, near enough for any trained network."""
    given = sample(method)
    given[:] = torch.tensor(FLAT)[:, None, None]
    out = run(method, given).float()
    if method.untrained:
        return "skip", "an untrained network returns any colour"
    inside = out.flatten(0, 1)[
        ..., out.shape[-2] // 4 : -(out.shape[-2] // 4), out.shape[-1] // 4 : -(out.shape[-1] // 4)
    ]
    seen = inside.mean((0, 2, 3)).double()
    shown = f"frames of the colour {_numbers(FLAT)} came back as {_numbers(seen.tolist())}"
    wanted = torch.tensor(FLAT, dtype=torch.float64)
    for what, made, size in READINGS:
        if float((seen - made(wanted)).abs().max()) < NEAR * size:
            return ("fail", f"{shown}: {what}") if what else ("pass", shown)
    # a note: a network that is trained little, or for something else, is no mistake of range or order
    return "note", f"{shown}: this is not the input in any order or range that is known here"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


FLAT = (0.2, 0.45, 0.8)  # red, green, blue: no two are alike in any order, and none is its own complement
NEAR = 0.1  # all 13 weights at hand gave a flat colour back within 0.001; a wrong reading moves one by 0.25 or more
# what a network returned, in words; what it makes of a colour then; how large its range is
READINGS: tuple[tuple[str, Callable[[Tensor], Tensor], float], ...] = (
    ("", lambda rgb: rgb, 1),
    ("the order of colours is blue, green, red (BGR); return red, green, blue", lambda rgb: rgb.flip(0), 1),
    ("values from 0 to 255; divide by 255", lambda rgb: rgb * 255, 255),
    ("values from 0 to 255, blue first (BGR); divide by 255 and flip", lambda rgb: rgb.flip(0) * 255, 255),
    ("values from -1 to 1; add 1 and divide by 2", lambda rgb: rgb * 2 - 1, 2),
    ("values from -1 to 1, blue first (BGR); add 1, divide by 2 and flip", lambda rgb: rgb.flip(0) * 2 - 1, 2),
    ("the values are inverted; return 1 minus them", lambda rgb: 1 - rgb, 1),
)


def _half(method: Method) -> tuple[Verdict, str]:
    given = sample(method)
    exact = run(method, given)
    seen = []
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        try:
            with _channels_last(method.net), torch.autocast(device_of(method.net).type, dtype=dtype):
                half = run(method, given).float()
        except RuntimeError as error:
            seen.append(f"{name}: not possible here ({str(error).splitlines()[0][:60]})")
            continue
        mse = float(((half - exact) ** 2).mean())
        seen.append(f"{name}: {10 * np.log10(1 / mse):.1f} dB to float32" if mse else f"{name}: equal")
    return "note", "; ".join(seen)


@contextmanager
def _channels_last(net: nn.Module) -> Iterator[None]:
    """Inside, kernels of convolutions lie in memory with their channels last.

    For a processor without half-precision instructions torch has only a slow convolution, and with channels first it is
    the slowest: a layer of SAFA took 930 ms, with channels last 49 (in float32 12).
    """
    kernels = [one for one in net.parameters() if one.ndim == 4] if isinstance(net, nn.Module) else []
    before = [kernel.data for kernel in kernels]
    for kernel in kernels:
        kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    try:
        yield
    finally:
        for kernel, data in zip(kernels, before, strict=True):
            kernel.data = data


def _time_reversal(method: Method) -> tuple[Verdict, str]:
    if not method.card.time_symmetric:
        return "skip", "the card does not claim it"
    given = sample(method)
    return _near(run(method, given.flip(1)), run(method, given).flip(1), "reversed in, reversed out")


def _times(method: Method) -> tuple[Verdict, str]:
    if method.card.kind == "sr":
        return "skip", "an upscaler has no time"
    given = sample(method, frames=2)
    times = torch.tensor([[0.25, 0.5, 0.75]])
    if method.card.time == "any":
        got = tuple(run(method, given, times).shape)
        wanted = wanted_shape(method, given, between=3)
        return ("pass" if got == wanted else "fail"), f"times 0.25, 0.5, 0.75 gave {got}"
    try:
        run(method, given, times)
    except (UsageError, ClipError) as error:
        return "pass", f"refused: {error}"
    except TypeError:
        return "pass", "takes no times"
    return "note", "the card says midpoint; other times are silently ignored (the suite never asks for them)"


def _round_trip(method: Method) -> tuple[Verdict, str]:
    state = method.net.state_dict()
    if not state:
        return "skip", "no parameters"
    given = sample(method)
    before = run(method, given)
    method.net.load_state_dict({key: value.clone() for key, value in state.items()}, strict=True)
    return _near(before, run(method, given), f"{counted(len(state), 'tensor')} loaded back", exactly=True)


def _pickle(method: Method) -> tuple[Verdict, str]:
    given = sample(method)
    copy = pickle.loads(pickle.dumps(method.net))
    return _near(run(method, given), called(copy, given), "a pickled copy, as a worker process gets it", exactly=True)


def _given_kept(method: Method) -> tuple[Verdict, str]:
    if method.card.kind != "vfi":
        return "skip", "only for interpolators"
    given = sample(method)
    same = torch.equal(run(method, given)[:, ::2], given)
    return ("pass" if same else "fail"), "given frames pass through unchanged"


def _near(a: Tensor, b: Tensor, what: str, exactly: bool = False) -> tuple[Verdict, str]:
    if a.shape != b.shape:
        return "fail", f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)}"
    worst = float((a - b).abs().max() / b.abs().max().clamp(min=1e-6))
    holds = worst == 0 if exactly else worst <= TOLERANCE
    return ("pass" if holds else "fail"), f"{what}: largest relative difference {worst:.1e}"


CHECKS: dict[str, Check] = {
    "shapes": _shapes,
    "odd sizes": _odd_sizes,
    "finite": _finite,
    "colours": _colours,
    "determinism": _deterministic,
    "batch": _batch,
    "input kept": _input_kept,
    "no global state": _no_global_state,
    "times": _times,
    "time reversal": _time_reversal,
    "given frames": _given_kept,
    "state dict": _round_trip,
    "pickling": _pickle,
    "half precision": _half,
}


def failed(findings: list[Finding]) -> list[Finding]:
    """The findings that a user must know of before believing a number."""
    return [finding for finding in findings if finding.verdict == "fail"]
