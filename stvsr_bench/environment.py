"""What machine and which versions made a number. Imports no torch; asks for a GPU only if torch is loaded."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from stvsr_bench import __version__
from stvsr_bench.schema import digest

_PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "numba", "av", "scikit-image")


def describe() -> dict[str, Any]:
    """Facts that may move a number or a time: versions, CPU, threads, GPU, the suite's own commit."""
    return {
        "suite": __version__,
        "commit": _git("rev-parse", "HEAD"),
        "code": code(Path(__file__).parent),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "machine": machine(),
    }


def code(place: Path) -> str:
    """A short digest of a Python file or of all below a folder, names included: an installed suite has no commit."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return digest([(path.relative_to(place.parent).as_posix(), path.read_text("utf-8")) for path in files])[:16]


def machine() -> dict[str, Any]:
    """The hardware half: timings of two rows are comparable only where this is equal."""
    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count() or 1,
        "threads_variable": os.environ.get("OMP_NUM_THREADS", ""),
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
        facts["cuda"] = torch.version.cuda
    return facts


def machine_id(facts: dict[str, Any] | None = None) -> str:
    """A short digest of the hardware facts."""
    return digest(facts if facts is not None else machine())[:8]


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
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
