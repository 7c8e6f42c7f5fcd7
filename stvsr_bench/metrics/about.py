"""What a list says of the metrics of whole clips, and of every metric: what it needs, costs, and who prints it.

No function is here and nothing is computed. Papers are named by the program that was read for the definition.
"""

from dataclasses import dataclass

_FARNEBACK = "Farneback 0.5, 3, 15, 3, 5, 1.2, 0"


@dataclass(frozen=True)
class OfClip:
    """Title, unit, direction and, where the function's own sentence does not say it, the definition."""

    title: str
    unit: str
    higher_is_better: bool = False
    how: str = ""
    signed: bool = False


def _warping(name: str, title: str, flow: str) -> dict[str, OfClip]:
    own = (
        "EvalCrafter's formula x1000: frames of half size in RGB, squared error over visible points, "
        f"{flow} of the {{}}; not its RAFT"
    )
    lai = (
        "Lai et al.: full size in RGB, squared error over visible points and channels, "
        f"{flow} and masks of hr; not its FlowNet2"
    )
    return {
        f"ewarp_{name}": OfClip(
            f"Warping error, EvalCrafter's form ({title})", "x1000", how=own.format("scored video")
        ),
        f"ewarp_{name}_hr": OfClip(f"The same of hr ({title})", "x1000", how=own.format("true video")),
        f"ewarp_lai_{name}": OfClip(f"Warping error, Lai's form ({title})", "RGB^2", how=lai),
        f"ewarp_lai_{name}_hr": OfClip(f"The same of hr, Lai's form ({title})", "RGB^2", how=f"{lai}; of hr itself"),
    }


OF_CLIPS: dict[str, OfClip] = {
    "tdiff_psnr_y": OfClip("PSNR Y of frame differences", "dB", True),
    "tof_dis_medium": OfClip("tOF (DIS medium)", "px"),
    "tof_farneback_0p5_3_15_3_5_1p2_0": OfClip(f"tOF ({_FARNEBACK})", "px"),
    "warp_error_dis_medium": OfClip("Warping error (DIS medium)", "levels^2"),
    "warp_error_dis_medium_hr": OfClip("Warping error of hr (DIS medium)", "levels^2"),
    "warp_error_true_flow": OfClip("Warping error (true flow)", "levels^2"),
    "warp_error_true_flow_hr": OfClip("Warping error of hr (true flow)", "levels^2"),
    "tof_tecogan": OfClip("tOF as TecoGAN", "px"),
    "tof_bfstvsr": OfClip("tOF as BF-STVSR", "px"),
    "tof_v3": OfClip("tOF as V3", "px"),
    **_warping("dis_medium", "DIS medium", "DIS flow"),
    **_warping("true_flow", "true flow", "the exact flow and, for what it hides, hr's luma"),
    **_warping("spynet", "SpyNet of BasicVSR", "SpyNet flow"),
    "psnr_y_shift3q": OfClip(
        "PSNR Y at the best shift (3 px, quarters)",
        "dB",
        True,
        "a note, no score: one shift of the clip, Keys' cubic, 4 px of border cut",
    ),
    "psnr_y_shift0": OfClip("PSNR Y unshifted (crop 4)", "dB", True, "what psnr_y_shift3q compares with"),
    "shift3q_right": OfClip(
        "Best shift to the right", "px", how="a note: how far sr must be moved to fit best", signed=True
    ),
    "shift3q_down": OfClip("Best shift down", "px", how="a note: how far sr must be moved to fit best", signed=True),
    "psnr_y_lag2": OfClip("PSNR Y at the best lag (2 frames)", "dB", True, "a note, no score: whole frames"),
    "lag2": OfClip("Best lag", "frames", how="a note: how many frames later sr is than the truth it fits", signed=True),
    "tlp_alex": OfClip("tLP x100 (AlexNet)", ""),
    "tlp_tecogan": OfClip("tLP x100 as TecoGAN (AlexNet)", ""),
    "flolpips_dis_medium": OfClip(
        "FloLPIPS (DIS medium)", "", how="LPIPS weighted by the difference of the DIS flows; not the paper's PWC-Net"
    ),
    "flolpips_spynet": OfClip(
        "FloLPIPS (SpyNet of BasicVSR)", "", how="LPIPS weighted by the difference of SpyNet's flows; not PWC-Net"
    ),
}
