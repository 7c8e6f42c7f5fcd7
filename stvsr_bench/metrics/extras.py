"""Metrics that need more than the core installs. Each says whether it can run here, and what would bring it.

None is a dependency: VMAF and XPSNR run in a separate ffmpeg program, LPIPS and DISTS want a backbone file of the
user's, ColorVideoVDP and vmaf-torch their packages. Axes: S C H W.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.installing import extra, pip
from stvsr_bench.metrics import backbones, color, ffmpeg, vmaf
from stvsr_bench.metrics.backbones import Trunk
from stvsr_bench.metrics.ssim import check_size

# a score holds for one display and one frame rate, so both stand in the metric's name
CVVDP_DISPLAY, CVVDP_FPS = "standard_fhd", 30
SMALLEST = 32
FFMPEG = "an ffmpeg with libvmaf: stvsr-bench[vmaf]"


@dataclass(frozen=True)
class Extra:
    """One optional metric. `missing()` is empty where it can run, else the sentence that says what would bring it;
    `made_by()` names the program or weights that its numbers depend on."""

    function: Callable[[Any, Any], Any]
    unit: str
    higher_is_better: bool
    per: Literal["frame", "clip"]
    title: str
    description: str
    missing: Callable[[], str]
    made_by: Callable[[], str]
    group: Literal["perceptual", "extra"] = "extra"
    needs: str = ""


def vmaf_torch(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """VMAF v0.6.1 of each frame by the package vmaf-torch, on rounded BT.601 luma."""
    _need("vmaf_torch", "vmaf-torch")
    import torch

    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    check_size(hr.shape[-2:], SMALLEST, "VMAF")
    planes = [
        torch.from_numpy(np.stack([color.in_levels(color.levels(f), color.STUDIO_Y_ROUNDED) for f in side]))[:, None]
        for side in (hr, sr)
    ]
    with torch.no_grad():
        scores = import_module("vmaf_torch").VMAF().eval()(planes[0].float(), planes[1].float())
    return np.asarray(scores.double().numpy().ravel())


def cvvdp(sr_SCHW: Any, hr_SCHW: Any) -> float:
    """ColorVideoVDP of the clip in JOD (10 is no visible difference), on the display and at the speed in its name."""
    _need("pycvvdp", "cvvdp")
    import torch

    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    sides = [np.stack([color.levels(frame) for frame in side]).transpose(0, 2, 3, 1) for side in (sr, hr)]
    judge = import_module("pycvvdp").cvvdp(display_name=CVVDP_DISPLAY, quiet=True, device=torch.device("cpu"))
    with torch.no_grad():
        jod, _ = judge.predict(sides[0], sides[1], dim_order="FHWC", frames_per_second=CVVDP_FPS)
    return float(jod)


def lpips(trunk: Trunk, sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """LPIPS of each frame."""
    from stvsr_bench.metrics import perceptual

    return perceptual.lpips(trunk, sr_SCHW, hr_SCHW)


def dists(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """DISTS of each frame."""
    from stvsr_bench.metrics import perceptual

    return perceptual.dists(sr_SCHW, hr_SCHW)


def _need(module: str, package: str) -> None:
    if find_spec(module) is None:
        raise NotRunnableError(_not_installed(package))
    try:
        import_module(module)
    except (ImportError, RuntimeError, OSError) as error:
        raise NotRunnableError(f"{package} is installed but cannot be imported: {error}") from None


def _not_installed(package: str) -> str:
    return f"{package} is not installed: run {pip(package)}"


def _package_missing(module: str, package: str) -> str:
    try:
        _need(module, package)
    except NotRunnableError as error:
        return str(error)
    return ""


def _package_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _ffmpeg_missing() -> str:
    try:
        ffmpeg.binary()
    except NotRunnableError as error:
        return str(error)
    return ""


def _trunk_made_by(trunk: Trunk, package: str) -> str:
    return f"{trunk} {backbones.sha256(trunk)}, heads of {_package_version(package)}"


def _xpsnr_missing() -> str:
    if why := _ffmpeg_missing():
        return why
    try:
        known = "xpsnr" in ffmpeg.filters()
    except NotRunnableError as error:
        return str(error)
    return "" if known else f"{ffmpeg.binary()} has no xpsnr filter: run {extra('vmaf')}"


def _vmaf(name: str) -> Extra:
    model = vmaf.MODELS[name]
    how = f"{model.name}, 8-bit 4:2:0 BT.601, by ffmpeg"
    if "_hfr_" in name:
        how += "; for 50 to 60 frames per second, 2 to 3 points above the standard model: no column with it"
    if name.endswith("3d0h_2160"):
        how += "; from 0 to 110"
    if not model.cambi:
        how += "; says little on clips of a few frames"
    missing = partial(vmaf.missing, model)
    return Extra(partial(vmaf.score, model), "", True, "frame", model.title, how, missing, ffmpeg.version, needs=FFMPEG)


def _vmaf_of_file(name: str) -> Extra:
    how = f"the model file of --vmaf-model with SHA-256 {name.removeprefix(vmaf.OF_FILE)}..., 8-bit 4:2:0 BT.601"
    return Extra(
        partial(vmaf.of_file, name),
        "",
        True,
        "frame",
        f"VMAF (model {name.removeprefix(vmaf.OF_FILE)})",
        how,
        partial(vmaf.file_missing, name),
        partial(vmaf.file_made_by, name),
        needs=FFMPEG,
    )


class Extras(dict[str, Extra]):
    """Optional metrics by name; one of a VMAF model file is known by its name alone, on any machine."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or vmaf.is_of_file(name)

    def __missing__(self, name: str) -> Extra:
        if vmaf.is_of_file(name):
            return _vmaf_of_file(name)
        raise KeyError(name)


