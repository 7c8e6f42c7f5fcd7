"""Where the learned metrics' files lie: the trunk that the user gives, and the heads inside installed packages.

A trunk is a torchvision state dict of AlexNet or VGG16, found as `alexnet*.pth` or `vgg16*.pth` in
$STVSR_BENCH_BACKBONES, else in the suite's cache under `weights/backbones`. Nothing is downloaded or run.
"""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from stvsr_bench import plugins
from stvsr_bench.errors import NotRunnableError

Trunk = Literal["alexnet", "vgg16"]


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
    return hashlib.sha256(backbone(trunk).read_bytes()).hexdigest()


def package_file(package: str, pattern: str) -> Path:
    """A file inside an installed package, which is not imported.

    Raises:
        NotRunnableError: the package, or the file in it, is not there.
    """
    # not imported: both packages import torchvision, which breaks beside a torch of another build
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(location).glob(pattern)):
            return found
    raise NotRunnableError(f"the heads of {package} are not installed: run pip install --no-deps {package}")


def missing(trunk: Trunk, package: str) -> str:
    """What is not on this machine and how to bring it; empty when all is here."""
    try:
        backbone(trunk)
        package_file(package, "*")
    except NotRunnableError as error:
        return str(error)
    return ""
