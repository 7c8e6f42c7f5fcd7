"""The README's figures of real data are those that were measured and those that were published."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_vid4_figures_are_measured_and_published():
    said = (ROOT / "README.md").read_text(encoding="utf-8").partition("On real data")[2].partition("\n\n")[0]
    shown = re.findall(r"(\d+\.\d\d) / (0\.\d{4})", said)
    with (ROOT / "reports" / "vid4" / "paper.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["protocol"].startswith("basicvsr-2021")]
    for protocol, (psnr, ssim) in zip(("basicvsr-2021", "basicvsr-2021-bd"), shown, strict=True):
        for metric, text, digits in (("psnr_y", psnr, 2), ("ssim_y", ssim, 4)):
            of = [line for line in lines if (line["protocol"], line["metric"]) == (protocol, metric)]
            assert {line["kind"] for line in of} == {"published", "measured"}
            assert {f"{float(line['value']):.{digits}f}" for line in of} == {text}
