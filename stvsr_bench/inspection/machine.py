"""What a bug report must say of this machine: versions, processor, which variables are set. No value of a variable."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from stvsr_bench import environment, installing
from stvsr_bench.errors import counted
from stvsr_bench.metrics import selftest

_PACKAGES = (
    "torch", "numpy", "scipy", "pandas", "opencv-python-headless", "av", "scikit-image", "numba", "pydantic", "typer",
)  # fmt: skip


def facts() -> dict[str, Any]:
    """The facts by name, each a text, a number or a list; see `text`."""
    about = environment.describe()
    machine = about["machine"]
    commit = about["commit"][:12] + (" with changes" if about["dirty"] else "")
    return {
        "stvsr-bench": f"{about['suite']}, {installing.kind()}{f', commit {commit}' if commit else ''}",
        "code": about["code"],
        "python": f"{about['python']} ({platform.python_implementation()}) at {short(sys.executable)}",
        "system": f"{platform.platform()}",
        "packages": [f"{name} {found}" for name in _PACKAGES if (found := environment.version(name))],
        "cpu": f"{machine['cpu']}, {counted(machine['cores'], 'core')}, code for {machine['code_paths']['torch']}",
        "gpu": _gpu(),
        "threads": _threads(),
        "variables set": variables(),
        "selftest": verdict(),
    }


def text(found: dict[str, Any]) -> str:
    """The facts, a line each, as they are pasted into a report."""
    width = max(map(len, found)) + 1
    lines = [f"{name + ':':{width}} {', '.join(of) if isinstance(of, list) else of}" for name, of in found.items()]
    return "\n".join(short(line) for line in lines)


def short(words: str) -> str:
    """The text with the home folder written as ~: it often has a name in it."""
    home = str(Path("~").expanduser())
    return words.replace(home, "~") if len(home) > 1 else words


def variables() -> list[str]:
    """Names of the suite's variables that are set; what they say may be a private path."""
    return sorted(
        name
        for name, value in os.environ.items()
        if value
        and (name.startswith("STVSR_BENCH_") or name.endswith("_ROOT") or name in ("OMP_NUM_THREADS", "TMPDIR"))
    ) or ["none"]


def verdict() -> str:
    """In one line whether this machine computes the recorded numbers of the metrics."""
    from stvsr_bench.data.degrade import imresize

    checks = list(selftest.checks(imresize))
    wrong = [check for check in checks if not check.passed and not check.skipped]
    count = sum(check.count for check in checks if not check.skipped)
    if wrong:
        first = f"{wrong[0].name} is off by {wrong[0].worst:.1e}, allowed is {wrong[0].allowed:.1e}"
        return f"WRONG in {len(wrong)} of {counted(len(checks), 'group')}: {first}"
    skipped = sum(bool(check.skipped) for check in checks)
    return f"ok, all {counted(count, 'recorded value')} agree" + (
        f", {counted(skipped, 'group')} not checked" if skipped else ""
    )


def _gpu() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return f"{', '.join(names)}; CUDA {torch.version.cuda}"
    return "Metal (mps)" if torch.backends.mps.is_available() else "none"


def _threads() -> str:
    import torch

    return f"{torch.get_num_threads()} of torch, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '') or 'not set'}"