def _lpips(trunk: Trunk, title: str) -> Extra:
    return Extra(
        partial(lpips, trunk),
        "",
        False,
        "frame",
        title,
        f"LPIPS v0.1, {trunk} trunk given by the user",
        partial(backbones.missing, trunk, "lpips"),
        partial(_trunk_made_by, trunk, "lpips"),
        needs=f"torchvision's {trunk}.pth and lpips",
    )


_NAMED: dict[str, Extra] = {
    **{name: _vmaf(name) for name in vmaf.MODELS},
    "cambi": Extra(
        vmaf.cambi,
        "",
        False,
        "frame",
        "CAMBI",
        "banding of sr alone, 0 is none, 8-bit 4:2:0 BT.601, by libvmaf; needs no truth",
        vmaf.cambi_missing,
        ffmpeg.version,
        needs=FFMPEG,
    ),
    "vmaf_torch": Extra(
        vmaf_torch,
        "",
        True,
        "frame",
        "VMAF (vmaf-torch)",
        "vmaf_v0.6.1 on rounded BT.601 luma, by the package vmaf-torch",
        partial(_package_missing, "vmaf_torch", "vmaf-torch"),
        partial(_package_version, "vmaf-torch"),
        needs="vmaf-torch",
    ),
    "xpsnr_y": Extra(
        ffmpeg.xpsnr_y,
        "dB",
        True,
        "frame",
        "XPSNR Y",
        "perceptually weighted PSNR, 8-bit 4:2:0 BT.601, by ffmpeg",
        _xpsnr_missing,
        ffmpeg.version,
        needs=FFMPEG,
    ),
    f"cvvdp_{CVVDP_DISPLAY}_{CVVDP_FPS}fps": Extra(
        cvvdp,
        "JOD",
        True,
        "clip",
        f"ColorVideoVDP ({CVVDP_DISPLAY}, {CVVDP_FPS} fps)",
        "visible differences on a stated display, 10 is none",
        partial(_package_missing, "pycvvdp", "cvvdp"),
        partial(_package_version, "cvvdp"),
        needs="cvvdp",
    ),
    "lpips_alex": Extra(
        partial(lpips, "alexnet"),
        "",
        False,
        "frame",
        "LPIPS (AlexNet)",
        "LPIPS v0.1, AlexNet; RGB of 8 bits, whole frames",
        backbones.lpips_missing,
        backbones.lpips_made_by,
        "perceptual",
    ),
    "lpips_vgg": _lpips("vgg16", "LPIPS (VGG16)"),
    "dists": Extra(
        dists,
        "",
        False,
        "frame",
        "DISTS",
        "structure and texture similarity, VGG16 trunk given by the user",
        partial(backbones.missing, "vgg16", "DISTS_pytorch"),
        partial(_trunk_made_by, "vgg16", "DISTS_pytorch"),
        needs="torchvision's vgg16.pth and DISTS_pytorch",
    ),
}
EXTRAS = Extras(_NAMED)
