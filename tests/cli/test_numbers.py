"""Every numeric option of every verb refuses what is no number, negative or huge, in one sentence."""

import pytest
import typer

from stvsr_bench import cli
from stvsr_bench.cli import numbers
from stvsr_bench.errors import UsageError
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import Settings

COMMAND = typer.main.get_command(cli.app())


def verbs(command=COMMAND, words=()):
    """Each verb as it is typed, with its command."""
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*words, name)) if getattr(below, "commands", None) else [((*words, name), below)]


def numeric():
    """(verb, required words, parameter) of each numeric option and argument, by the command line's own definitions."""
    for words, command in verbs():
        needed = []
        for param in command.params:
            if getattr(param, "required", False):
                needed += ["x"] if not param.opts[0].startswith("-") else [param.opts[0], "x"]
        for param in command.params:
            kind = getattr(getattr(param, "type_descriptor", None), "annotation", None)
            if kind in (int, float):
                yield words, command, needed, param, kind


CASES = list(numeric())
VALUES = ("nan", "inf", "-inf", "-99999", "1e300", "1" + "0" * 30, "9" * 5000, "²", "")


def test_the_walk_finds_the_options():
    seen = {(*words, param.opts[0]) for words, _, _, param, _ in CASES}
    assert len(CASES) > 40
    assert {("run", "--timeout"), ("data", "stats", "--slow-below"), ("verify", "--seed")} <= seen


@pytest.fixture
def quick(monkeypatch):
    """The command line made once: 300 calls of it in a second or two."""
    monkeypatch.setattr(cli, "app", lambda *_: None)
    monkeypatch.setattr(typer.main, "get_command", lambda _: COMMAND)


@pytest.mark.fault(
    "E5", "`nan`, `inf`, negative, huge or no number, for each numeric option of each verb", "one sentence", "2"
)
def test_every_numeric_option_refuses_what_is_no_such_number(quick, capsys):
    wrong = []
    for words, _, needed, param, _ in CASES:
        for value in VALUES:
            code = cli.call([*words, *needed, f"{param.opts[0]}={value}"])
            said = capsys.readouterr().err.strip().splitlines()[-1]
            if code != 2 or param.opts[0] not in said or "internal" in said:
                wrong.append((*words, param.opts[0], value[:40], code, said[:100]))
    assert not wrong


def test_the_limits_of_each_option_are_themselves_taken():
    for words, command, _, param, _ in CASES:
        found = numbers.numbers(_verb(command))
        number = found[param.name]
        assert number.typed in param.opts, words
        number.check(number.low)
        number.check(number.high)
        for value in (float("nan"), number.low - 1, number.high + 1e300):
            with pytest.raises(UsageError, match=f"{number.typed} .*: write a (whole )?number from "):
                number.check(value)


def _verb(command):
    verb = command.callback
    while hasattr(verb, "__wrapped__"):
        verb = verb.__wrapped__
    return verb


@pytest.mark.fault(
    "E5", "such numbers in `--shard`, `--sample`, `--size`, `worst:K`, a protocol's scale, ...", "one sentence", "2"
)
@pytest.mark.parametrize(
    "argv",
    [
        *(
            ["run", "-m", "blend+bicubic", "--shard", text]
            for text in ("²/2", "0/2", "3/2", "nan/1", "1/" + "9" * 5000)
        ),
        *(["run", "-m", "blend+bicubic", "--save-frames", f"worst:{text}"] for text in ("²", "-1", "nan", "9" * 5000)),
        *(["verify", "x", "--sample", text] for text in ("nan", "inf%", "-1%", "1e300", "²")),
        *(["gate", "x", "y", "--tolerance", f"psnr_y={text}"] for text in ("nan", "inf", "-1", "²")),
        *(["profile", "-m", "blend+bicubic", "--size", text] for text in ("²x2", "nanx3", "0x4", "9" * 5000 + "x2")),
        *(["profile", "-m", "blend+bicubic", "--scale", text] for text in ("nan", "inf", "-2", "1e999", "1/0")),
        *(["plan", "-m", "blend+bicubic", "--workers", text] for text in ("²", "0", "nan", "9" * 5000)),
        *(["run", "-m", "x", "-p", f"suite-1:scale={text}"] for text in ("nan", "inf", "-2", "1/0", "9" * 40, "²")),
        *(["run", "-m", "x", "-p", f"suite-1:time_scale={text}"] for text in ("nan", "0", "-2", "9" * 40, "²")),
        *(["run", "-m", f"stdan:top_t={text}@none"] for text in ("nan", "inf", "²", "1e3")),
        *(["run", "-m", "blend+bicubic", "-d", f"mini:rate={text}"] for text in ("nan", "-1", "9" * 40, "²")),
    ],
    ids=lambda argv: " ".join(argv)[-40:],
)
def test_numbers_in_other_options_too(quick, argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.call(argv) == 2
    said = capsys.readouterr().err
    assert "internal" not in said and said.count("\n") <= 4


@pytest.mark.fault("E5", "such numbers from Python, or in the `run.toml` of others", "one sentence", "2")
@pytest.mark.parametrize(
    "fields",
    [
        {"limit": float("nan")},
        {"limit": -1},
        {"limit": float("inf")},
        {"jobs": 0},
        {"jobs": 10**6},
        {"threads": 10**6},
        {"timeout_s": float("nan")},
        {"timeout_s": -1},
        {"settings": Settings(tile=-1)},
        {"settings": Settings(tile_overlap=10**9)},
        {"settings": Settings(precision="fp8")},
    ],
    ids=str,
)
def test_a_run_from_python_is_refused_alike(fields, tmp_path):
    with pytest.raises(UsageError, match=r"is not possible|unknown precision"):
        make(RunSpec(methods=("blend+bicubic",), datasets=("mini",), out=tmp_path, **fields))
