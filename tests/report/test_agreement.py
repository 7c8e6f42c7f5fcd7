"""Every reader of the same rows says the same mean of the same number of clips: table, page, LaTeX, CSV, JSON, ledger,
compare. Rows are random: infinite frames, flat ones, missing metrics and clips, two files of one tag, folders.

The right values are worked out by the loops of this file.
"""

import base64
import csv
import io
import json
import math
import random
import re

import numpy as np
import pytest

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy
from stvsr_bench.report.page.document import document
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.select import choose
from stvsr_bench.report.tables.csvjson import tables_csv, tables_json
from stvsr_bench.report.tables.latex import caption_of, table_tex
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy

FILES = {"best.pth#5f54": "5f54" + "0" * 60, "best.pth#a1b2": "a1b2" + "0" * 60, "": ""}
METHODS = (("zsm", "best.pth#5f54"), ("zsm", "best.pth#a1b2"), ("stdan", ""))
CLIPS = ("x/1", "x/2", "y/1", "y/2", "y/3")
PROTOCOLS = ("suite-1", "zsm-2020", "rstt-2022")  # leaves infinite values out, keeps them, keeps them by folders
OPTIONS = Options(metrics=("psnr_y", "ssim_y", "tdiff_psnr_y"))
FRAMES = ("all", "given", "between")


def random_rows(make, seed, protocol):
    """Rows of three methods, two of them one tag of two files."""
    dice = random.Random(seed)
    flat = {clip: f"flat:{dice.randrange(7)}" for clip in CLIPS if dice.random() < 0.3}
    rows = []
    for method, weights in METHODS:
        for clip in CLIPS:
            if dice.random() < 0.15:
                continue
            share = dice.choice([0.0, 0.0, 0.2, 1.0 if dice.random() < 0.3 else 0.1])
            psnr = [math.inf if dice.random() < share else round(dice.uniform(20, 40), 3) for _ in range(7)]
            values = {"psnr_y": psnr, "ssim_y": [round(dice.uniform(0.5, 1), 5) for _ in range(7)]}
            values = {name: of for name, of in values.items() if name == "psnr_y" or dice.random() > 0.1}
            scalars = {"tdiff_psnr_y": dice.choice([math.inf, dice.uniform(20, 50), dice.uniform(20, 50)])}
            changes = {"flags": [flat[clip]] if clip in flat and dice.random() < 0.7 else [], "protocol": protocol}
            changes |= {"scalars": scalars if dice.random() > 0.2 else {}, "values": values}
            tag = weights.split("#")[0]
            rows.append(make(method, tag, "vid4", "test", clip, psnr, weights_sha256=FILES[weights], **changes))
    return rows


def expected(rows, protocol, methods=METHODS):
    """{(method, weights, metric, frames): (mean, clips in it)}, by loops over the rows of these methods."""
    keep, folders = protocol != "suite-1", protocol == "rstt-2022"
    names = {sha256: label for label, sha256 in FILES.items()}
    flat = {}
    for row in rows:  # a flag of any row holds for the clip
        flat.setdefault(row.clip, set()).update(int(f.split(":")[1]) for f in row.flags)
    mine = [row for row in rows if (row.method, names[row.weights_sha256]) in methods]
    per_clip = {}
    for clip in CLIPS:
        here = [row for row in mine if row.clip == clip]
        for metric in ("psnr_y", "ssim_y"):
            out = set(flat.get(clip, ())) if metric == "psnr_y" else set()
            out |= {i for row in here for i, v in enumerate(row.values.get(metric, [])) if math.isinf(v)}
            out = set() if keep else out
            for row in here:
                for frames, chosen in zip(FRAMES, (range(7), (0, 2, 4, 6), (1, 3, 5)), strict=True):
                    left = [row.values[metric][i] for i in chosen if i not in out] if metric in row.values else []
                    if left:
                        key = (row.method, names[row.weights_sha256], metric, frames)
                        per_clip.setdefault(key, {})[clip] = sum(left) / len(left)
        scalars = {(row.method, names[row.weights_sha256]): row.scalars["tdiff_psnr_y"] for row in here if row.scalars}
        if keep or not any(map(math.isinf, scalars.values())):
            for key, value in scalars.items():
                per_clip.setdefault((*key, "tdiff_psnr_y", "all"), {})[clip] = value
    found = {}
    for key, of in per_clip.items():
        groups = [[v for clip, v in of.items() if clip[0] == folder] for folder in "xy"] if folders else [of.values()]
        means = [sum(group) / len(group) for group in map(list, groups) if group]
        found[key] = (sum(means) / len(means), len(of))
    return found


def of_table(table):
    return {
        (line.method, line.weights, column.metric, column.frames): (cell.value, cell.n)
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
        if cell.n
    }


