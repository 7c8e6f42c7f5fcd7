"""Makes `published.csv`, `left_out.csv` and the README beside them from a list of published results.

    python tests/report/published/remake.py LIST.csv

No score is typed: values, notes, sources and states are copied; what is decided here is which data set, split, scale
and protocol of the suite a line is of. A line without the name of a procedure, or without a PSNR or SSIM, is left out
and counted. The list has the columns method, group, dataset, scale_space, scale_time, protocol, psnr_y, ssim_y,
psnr_rgb, ssim_rgb, params_M, status, source, source_url, note.
"""

import csv
import re
import sys
from collections import Counter
from pathlib import Path

from stvsr_bench import protocols
from stvsr_bench.errors import UsageError
from stvsr_bench.report.published.values import CONFIRMED, METRICS
from stvsr_bench.schema import canonical

HERE = Path(__file__).parents[3] / "stvsr_bench" / "report" / "published"
COLUMNS = (
    "method", "printed", "group", "dataset", "split", "clip", "scale", "time_scale", "variant", "protocol", "procedure",
    *METRICS, "params_m", "status", "source", "source_url", "note",
)  # fmt: skip

# methods of this suite under their printed names; all others keep what is printed
METHODS = {"Zooming Slow-Mo": "zsm", "TMNet": "tmnet", "STDAN": "stdan", "BasicVSR": "basicvsr"}
# (words of the printed data set): data set, split, variant. The first that matches counts
PLACES = {
    r"vid4(/(?P<clip>\w+))?": ("vid4", "test", ""),
    r"vid4(/(?P<clip>\w+))? \((?P<variant>BI|BD)x4\)": ("vid4", "test", ""),
    r"vimeo_(?P<split>fast|medium|slow)": ("vimeo90k", "", ""),
    r"vimeo90k_septuplet_test \((?P<variant>BI|BD)x4\)": ("vimeo90k", "test", ""),
    r"(reds4|udm10) \((?P<variant>BI|BD)x4\)": ("", "test", ""),
    r"spmcs-30 \((?P<variant>BI|BD)x4\)": ("spmcs", "test", ""),
    # every 240 fps frame of GOPRO_Large_all: 1522 windows (docs/protocols.md)
    r"gopro_center": ("gopro", "all-test", "centre"),
    r"gopro_average|gopro \(arbitrary scale; .*": ("gopro", "all-test", "average"),
    r"adobe_center": ("adobe240", "test", "centre"),
    r"adobe_average": ("adobe240", "test", "average"),
    r"bsergb_center": ("bsergb", "test", "centre"),
    r"bsergb_average": ("bsergb", "test", "average"),
    r"REDSval odd frames .*": ("reds4", "val", "between"),
    r"REDSval even frames .*": ("reds4", "val", "given"),
    r"REDSval overall": ("reds4", "val", ""),
}
# words that a procedure starts with: the suite's protocol. Where none is named, no protocol of the suite is known to be
# the procedure's. VideoINR's are members of a family (below)
PROCEDURES = {
    "ZSM (Vimeo-90K-trained": "zsm-2020",
    "ZSM": "zsm-2020",
    "Sony nnabla re-evaluation": "zsm-2020",
    "STDAN test.py": "stdan-2023",
    "RSTT": "rstt-2022",
    "BasicVSR paper": "basicvsr-2021",
}
FLIPPED = "ZSM test.py, x4 flip self-ensemble"  # no protocol of the suite has it
CONTINUOUS = (
    "VideoINR", "VideoINR (Adobe240-trained", "VideoINR (MoTIF test.py", "VideoINR metrics, but 14-frame",
    "user reimplementation of the protocol",
)  # fmt: skip
NO_LABEL, NO_VALUE = "no procedure is named", "no PSNR and no SSIM (times, tOF)"


