"""What ran a measurement: processor, threads, torch, its linear algebra, GPU and driver; in every row."""

import re
from typing import Any

import torch

from stvsr_bench import environment
from stvsr_bench.errors import NotRunnableError


def facts(device: str = "cpu") -> dict[str, Any]:
    """Facts of this machine that may move a time. Two timings are comparable where these are equal."""
    found = {
        **environment.machine(),
        "torch": torch.__version__,
        "blas": blas(),  # 3.2 of STDAN's 5 seconds on a CPU are matrix products (docs/profile.md)
        "threads": torch.get_num_threads(),
    }
    if torch.device(device).type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
        found["driver"] = _nvidia_driver()
    return found


def blas() -> str:
    """The linear algebra that torch was built with."""
    match = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    name = match[1] if match else "unknown"
    with_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return f"{name}+onednn" if with_onednn else name


def gpu_state(device: str) -> dict[str, float]:
    """Clocks (MHz), power (W) and temperature of an NVIDIA GPU now; nothing elsewhere or without nvidia-ml-py.

    Written without a GPU at hand: unmeasured.
    """
    if torch.device(device).type != "cuda":
        return {}
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        # by UUID: NVML counts all cards, torch those that CUDA_VISIBLE_DEVICES leaves
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return {
            "sm_mhz": float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
            "memory_mhz": float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)),
            "power_w": float(pynvml.nvmlDeviceGetPowerUsage(handle)) / 1000,
            "celsius": float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
        }
    except (pynvml.NVMLError, AttributeError):
        return {}  # a driver or card that does not tell


def set_threads(threads: int) -> int:
    """Use this many threads (0 = torch's own choice); the number in use.

    Raises:
        NotRunnableError: threads cannot be set any more in this process.
    """
    if threads:
        try:
            torch.set_num_threads(threads)
        except RuntimeError as error:
            raise NotRunnableError(f"--threads {threads}: {error}") from None
    return torch.get_num_threads()


def _nvidia_driver() -> str:
    try:
        import pynvml
    except ImportError:
        return ""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return ""
