"""What machine and which versions made a number.

Importing this module loads no torch; asking for the machine's facts does, because torch says which code it chose.
"""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from stvsr_bench import __version__, compiling
from stvsr_bench.schema import digest

_PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "numba", "av", "scikit-image")
_COMPUTING = ("torch", "numpy", "scipy", "opencv-python-headless", "opencv-python", "numba")
# Variables that make a library take the code of another processor
CODE_PATH_VARIABLES = (
    "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_FEATURES", "NUMBA_CPU_NAME", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "OPENCV_CPU_DISABLE",
    "OPENCV_IPP", "STVSR_BENCH_NUMBA",
)  # fmt: skip
# What decides which code computes a number. Threads stand in the row; clocks, temperatures and names of hosts move none
_NUMBERS = ("system", "cpu", "cpu_model", "code_paths", "gpu", "cuda")
_RUNTIME = (*_NUMBERS, "host", "cores")


def describe() -> dict[str, Any]:
    """Facts that may move a number or a time: versions, CPU, threads, GPU, the suite's own commit."""
    return {
        "suite": __version__,
        "commit": _git("rev-parse", "HEAD"),
        "code": code(Path(__file__).parent),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := version(name))},
        "machine": machine(),
    }


def made_with() -> tuple[tuple[str, str], ...]:
    """The suite's code and the libraries that compute, by name: what two machines must share to fill one store."""
    names = ("torch", "numpy", "opencv-python-headless")
    return (("stvsr-bench code", code(Path(__file__).parent)), *((name, version(name)) for name in names))


@cache
def suite_code(*rooms: str) -> str:
    """A short digest of some rooms of the suite (packages, or modules), as they were when this process first asked."""
    package = Path(__file__).parent
    places = [package / room if (package / room).is_dir() else package / f"{room}.py" for room in rooms]
    return digest([code(place) for place in places])[:16]


@cache
def libraries() -> str:
    """A short digest of the versions of the libraries that compute what is restored and scored."""
    return digest({name: version(name) for name in _COMPUTING})[:8]


def code(place: Path) -> str:
    """A short digest of a Python file or of all below a folder, names included: an installed suite has no commit."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return digest([(path.relative_to(place.parent).as_posix(), path.read_text("utf-8")) for path in files])[:16]


def machine() -> dict[str, Any]:
    """Facts of this machine: `machine_id` and `runtime_id` say which of them make two machines different."""
    import torch

    cpu = _cpuinfo()
    facts: dict[str, Any] = {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cpu_model": "/".join(cpu.get(name, "") for name in ("cpu family", "model", "stepping")),
        "cores": os.cpu_count() or 1,
        "threads_variable": os.environ.get("OMP_NUM_THREADS", ""),
        "code_paths": code_paths(),
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
        facts["cuda"] = torch.version.cuda
    return facts


def code_paths() -> dict[str, Any]:
    """Which code each library takes on this processor.

    Virtual machines hide the processor's name: two that call themselves "AMD EPYC, 2 cores" may compute with AVX-512
    and with AVX2, and their networks differ in the last digits.
    """
    import cv2
    import numpy as np  # noqa: F401 - its BLAS is loaded with it
    import torch
    from threadpoolctl import threadpool_info

    # scipy carries a BLAS of its own, loaded or not by what ran before: an identity must not depend on that
    blas = {
        f"{lib['internal_api']} {lib['version']} {lib.get('architecture', '')}".strip()
        for lib in threadpool_info()
        if lib["user_api"] == "blas" and "scipy.libs" not in lib["filepath"]
    }
    return {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "opencv": cv2.getCPUFeaturesLine(),
        "ipp": cv2.ipp.getIppVersion(),
        "blas": sorted(blas),
        "numba": _numba_host(),
        "variables": {name: os.environ[name] for name in CODE_PATH_VARIABLES if os.environ.get(name)},
    }


def machine_id(facts: Mapping[str, Any]) -> str:
    """A short digest of what decides which code computes a number; "" where the facts do not say it (older rows)."""
    return _digest_of(facts, _NUMBERS)


def runtime_id(facts: Mapping[str, Any]) -> str:
    """A short digest of what makes two times comparable, the host among it; "" where the facts do not say it."""
    return _digest_of(facts, _RUNTIME)


def _digest_of(facts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    known = isinstance(facts, Mapping) and facts.get("code_paths")
    return digest({name: facts.get(name) for name in names})[:8] if known else ""


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _numba_host() -> str:
    """The processor that numba compiles for; "" without a numba that works, where other code computes."""
    if not compiling.usable():
        return ""
    from llvmlite import binding

    return str(binding.get_host_cpu_name())


def version(package: str) -> str:
    """The version of an installed package; "" where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git(*words: str) -> str:
    """What git says of the checkout that this code lies in; "" outside one."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
