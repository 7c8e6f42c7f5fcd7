"""The processes and devices of a run. Several are started by a launcher and joined by Lightning Fabric:
`torchrun --nproc-per-node 2 -m stvsr_bench train ...`.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from stvsr_bench.errors import NotRunnableError, UsageError
from stvsr_bench.installing import extra
from stvsr_bench.train.recipe import Precision

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FabricPrecision = Literal["32-true", "bf16-mixed", "16-mixed"]
_PRECISION: dict[Precision, FabricPrecision] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


@dataclass(frozen=True)
class Machine:
    """How a run uses the machine; nothing here changes what is learnt, rounding apart."""

    device: str = "auto"
    threads: int = 0
    workers: int = 0
    tensorboard: bool = False


def join(precision: Precision, machine: Machine) -> "Fabric":
    """Lightning Fabric for this process: one of those a launcher started, or the only one.

    Raises:
        NotRunnableError: it is not installed.
        UsageError: no such device here.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise NotRunnableError(f"training needs lightning-fabric: run {extra('train')}") from error
    if machine.threads:
        torch.set_num_threads(machine.threads)
    processes = int(os.environ.get("WORLD_SIZE", "1"))  # set by a launcher such as torchrun; else the only one
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(processes)))
    fabric = Fabric(
        accelerator=_accelerator(machine.device),
        devices=local,
        num_nodes=processes // local,
        strategy="ddp" if processes > 1 else "auto",
        precision=_PRECISION[precision],
    )
    fabric.launch()
    return fabric


def _accelerator(device: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there.get(device, False):
        raise UsageError(f"--device {device} is not on this machine; use cpu or auto")
    return device
