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

# milliseconds for a frame of 448x256 in a septuplet, the metric alone (metrics that share a flow cost less together);
# one thread of a 2-core virtual machine (Zen 3), extra `fast`; programs by the clock, the others in processor time
COST_MS: dict[str, float] = {
    "mse_y": 1.1,
    "psnr_y": 1.1,
    "ssim_y": 1.8,
    "mse_rgb": 0.6,
    "psnr_rgb": 0.6,
    "ssim_rgb": 3.6,
    "mse_y_full": 1,
    "psnr_y_full": 1,
    "ssim_y_full": 1.7,
    "mse_y_rounded": 1.2,
    "psnr_y_rounded": 1.4,
    "ssim_y_rounded": 6,
    "mse_y_crop4": 1,
    "psnr_y_crop4": 1,
    "ssim_y_crop4": 1.6,
    "mse_y_unrounded": 1,
    "psnr_y_unrounded": 1,
    "ssim_y_unrounded": 1.8,
    "ms_ssim_y": 18,
    "tdiff_psnr_y": 3.4,
    "tof_dis_medium": 36,
    "tof_farneback_0p5_3_15_3_5_1p2_0": 52,
    "warp_error_dis_medium": 35,
    "warp_error_dis_medium_hr": 32,
    "warp_error_true_flow": 4.3,
    "warp_error_true_flow_hr": 3.5,
    "tof_tecogan": 15,
    "tof_bfstvsr": 54,
    "tof_v3": 58,
    "ewarp_dis_medium": 23,
    "ewarp_dis_medium_hr": 22,
    "ewarp_lai_dis_medium": 76,
    "ewarp_lai_dis_medium_hr": 78,
    "ewarp_true_flow": 12,
    "ewarp_true_flow_hr": 12,
    "ewarp_lai_true_flow": 32,
    "ewarp_lai_true_flow_hr": 33,
    "tlp_alex": 98,
    "tlp_tecogan": 34,
    "flolpips_dis_medium": 110,
    "flolpips_spynet": 1754,
    "ewarp_spynet": 451,
    "ewarp_spynet_hr": 414,
    "ewarp_lai_spynet": 1737,
    "ewarp_lai_spynet_hr": 1742,
    "psnr_y_shift3q": 276,
    "psnr_y_shift0": 2.8,
    "shift3q_right": 208,
    "shift3q_down": 228,
    "psnr_y_lag2": 3.9,
    "lag2": 3.2,
    "time_error": 0.5,
    "time_contrast": 0.6,
    "vmaf": 43,
    "vmaf_neg": 50,
    "vmaf_4k": 38,
    "vmaf_v1_3d0h": 44,
    "vmaf_v1_hfr_3d0h": 32,
    "vmaf_v1_1d5h_2160": 33,
    "vmaf_v1_hfr_1d5h_2160": 30,
    "cambi": 53,
    "xpsnr_y": 34,
    "lpips_alex": 103,
}

# by the programs that were read for the definitions; a paper's own text may say more
PRINTED_BY: dict[str, str] = {
    "psnr_y": "TMNet, BasicVSR, BF-STVSR, V3 and most others",
    "ssim_y": "TMNet, BasicVSR, BF-STVSR, V3 and most others",
    "psnr_rgb": "BasicVSR (REDS4), DAVSR, DiffST",
    "ssim_rgb": "BasicVSR (REDS4), DAVSR, DiffST",
    "lpips_alex": "TecoGAN; DiffST prints an LPIPS, of a network that it does not name",
    "tof_tecogan": "TecoGAN",
    "tof_bfstvsr": "BF-STVSR; XVFI on interpolated frames",
    "tof_v3": "V3",
    "tlp_tecogan": "TecoGAN",
    **dict.fromkeys((f"ewarp_{flow}" for flow in ("dis_medium", "spynet", "true_flow")), "EvalCrafter, with RAFT"),
    **dict.fromkeys(
        (f"ewarp_lai_{flow}" for flow in ("dis_medium", "spynet", "true_flow")), "Lai et al., with FlowNet2"
    ),
    **dict.fromkeys(("flolpips_dis_medium", "flolpips_spynet"), "FloLPIPS and BF-STVSR, with PWC-Net"),
    "vmaf": "BF-STVSR prints a VMAF, of a model that it does not name",
}