def main(source: Path) -> None:
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    made, dropped = [], Counter()
    procedure = ""
    for row in rows:
        # "as above" names the procedure of the line before
        procedure = procedure if row["protocol"].startswith("as above") else row["protocol"]
        if why := left_out(row):
            dropped[why] += 1
        else:
            made.append(line_of(row, procedure))
    sure = [line for line in made if line["status"] in CONFIRMED]
    doubtful = [line for line in made if line["status"] not in CONFIRMED]
    for name, lines in (("published.csv", sure), ("left_out.csv", doubtful)):
        with (HERE / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
    (HERE / "README.md").write_text(readme(len(rows), sure, doubtful, dropped), encoding="utf-8")


def left_out(row: dict[str, str]) -> str:
    """Why a line of the list is in none of the files; "" where it is in one."""
    if not row["protocol"]:
        return NO_LABEL
    return "" if any(row[metric] for metric in METRICS) else NO_VALUE


def line_of(row: dict[str, str], procedure: str) -> dict[str, str]:
    """A line of the suite's columns."""
    place = place_of(row["dataset"])
    scale, time_scale = fraction(row["scale_space"]), fraction(row["scale_time"])
    printed = row["method"]
    known = next((ours for name, ours in METHODS.items() if re.fullmatch(rf"{name}( \(.*\))?", printed)), printed)
    copied = {name: row[name] for name in (*METRICS, "group", "status", "source", "source_url", "note")}
    return {
        **copied,
        **place,
        "method": known,
        "printed": printed,
        "scale": scale,
        "time_scale": time_scale,
        "procedure": procedure,
        "protocol": protocol_of(procedure, place, scale, time_scale),
        "params_m": row["params_M"],
    }


def place_of(printed: str) -> dict[str, str]:
    """Data set, split, clip and variant of a printed data set; one that is none of the suite's keeps its name."""
    for words, (dataset, split, variant) in PLACES.items():
        if found := re.fullmatch(words, printed):
            said = {name: text or "" for name, text in found.groupdict().items()}
            named = {"dataset": dataset or printed.split(maxsplit=1)[0], "split": split, "variant": variant, "clip": ""}
            return {**named, **said}
    return {"dataset": printed, "split": "", "variant": "", "clip": ""}


def protocol_of(procedure: str, place: dict[str, str], scale: str, time_scale: str) -> str:
    """The protocol of the suite that a procedure is known to be; "" for none."""
    if place["split"] == "" or procedure == FLIPPED:
        return ""
    if any(re.match(re.escape(words) + r"($|[^\w-])", procedure) for words in CONTINUOUS):
        return member("videoinr-2022-centre" if place["variant"] == "centre" else "videoinr-2022", scale, time_scale)
    starts = [words for words in PROCEDURES if re.match(re.escape(words) + r"($|\W)", procedure)]
    found = PROCEDURES[max(starts, key=len)] if starts else ""
    if found == "basicvsr-2021":
        # Vimeo-90K's seven frames are mirrored and the middle one is scored: no protocol of the suite does that
        found = "" if place["dataset"] == "vimeo90k" else f"{found}-bd" if place["variant"] == "BD" else found
    return found and member(found, scale, time_scale)


def member(family: str, scale: str, time_scale: str) -> str:
    """The member of a family at this scale and time."""
    try:
        known = protocols.PROTOCOLS[family]
        return protocols.member(known, canonical(scale), int(time_scale)).name
    except (ValueError, UsageError):
        return ""


def fraction(text: str) -> str:
    """A scale as text in lowest terms; "" where the source states none."""
    try:
        return str(canonical(text))
    except ValueError:
        return ""


def readme(total: int, sure: list[dict[str, str]], doubtful: list[dict[str, str]], dropped: Counter[str]) -> str:
    """What the files hold, and what is in none of them."""
    counts = Counter(line["protocol"] or "none that is known" for line in sure)
    status = Counter(line["status"] for line in doubtful)
    parts = [
        "# Published values",
        "",
        "Made by `python tests/report/published/remake.py LIST.csv` from a list of published results with sources;",
        "no number in these files was typed. `values.py` says what the columns mean.",
        "",
        f"Of {total} lines of the list, {len(sure)} are in `published.csv`, {len(doubtful)} in `left_out.csv` (their",
        f"`status` says what is not certain) and {sum(dropped.values())} in neither:",
        "",
        *(f"* {count}: {why}" for why, count in dropped.most_common()),
        "",
        "Lines of `published.csv` by the protocol of this suite that the source's procedure is known to be. Values of",
        "no known protocol get no verdict; the ledger shows them as left out.",
        "",
        *grid(("protocol", "lines"), sorted(counts.items())),
        "",
        "Lines of `left_out.csv` by what is not certain:",
        "",
        *grid(("status", "lines"), status.most_common()),
        "",
    ]
    return "\n".join(parts)


def grid(heads: tuple[str, str], lines: list[tuple[str, int]]) -> list[str]:
    return [f"| {heads[0]} | {heads[1]} |", "|---|---:|", *(f"| {name} | {count} |" for name, count in lines)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