def same(found, wanted):
    assert {key: n for key, (_, n) in found.items()} == {key: n for key, (_, n) in wanted.items()}
    assert {key: value for key, (value, _) in found.items()} == pytest.approx({k: v for k, (v, _) in wanted.items()})


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_every_reader_says_the_same(row, one, published, seed, protocol):
    rows = random_rows(row, seed, protocol)
    wanted = expected(rows, protocol)
    whole = tidy(rows)
    (table,) = build(whole, [], OPTIONS)
    same(of_table(table), wanted)

    for name, text in (("csv", tables_csv([table])), ("json", tables_json([table], {}))):
        lines = csv.DictReader(io.StringIO(text)) if name == "csv" else json.loads(text)["numbers"]
        found = {
            (of["method"], of["weights"], of["metric"], of["frames"]): (float(of["value"]), int(of["n"]))
            for of in lines
            if int(of["n"])
        }
        same(found, wanted)

    page = document([table], alike(choose(whole, OPTIONS)), [], {})["protocols"][0]
    for line, of in zip(page["lines"], table.lines, strict=True):
        for cell, column in zip(line["cells"], table.columns, strict=True):
            value, n = wanted.get((of.method, of.weights, column.metric, column.frames), (None, 0))
            assert cell["n"] == n
            assert cell["value"] == (None if value is None or math.isinf(value) else pytest.approx(value))
    clips_of_the_page(page, table, wanted, protocol)

    tex = table_tex(table, "plain", caption_of(table, False), "l")
    md = table_md(table.of_frames("all"))
    for line in table.lines:
        values = [wanted.get((line.method, line.weights, c.metric, c.frames), (None, 0))[0] for c in table.columns]
        said = ["–" if v is None else "inf" if math.isinf(v) else f"{v:.{4 if c.metric == 'ssim_y' else 2}f}"
                for v, c in zip(values, table.columns, strict=True)]  # fmt: skip
        name = f"{line.method}@{line.weights}".rstrip("@")
        (text,) = [part for part in tex.splitlines() if part.startswith(text_tex(name))]
        plain = re.sub(r"\\(textbf|underline){([^}]*)}", r"\2", text).replace("--", "–").split(" & ")
        assert plain[1 : len(said) + 1] == said
        (text,) = [part for part in md.splitlines() if part.startswith(f"| {text_md(name)}")]
        shown = [re.sub(r"[*]|</?u>", "", part).strip() for part in text.split("|")[2:]]
        every = [i for i, column in enumerate(table.columns) if column.frames == "all"]
        assert shown[: len(every)] == [said[i] for i in every]

    for metric in ("psnr_y", "ssim_y"):
        lines = [one(method=name, protocol=protocol, **{metric: "30.00"}) for name in ("zsm", "stdan")]
        measured = {
            (of.method, of.weights, metric, "all"): (of.value, of.n)
            for entry in ledger(alike(whole), published(*lines))
            for of in entry.measured
        }
        same(measured, {key: value for key, value in wanted.items() if key[2:] == (metric, "all")})


def clips_of_the_page(page, table, wanted, protocol):
    """The clips behind a number of the page give that number."""
    (split,) = page["splits"]
    for name, packed in split["means"].items():
        metric, _, frames = name.partition(".")
        for of, line in zip(packed, table.lines, strict=True):
            codes = np.frombuffer(base64.b64decode(of["b"]), "<i4" if of["w"] == 4 else "<i2").astype(float)
            values = np.where(codes == -(2**15), np.nan, np.where(codes == -(2**15) + 1, np.inf, codes / 10 ** of["d"]))
            known = [value for value in values if not math.isnan(value)]
            value, n = wanted.get((line.method, line.weights, metric, frames or "all"), (None, 0))
            assert len(known) == n
            if n and protocol != "rstt-2022" and not math.isinf(value):
                assert sum(known) / n == pytest.approx(value, abs=0.51 * 10 ** -of["d"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_compare_says_the_difference_of_the_two_lines(row, seed, protocol):
    rows = random_rows(row, seed, protocol)
    first, second = METHODS[0], METHODS[2]
    clips = {
        key: {of.clip for of in rows if (of.method, of.weights_sha256) == (key[0], FILES[key[1]])} for key in METHODS
    }
    both = [of for of in rows if of.clip in clips[first] & clips[second]]
    for metric in OPTIONS.metrics:
        mine = [of for of in both if metric in of.values or metric in of.scalars]
        if not {first[0], second[0]} <= {of.method for of in mine}:
            continue
        has = {
            key: {of.clip for of in mine if (of.method, of.weights_sha256) == (key[0], FILES[key[1]])}
            for key in METHODS
        }
        shared = [of for of in both if of.clip in has[first] & has[second]]
        wanted = expected(shared, protocol, (first, second))
        found = compare_tidy(tidy(rows), "zsm@best.pth#5f54", "stdan", [metric]) if shared else None
        for part in found.parts if found else ():
            result = part.result.difference
            (a, n), (b, _) = (wanted.get((*key, metric, part.frames), (None, 0)) for key in (first, second))
            assert result.n + result.n_inf >= n
            if result.n_inf == 0 and n:
                assert (result.mean, result.n) == (pytest.approx(a - b), n)
