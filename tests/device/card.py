"""A graphics card that is none: every network through the restoring path on a device whose tensors hold no numbers.

    python tests/device/card.py [METHOD/WAY ...]      # one JSON line for each, also when it fails

A way is fp32, fp16 or bf16, with `+tiles`, `+compile` or `+counts` (what `profile` counts) behind it. torch's fake
tensors know shapes, types and devices, and computing on them is refused where devices are mixed, as on a real card. The
device is "cuda", and its autocast is CUDA's own, which CPU builds of torch have too. Real CPU tensors stay real: a
table made on the CPU and never moved is an error as on CUDA. Where a program waits for the card (a value is read, a
mask is counted), the place is noted.
"""

import ctypes
import json
import re
import sys
import traceback
from collections import Counter
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode

from stvsr_bench import methods, protocols
from stvsr_bench.errors import told
from stvsr_bench.profiling import profiler
from stvsr_bench.profiling.subject import ProfileSpec
from stvsr_bench.restore.clip import restore
from stvsr_bench.restore.device import place
from stvsr_bench.schema import Settings

ROOT = Path(__file__).parents[2]
aten = torch.ops.aten
PRODUCTS = (aten.convolution, aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.mv, aten.addmv)
ONE_TYPE = (
    *PRODUCTS, aten.grid_sampler_2d, aten.grid_sampler_3d, aten.index_put, aten.index_put_, aten.index_add,
    aten.index_add_, aten.index_copy, aten.index_copy_,
)  # fmt: skip


class _Guard(torch._C._acc.DeviceGuard):
    def type_(self) -> Any:
        return torch._C._autograd.DeviceType.CUDA


_CUDA, _OTHER = 1, 20  # of c10's DeviceType: the second is PrivateUse1, whose guard may be written in Python
_guard = _Guard()  # torch does not own it


def start() -> torch.device:
    """The device "cuda:0", also for a torch that was built without CUDA; for the whole process."""
    if not torch.cuda.is_available():
        if not torch.cuda._is_compiled():
            # whatever looks at the device's number asks c10's table of guards, and the CPU build has none for CUDA
            torch._C._acc.register_python_privateuseone_device_guard(_guard)
            c10 = ctypes.CDLL(str(next((Path(torch.__file__).parent / "lib").glob("libc10.*"))))
            table = (ctypes.c_void_p * (_OTHER + 1)).in_dll(c10, "_ZN3c104impl26device_guard_impl_registryE")
            table[_CUDA] = table[_OTHER]
        torch.cuda._lazy_init = lambda: None
        # else `torch.autocast("cuda")` switches itself off; its table of casts is in the CPU build too
        torch.cuda.amp.common.amp_definitely_not_available = lambda: False
        torch.cuda.is_bf16_supported = lambda *_: True
    return torch.device("cuda:0")


def _to(net: torch.nn.Module, device: str) -> torch.nn.Module:
    """`net.to`, which cannot bring fake parameters to the meta device: it wants to exchange tensors in their place."""
    if device != "meta":
        return MOVE(net, device)
    for module in net.modules():
        for held in (module._parameters, module._buffers):
            held.update({name: one if one is None else one.detach().to(device) for name, one in held.items()})
    return net


class Card(TorchDispatchMode):
    """While entered, what touches the device is computed in shapes alone; `waits` counts places that wait for it."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.waits: Counter[str] = Counter()
        self.products: Counter[str] = Counter()  # how many are computed in which type

    def __enter__(self) -> "Card":
        # torch.tensor(..., device=...) then makes a CPU tensor first and copies it, as it does for a card
        self.lifted = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        # inference mode hands composite operators over whole, behind autocast: their parts would not be cast
        self.inference, torch.inference_mode = torch.inference_mode, lambda mode=True: torch.set_grad_enabled(not mode)
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        torch._C._set_only_lift_cpu_tensors(self.lifted)
        torch.inference_mode = self.inference
        super().__exit__(*error)

    def put(self, tensor: torch.Tensor) -> FakeTensor:
        return FakeTensor(self.fake, tensor.detach().to("meta"), self.device)

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True  # else torch.compile leaves everything alone inside this mode

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = tree.arg_tree_leaves(*args, **kwargs)
        here = any(isinstance(leaf, FakeTensor) and leaf.device == self.device for leaf in leaves)
        asked = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
        if not here and all(one.type != self.device.type for one in asked):
            return func(*args, **kwargs)
        if func is aten._to_copy.default and not here:
            self._note("copies from the CPU")
            return self.put(torch.empty(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype, device="meta"))
        self._check_types(func, args)
        if here and (instead := self._waited(func, args, kwargs)) is not None:
            return instead
        with self.fake:
            return func(*args, **kwargs)

    def _waited(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What a wait gives (nothing is far, bright or moving: zeros), or None if this waits for nothing."""
        if func is aten._local_scalar_dense.default:
            self._note("reads a value")
            return 0
        if func is aten.nonzero.default:
            self._note("counts a mask")
            return self.put(torch.zeros(0, args[0].dim(), dtype=torch.int64))
        to = torch.device(kwargs.get("device") or self.device).type
        if func is aten._to_copy.default and to == "meta":
            return torch.empty(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype, device="meta")
        if func is aten._to_copy.default and to == "cpu":
            self._note("copies to the CPU")
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        chosen = args[1] if func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default) else ()
        if any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in chosen):
            self._note("picks by a mask")
        return None

    def _check_types(self, func: Any, args: Any) -> None:
        """Refuse two floating types in one operator that a card refuses them in and fake tensors let pass."""
        if func.overloadpacket not in ONE_TYPE:
            return
        types = {leaf.dtype for leaf in tree.arg_tree_leaves(*args) if isinstance(leaf, torch.Tensor)}
        floats = sorted(str(one) for one in types if one.is_floating_point)
        if len(floats) > 1:
            raise RuntimeError(f"{func} of {' and '.join(floats)}: it needs one type")
        if func.overloadpacket in PRODUCTS:
            self.products[floats[0]] += 1

    def _note(self, what: str) -> None:
        ours = [f for f in traceback.extract_stack() if str(ROOT) in f.filename and ".venv" not in f.filename]
        place = next((f for f in reversed(ours) if "tests/device" not in f.filename), None)
        if place is None:
            self.waits[what] += 1
            return
        name = re.sub(r"torch_dynamo_resume_in_(.+)_at_\d+", r"\1", place.name)  # behind a break of a compiled graph
        self.waits[f"{Path(place.filename).relative_to(ROOT)} {name}: {what}"] += 1


