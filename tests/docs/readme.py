"""The figures of README.md that come from reports/vid4/paper.csv. `python tests/docs/readme.py` writes them."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "README.md"
# the paper and the notebook are of two protocols: a reader must know
NOTE = "Published values: TMNet's paper, and the notebook of STDAN's authors (protocol `stdan-2023`)."


def lines() -> list[dict[str, str]]:
    """The lines of the report on Vid4: published and measured values."""
    with (ROOT / "reports" / "vid4" / "paper.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table() -> str:
    """PSNR-Y and SSIM-Y of each method under Zooming Slow-Mo's protocol; the measured ones in order of their PSNR."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for line in lines():
        if line["protocol"] == "zsm-2020":
            values.setdefault((line["kind"], line["method"]), {})[line["metric"]] = float(line["value"])
    order = sorted(values, key=lambda row: (row[0] == "measured", values[row]["psnr_y"]))
    shown = [
        f"| {method} | {kind} | {values[kind, method]['psnr_y']:.2f} | {values[kind, method]['ssim_y']:.4f} |"
        for kind, method in order
    ]
    return "\n".join(["| method | | PSNR-Y | SSIM-Y |", "|---|---|---:|---:|", *shown, "", NOTE])


def basicvsr() -> str:
    """The two values of BasicVSR that are measured and published.

    Raises:
        ValueError: a measured value is not the published one, in the digits that the paper prints.
    """
    said = []
    # of the three files of weights, each protocol's value was published for one
    for protocol, weights in (("basicvsr-2021", "vimeo-bi"), ("basicvsr-2021-bd", "vimeo-bd")):
        names = ("BasicVSR", f"basicvsr@{weights}")
        of = [line for line in lines() if line["protocol"] == protocol and line["method"] in names]
        texts = []
        for metric, digits in (("psnr_y", 2), ("ssim_y", 4)):
            found = {(one["kind"], f"{float(one['value']):.{digits}f}") for one in of if one["metric"] == metric}
            (text,) = {text for _, text in found}
            if {kind for kind, _ in found} != {"published", "measured"}:
                raise ValueError(f"{protocol} {metric}: not both published and measured")
            texts.append(text)
        said.append(" / ".join(texts))
    return f"{said[0]} from bicubic input and {said[1]} from blurred input"


def page(text: str) -> str:
    """The README with these figures in their places."""
    text = re.sub(
        r"(<!-- vid4 -->\n).*?(<!-- /vid4 -->)", lambda at: f"{at[1]}{table()}\n{at[2]}", text, flags=re.DOTALL
    )
    return re.sub(r"(<!-- basicvsr -->).*?(<!-- /basicvsr -->)", lambda at: at[1] + basicvsr() + at[2], text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
