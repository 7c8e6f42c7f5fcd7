"""Cards, specs, names and files that mean harm, or are just wrong: one sentence each, and nothing is run."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stvsr_bench import methods, plugins
from stvsr_bench.cli import call
from stvsr_bench.cli.options import several
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import BenchError, CardError, UsageError
from stvsr_bench.methods.cards import card_of_file
from stvsr_bench.methods.spec import parse
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import ROWS
from stvsr_bench.rows.names import path_component
from stvsr_bench.runner.replay import load_spec
from stvsr_bench.schema import MethodCard, Row

NASTY = [
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "../../etc/passwd",
    "/etc/passwd",
    "a" * 300,
    "наме",
    "名前",
    "con",
    "name with spaces",
    "nul\x00byte",
    "..",
    ".",
    "",
]


@pytest.mark.fault("B", "names with path separators, 300 letters, Unicode", "one component in paths")
@pytest.mark.parametrize("name", NASTY)
def test_names_become_one_path_component_below_the_run(name, tmp_path):
    part = path_component(name)
    assert part and "/" not in part and "\\" not in part and part not in (".", "..")
    assert len(part.encode()) <= 120
    assert (tmp_path / part).resolve().parent == tmp_path.resolve()


@pytest.mark.fault("B", "a method's name that is none", "one sentence", "2, 4")
@pytest.mark.parametrize("name", [n for n in NASTY if n])
def test_a_method_with_a_nasty_name_is_refused_in_one_sentence(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(["run", "--methods", name, "--dataset", "mini"]) in (2, 4)
    said = capsys.readouterr().err
    assert "Traceback" not in said and "internal error" not in said


def folder(tmp_path, card, name="net"):
    home = tmp_path / "plugins" / "methods" / name
    home.mkdir(parents=True)
    (home / "card.toml").write_text(card, encoding="utf-8", errors="surrogateescape")
    return tmp_path / "plugins"


GOOD = 'title = "Net"\nkind = "stvsr"\nnet = "model:Net"\n'


@pytest.mark.fault(
    "B",
    "cards with wrong types, unknown keys, no TOML",
    "listed with the field; no other method is touched",
    "2",
)
@pytest.mark.parametrize(
    ("card", "says"),
    [
        (GOOD + "scale = 'four'\n", "'scale'"),
        (GOOD + "colour = 'red'\n", "'colour'"),
        (GOOD.replace("stvsr", "magic"), "'kind'"),
        ("title = 'Net'\n", "'kind'|'net'"),
        (GOOD + "frames_in = [2]\n", "frames_in"),
        (GOOD + "[options]\nwidth = [1, 2]\n", "options.width"),
        (GOOD + "[weights.authors]\nsha = 'x'\n", "weights.authors.sha"),
        ("title = ", "is not valid TOML"),
        ("\x00\x01", "is not valid TOML"),
        ("x = " + "[" * 20_000, "is not valid TOML"),
        (GOOD.replace("Net", "\\u001b[2J"), "'title': contains control"),
        (GOOD + "[options]\n'\\u001b' = 1\n".replace("'", '"'), "control"),
    ],
)
def test_a_wrong_card_is_named_with_its_field(card, says, tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_PATH", str(folder(tmp_path, card)))
    with pytest.raises(CardError, match=says):
        methods.card("net")
    assert "net" in methods.problems() and "stdan" in methods.names()


@pytest.mark.fault(
    "B",
    "names with ANSI codes in cards, clips, rows of others",
    "written out as `\\x1b`, or refused",
    "2, 4",
)
def test_no_name_of_a_file_or_row_steers_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips" / "\x1b[31mred").mkdir(parents=True)
    for t in range(3):
        write_png(tmp_path / "clips" / "\x1b[31mred" / f"{t}.png", np.zeros((16, 16, 3), np.uint8))
    monkeypatch.setenv("STVSR_BENCH_PATH", str(folder(tmp_path, GOOD.replace("Net", "\\u001b[2J"))))
    with store.Appender(tmp_path / "foreign" / "rows-main.jsonl") as rows:
        names = {"method": "\x1b[2Jnet", "dataset": "\x1b[2Jset", "split": "\x1b[2Js", "clip": "\x1b[2Jc"}
        row = replace(ROW, **names, values={"psnr_y": [30.0], "ssim_y": [0.9]})
        rows.row(replace(row, key=row.own_key))
    for argv, code in (
        (["run", "-m", "blend+bicubic", "-d", "./clips"], 4),
        (["run", "-m", "blend+bicubic", "-d", "mini", "-s", "\x1b[2J"], 2),
        (["ls", "methods"], 0),
        (["report", "foreign", "--no-figures", "--no-page"], 0),
        (["gate", "foreign", "foreign"], 0),
    ):
        assert call(argv) == code, argv
        seen = capsys.readouterr()
        assert "\x1b" not in seen.out + seen.err, argv


@pytest.mark.fault("B5", "folders of runs with ANSI codes in their names; `verify`, `ls results`, `merge`", "`\\\\x1b`")
def test_no_folder_steers_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = "runs/\x1b[2J\x9b\u202erun"
    with store.Appender(tmp_path / run / "rows-main.jsonl") as rows:
        row = replace(ROW, method="\x1b[2Jnet", protocol="\x9bp", values={"psnr_y": [30.0], "ssim_y": [0.9]})
        rows.row(replace(row, key=row.own_key))
    (tmp_path / run / "manifest.json").write_text(json.dumps({"run": "\x1b", "methods": {"\x1b[2Jnet": {}}}))
    (tmp_path / run / "run.toml").write_text("methods = ['\\u001b[2J'.]")
    for argv, code in (
        (["ls", "results"], 0),
        (["ls", "results", "--json"], 0),
        (["verify", run], 2),
        (["merge", run, "--out", run + "2"], 0),
        (["report", run, "--no-figures", "--no-page", "--out", run + "3"], 0),
        (["report", run, "--no-figures", "--no-page", "--json", "--out", run + "3"], 0),
        (["compare", "\x1ba", "b", run], 2),
        (["gate", run, run, "--update"], 2),
        (["weights", "identify", run], 2),
    ):
        assert call(argv) in (code, 4), argv
        seen = capsys.readouterr()
        assert not set(seen.out + seen.err) & set("\x1b\x9b\u202e"), argv


@pytest.mark.fault("B", "a card that wants to run code", "refused; reading cards runs no code", "2")
def test_reading_a_card_runs_no_code_of_the_plug_in(tmp_path, monkeypatch):
    root = folder(tmp_path, GOOD)
    (root / "methods" / "net" / "model.py").write_text("raise SystemExit('code ran')")
    one = tmp_path / "one.py"
    one.write_text("CARD = {'title': 'One', 'kind': 'stvsr', 'net': 'f'}\nraise SystemExit('code ran')")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(root))
    monkeypatch.setitem(plugins._included, "methods", {})
    plugins.include(one)
    assert {"net", "one"} <= set(methods.names())


@pytest.mark.fault("B", "a card that wants to run code", "refused; reading cards runs no code", "2")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CARD = {'title': __import__('os').system('true')}", "plain values"),
        ("CARD = {[]: 1}", "plain values"),
        ("CARD = {1: 'net'}", "plain values"),
        ("CARD = " + "-" * 5_000 + "1", "plain values|cannot be read"),
        ("CARD = " + "(" * 50_000, "cannot be read"),
        ("'''```toml\nx = " + "[" * 20_000 + "\n```'''", "toml block"),
    ],
)
def test_a_one_file_card_of_more_than_plain_values_is_refused(text, says, tmp_path):
    path = tmp_path / "evil.py"
    path.write_text(text)
    with pytest.raises(CardError, match=says):
        card_of_file(path)


@pytest.mark.fault("B", "a list of names that is no text", "one sentence", "2")
@pytest.mark.parametrize("name", ["@no\x00name", "@~nobody-of-that-name/list.txt", "@picture.png"])
def test_a_list_that_is_no_text_is_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        several(name)


def test_a_plug_in_folder_that_others_may_write_is_named_and_not_used(tmp_path, monkeypatch):
    root = folder(tmp_path, GOOD)
    (root / "methods" / "net").chmod(0o777)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(root))
    with pytest.raises(CardError, match="may be written by everybody"):
        methods.card("net")


@pytest.mark.fault("B", "verbs that need no network", "touch none")
def test_light_verbs_touch_no_network(tmp_path):
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('network touched')\n"
        "socket.socket.connect = refuse\n"
        "from stvsr_bench.cli import call\n"
        "codes = [call(['ls', kind]) for kind in ('methods', 'datasets', 'metrics', 'protocols')]\n"
        "codes.append(call(['run', '-m', 'blend+bicubic', '-d', 'mini', '-s', 'slow', '--dry-run']))\n"
        "sys.exit(max(codes))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.fault("B", "`run.toml` with wrong keys or types", "the key is named", "2")
@pytest.mark.parametrize(
    "text",
    [
        "methods = 3",
        "methods = ['x']\nsurprise = 1",
        "methods = ['x']\njobs = 'many'",
        "= broken",
        "\x00",
        "x = " + "[" * 20_000,
    ],
)
def test_a_wrong_run_toml_is_one_sentence(text, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(CardError, match=r"run\.toml"):
        load_spec(path, tmp_path)


@pytest.mark.fault("B", "any text as method spec (Hypothesis)", "a value or a sentence", "2")
@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_spec_or_a_sentence(text):
    try:
        spec = parse(text)
    except UsageError as error:
        assert str(error)
    else:
        assert 1 <= len(spec.parts) <= 2 and all(part.name for part in spec.parts)


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.from_regex(r"[\w.]{1,6}", fullmatch=True)),
)
def test_a_spec_that_is_written_is_read_back(name, options):
    text = name + "".join(f":{key}={value}" for key, value in options.items()) + "@tag"
    (part,) = parse(text).parts
    assert (part.name, dict(part.options), part.weights) == (name, options, "tag")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="@'\""), max_size=60))  # quotes keep a name together
def test_lists_of_names_hold_no_separator(text):
    assert all(name and "," not in name and not any(c.isspace() for c in name) for name in several(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@pytest.mark.fault("B", "any fields as card (Hypothesis)", "a value or a sentence", "2")
@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*MethodCard.__dataclass_fields__, "surprise"]), JSON, max_size=6))
def test_any_fields_are_a_card_or_a_sentence(fields):
    plugin = plugins.Plugin("methods", "net", plugins.Path(), "test")
    try:
        card = plugins.card_from(fields, plugin, MethodCard)
    except CardError as error:
        assert str(error).startswith("card of net: '")
    else:
        assert card.name == "net"


ROW = Row(
    key="k" * 16,
    method="m",
    weights="",
    dataset="d",
    split="s",
    clip="c",
    protocol="p",
    protocol_key="p",
    restoring_key="r",
    frames=[0],
    given=[True],
    values={"psnr_y": [1.0]},
    size=(1, 1),
)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=30),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=3),
)
def test_any_row_is_read_back_as_it_was_written(name, values, how):
    row = replace(ROW, method=name, clip=name, values={"psnr_y": values}, how=how)
    assert ROWS.validate_json(ROWS.dump_json(row)) == row


@pytest.mark.fault("B", "any JSON as row (Hypothesis)", "a row or a sentence", "4")
@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_line_is_a_row_or_an_error_that_is_caught(value):
    with pytest.raises(ValidationError):
        ROWS.validate_json(json.dumps(value, allow_nan=True))


def test_every_error_class_has_a_documented_exit_code():
    codes = {0, 1, 2, 3, 4, 5, 130}
    pending = [BenchError]
    while pending:
        kind = pending.pop()
        assert kind.exit_code in codes
        pending += kind.__subclasses__()