MOVE = torch.nn.Module.to
OF_MACHINES = ("device", "machine", "machine_facts", "backend")  # of a row of a profile


def tried(spec: str, way: str, device: torch.device) -> dict[str, Any]:
    """One method through `restore` on the device: the shape that came out, where it waited, or what was wrong."""
    method = methods.build(spec)
    scale = 2 if method.card.scale == 2 else 4
    task = {"sr": f"scale={scale}:time_scale=1", "vfi": "scale=1"}.get(method.card.kind, f"scale={scale}")
    precision, _, more = way.partition("+")
    settings = Settings(
        device=str(device), precision=precision, tile=32 if more == "tiles" else 0, compile=more == "compile"
    )
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    card, made = Card(device), []
    lr_SChw = np.random.default_rng(0).random((3, 3, 32, 48), dtype=np.float32)
    with card:
        method = place(method, settings)
        method.net.register_forward_hook(lambda net, given, sr: made.append((str(sr.device), str(sr.dtype))))
        out = restore(method, lr_SChw, protocols.get(f"suite-1:{task}"), settings)
    found = {"shape": list(out.sr_SCHW.shape), "how": out.how, "made": made, "waits": dict(card.waits)}
    return {**found, "products": dict(card.products), **(_compiled() if settings.compile else {})}


def counted(spec: str, device: torch.device) -> dict[str, Any]:
    """The rows of `profile --counts-only` on the device and on the CPU, without what names the machine."""
    found: dict[str, Any] = {}
    frames = max(2, methods.resolve(spec).card.frames_in[0])
    for where, mode in (("card", Card(device)), ("cpu", nullcontext())):
        asked = ProfileSpec((32, 48), frames, Settings(device=str(device) if where == "card" else "cpu"))
        real = (profiler, "pick_device", str), (torch.cuda, "get_device_name", str), (torch.nn.Module, "to", _to)
        with ExitStack() as stack:  # the first two would ask for the real card
            for patched in real:
                stack.enter_context(patch.object(*patched))
            stack.enter_context(mode)
            (row,) = profiler.Profiler(asked, None, _unsaid, _unsaid).count([spec])
        found[where] = {name: value for name, value in row.items() if name not in OF_MACHINES}
        if isinstance(mode, Card):
            found["products"] = dict(mode.products)  # without any, nothing was run there
    return found


def _unsaid(text: str) -> None:
    """Progress that nobody reads."""


def _compiled() -> dict[str, Any]:
    counters = torch._dynamo.utils.counters
    return {"graphs": counters["stats"]["unique_graphs"], "breaks": dict(counters["graph_break"])}


def main(texts: list[str]) -> None:
    device = start()
    torch.compile = partial(torch.compile, backend="eager")  # no card: what is looked at is whether it can be traced
    for text in texts:
        spec, _, way = text.partition("/")
        found: dict[str, Any] = {"method": spec, "way": way}
        try:
            found |= counted(spec, device) if way == "counts" else tried(spec, way, device)
        except Exception as error:  # noqa: BLE001 - the next method is tried all the same
            found["error"] = told(error)
            with suppress(IndexError):
                ours = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT) in f.filename]
                found["where"] = f"{ours[-1].filename}:{ours[-1].lineno} {ours[-1].line}"
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
