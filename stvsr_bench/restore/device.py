"""Where a network runs: the device that is asked for, and a method put there."""

from dataclasses import replace

import torch

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.resize import keep_from_compiling
from stvsr_bench.schema import Method, Settings


def pick_device(name: str) -> str:
    """A torch device that is there: "auto" is CUDA, else Metal, else the CPU.

    Raises:
        UsageError: the device asked for does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in available:
        raise UsageError(f"unknown device '{name}'; write cpu, cuda, cuda:1, mps or auto")
    if not available[kind]:
        raise UsageError(f"device '{name}' is not available on this machine; use --device cpu or auto")
    number = name.partition(":")[2]
    if kind == "cuda" and number and not (number.isdecimal() and int(number) < torch.cuda.device_count()):
        raise UsageError(f"device '{name}' is not here: this machine has {torch.cuda.device_count()} of that kind")
    return name


def place(method: Method, settings: Settings) -> Method:
    """The method with its network on the device, in the memory layout and compiled as asked; TF32 as asked, for all."""
    # torch's default for convolutions is TF32 on Ampere and later: fp32 must mean float32 in every verb
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.precision == "tf32"
    net = method.net.to(settings.device)
    if settings.channels_last:
        for parameter in net.parameters():
            # convolution weights; a linear layer has no channels-last layout
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    if settings.compile:
        keep_from_compiling()
        net.compile()
    return replace(method, net=net)
