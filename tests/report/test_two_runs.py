"""Two runs of the same methods: what made them, then their numbers."""

import json
from dataclasses import replace

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.report.compare import compare_tidy
from stvsr_bench.report.guess import guess
from stvsr_bench.report.tables.two_runs import two_runs_md
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.two_runs import compare_runs

MADE = {"code": "1", "card": "c", "restoring": "r", "scoring": "s", "libraries": "l", "device": "cpu"}


@pytest.fixture
def two(row, write, tmp_path):
    """Writes two runs: `change` makes the rows of the second."""

    def made(change):
        rows = []
        for clip, level in (("1", 30.0), ("2", 32.0), ("3", 34.0)):
            rows.append(row("net", "w", "d", "s", clip, [level] * 7, weights_sha256="a" * 64, made=MADE))
            rows.append(row("blend+bicubic", "", "d", "s", clip, [level - 2] * 7, made=MADE))
        return write(tmp_path / "one", rows), write(tmp_path / "two", [_keyed(change(of)) for of in rows])

    return made


def _keyed(row):
    return replace(row, key=row.own_key)


def test_equal_runs_say_so(two):
    found = compare_runs(*two(lambda row: row))
    assert not found.identity and not any(of.moved for of in found.numbers)
    assert found.said == "6 pairs of rows. Different: nothing that the rows say of themselves; all numbers are equal."


def test_what_made_the_rows_is_named_before_the_numbers_and_moved_clips_by_size(two):
    def change(row):
        if row.method != "net":
            return row
        gain = {"1": 0.0, "2": 0.25, "3": -1.0}[row.clip]
        values = {**row.values, "psnr_y": [value + gain for value in row.values["psnr_y"]]}
        made = {**row.made, "code": "2", "device": "cuda"}
        return replace(row, values=values, weights_sha256="b" * 64, truth="t2" * 8, made=made)

    found = compare_runs(*two(change), metrics=["psnr_y"])
    assert [(of.what, of.rows) for of in found.identity] == [
        ("code", 3), ("weights (SHA-256)", 3), ("true frames", 3), ("device", 3)]  # fmt: skip
    (weights,) = [of for of in found.identity if "SHA" in of.what]
    assert (weights.first, weights.second) == ("a" * 64, "b" * 64)
    (net,) = [of for of in found.numbers if of.method == "net@w"]
    assert (net.clips, net.first, net.second, net.change) == (3, 32.0, 31.75, -0.25)  # by hand: (0 + 0.25 - 1) / 3
    assert net.moved == (("3", 34.0, 33.0), ("2", 32.0, 32.25))
    (other,) = [of for of in found.numbers if of.method != "net@w"]
    assert other.moved == ()
    text = two_runs_md(found)
    assert text.index("What made the rows") < text.index("## Numbers") < text.index("3: 34 to 33")


def test_versions_machines_and_fields_of_protocols_are_named(two, row):
    def change(one):
        from stvsr_bench import protocols

        old = replace(protocols.get("suite-1"), crop=4)
        return replace(one, protocol_key=old.key, env="f")

    first, second = two(change)
    (second / "env.json").write_text(json.dumps({"f": {"commit": "def5678", "machine": {"cpu": "another"}}}))
    from dataclasses import asdict

    from stvsr_bench import protocols

    old = replace(protocols.get("suite-1"), crop=4)
    (second / "manifest.json").write_text(json.dumps({"protocols": {"suite-1": {**asdict(old), "key": old.key}}}))
    found = {of.what: (of.first, of.second) for of in compare_runs(first, second).identity}
    assert found["suite-1: crop"] == ("0", "4")
    assert found["commit"] == ("abc1234", "def5678") and found["cpu"] == ("a processor", "another")


def test_rows_of_one_run_alone_are_counted_and_runs_without_a_common_row_are_refused(two, row, write, tmp_path):
    first, second = two(lambda of: of)
    third = write(tmp_path / "three", [row("net", "w", "d", "s", "1", [30.0] * 7)])
    found = compare_runs(first, third)
    assert found.alone == (f"Only in {first}: blend+bicubic d s (suite-1): 3 clips, net@w d s (suite-1): 2 clips",)
    fourth = write(tmp_path / "four", [row("x", "", "d", "s", "1", [30.0] * 7)])
    with pytest.raises(UsageError, match="no row of the same method, clip and protocol"):
        compare_runs(second, fourth)
    with pytest.raises(UsageError, match="has the metric 'lpips'"):
        compare_runs(first, second, ["lpips"])


def test_the_command_compares_two_runs_within_80_columns_and_as_json(two, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    first, second = two(lambda row: replace(row, weights_sha256="b" * 64 if row.weights else ""))
    assert call(["compare", str(first), str(second), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80 and "weights" in said and "0 of 3" in said
    assert "weights (SHA-256)" in (tmp_path / "out" / "compare.md").read_text()
    assert call(["compare", str(first), str(second), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["identity"][0]["what"] == "weights (SHA-256)" and found["pairs"] == 6
    assert call(["compare", str(first), "net"]) == 2
    assert "write two runs (compare RUN1 RUN2)" in capsys.readouterr().err


# -- two methods: the run that was read, and what was meant ------------------------------------------------------------


def test_a_comparison_names_its_run_and_json_has_each_verdict(run, capsys):
    assert call(["compare", "stdan", "blend+bicubic", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == [str(run)] and {part["verdict"] for part in found["parts"]} <= {"too few clips", "tie"}
    assert call(["compare", "stdan", "disk", str(run)]) == 2
    assert f"unknown method 'disk' in {run}." in capsys.readouterr().err


def test_runs_latest_is_named_with_the_run_that_it_links_to(run, monkeypatch, capsys):
    monkeypatch.chdir(run.parents[1])
    (run.parent / "latest").symlink_to(run.name)
    assert call(["compare", "stdan", "disk"]) == 2
    assert "unknown method 'disk' in runs/latest (demo)." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("dis+bicubic", ""),
        ("blendd+bicubic", "blend+bicubic"),
        ("stdn@mini", "stdan@mini"),
        ("blend", "blend+bicubic"),
    ],
)
def test_a_guess_is_near_in_every_part_of_a_name(name, meant):
    assert guess(name, ["blend+bicubic", "stdan@mini"]) == meant


def test_an_unknown_method_is_still_an_unknown_name(row):
    with pytest.raises(UnknownNameError, match=r"unknown method 'x' in these rows\. Known: a"):
        compare_tidy(tidy([row("a", "", "d", "s", "1", [30.0] * 7)]), "x", "a", ["psnr_y"])
