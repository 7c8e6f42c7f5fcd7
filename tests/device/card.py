"""A graphics card that is none: every network through the restoring path on a device whose tensors hold no numbers.

    python tests/device/card.py [METHOD ...]      # one JSON line for each, also when it fails

torch's fake tensors know shapes, types and devices, and computing on them is refused where devices are mixed, as on a
real card. CPU builds of torch lack CUDA's device guard, so the device has a name of its own ("card"): what asks for
"cuda" by name is not seen here. Real CPU tensors stay real: a table made on the CPU and never moved is an error as on
CUDA. Where a program waits for the card (a value is read, a mask is counted), the place is noted.
"""

import json
import sys
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from stvsr_bench import methods, protocols
from stvsr_bench.errors import told
from stvsr_bench.restore.clip import restore
from stvsr_bench.schema import Settings

ROOT = Path(__file__).parents[2]
aten = torch.ops.aten


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16, torch.bfloat16]

    def is_autocast_available(self) -> bool:
        return True


def start() -> torch.device:
    """The device; once in a process, for torch keeps its name."""
    _setup_privateuseone_for_python_backend("card", backend_module=_Backend())
    return torch.device("card:0")


class Card(TorchDispatchMode):
    """While entered, what touches the device is computed in shapes alone; `waits` counts places that wait for it."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.waits: Counter[str] = Counter()

    def __enter__(self) -> "Card":
        # torch.tensor(..., device=...) then makes a CPU tensor first and copies it, as it does for a card
        self.lifted = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        torch._C._set_only_lift_cpu_tensors(self.lifted)
        super().__exit__(*error)

    def put(self, tensor: torch.Tensor) -> FakeTensor:
        return FakeTensor(self.fake, tensor.detach().to("meta"), self.device)

    def move(self, net: nn.Module) -> None:
        """Every parameter and buffer onto the device; plain attributes stay, as with `net.to`."""
        for module in net.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = nn.Parameter(self.put(parameter), requires_grad=False)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = self.put(buffer)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = tree.arg_tree_leaves(*args, **kwargs)
        here = any(isinstance(leaf, FakeTensor) and leaf.device == self.device for leaf in leaves)
        asked = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
        if not here and all(one.type != self.device.type for one in asked):
            return func(*args, **kwargs)
        if func.namespace == "aten" and func._can_decompose():
            with self:  # under inference mode composite operators arrive whole
                if (whole := func.decompose(*args, **kwargs)) is not NotImplemented:
                    return whole
        if func is aten._to_copy.default and not here:
            self._note("copies from the CPU")
            return self.put(torch.empty(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype, device="meta"))
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
        to = kwargs.get("device")
        if func is aten._to_copy.default and to is not None and torch.device(to).type == "cpu":
            self._note("copies to the CPU")
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        chosen = args[1] if func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default) else ()
        if any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in chosen):
            self._note("picks by a mask")
        return None

    def _note(self, what: str) -> None:
        ours = [f for f in traceback.extract_stack() if str(ROOT) in f.filename and ".venv" not in f.filename]
        place = next((f for f in reversed(ours) if "tests/device" not in f.filename), None)
        self.waits[f"{Path(place.filename).relative_to(ROOT)} {place.name}: {what}" if place else what] += 1


# what the suite itself waits for, once a call: the finished frames
END = "stvsr_bench/restore/network.py call: copies to the CPU"


def tried(spec: str, device: torch.device, precision: str = "fp32", tile: int = 0) -> dict[str, Any]:
    """One method through `restore` on the device: the shape that came out, where it waited, or what was wrong."""
    method = methods.build(spec)
    scale = method.card.scale if isinstance(method.card.scale, int) else 4
    protocol = protocols.get({"sr": "suite-1:time_scale=1", "vfi": "suite-1:scale=1"}.get(method.card.kind, "suite-1"))
    if scale == 2:
        protocol = protocols.get("suite-1:scale=2")
    settings = Settings(device="card:0", precision=precision, tile=tile)
    card = Card(device)
    side = (64, 96) if tile else (32, 48)
    lr_SChw = np.random.default_rng(0).random((3, 3, *side), dtype=np.float32)
    with card:
        card.move(method.net)
        out = restore(method, lr_SChw, protocol, settings)
    return {"shape": list(out.sr_SCHW.shape), "waits": dict(card.waits)}


def main(specs: list[str]) -> None:
    device = start()
    for text in specs:
        spec, _, more = text.partition("/")
        precision, _, tile = (more or "fp32").partition("+")
        found: dict[str, Any] = {"method": text}
        try:
            found |= tried(spec, device, precision, int(tile or 0))
        except Exception as error:  # noqa: BLE001 - the next method is tried all the same
            found["error"] = told(error)
            with suppress(IndexError):
                ours = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT) in f.filename]
                found["where"] = f"{ours[-1].filename}:{ours[-1].lineno} {ours[-1].line}"
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
