"""The whole command tree: its help, one spelling for one thing, options that are repeated or contradict each other."""

import re
import subprocess
import sys

import pytest
import typer

from stvsr_bench import cli
from stvsr_bench.cli import tree

COMMAND = typer.main.get_command(cli.app())


@pytest.fixture
def quick(monkeypatch):
    """The command line made once."""
    monkeypatch.setattr(cli, "app", lambda *_: None)
    monkeypatch.setattr(typer.main, "get_command", lambda _: COMMAND)


def verbs(command=COMMAND, words=()):
    """Each verb as it is typed, with its command."""
    for name, below in getattr(command, "commands", {}).items():
        yield from (
            verbs(below, (*words, name)) if getattr(below, "commands", None) else [(" ".join((*words, name)), below)]
        )


ALL = dict(verbs())
DATA = ("data check", "data stats", "data prepare", "data pack")
WEIGHTS = ("weights list", "weights get", "weights add", "weights verify", "weights identify", "weights prove")
# what a person says -> the verbs that take it, all by this spelling
THINGS = {
    "--methods": "run plan score-no infer profile demo reproduce report doctor train ablate inspect",
    "--dataset": ["run", "plan", "score", "train", "inspect", "published", *DATA],
    "--split": ["run", "plan", "score", "report", "inspect", *DATA],
    "--protocol": "run plan score report published",
    "--metrics": "run score report compare",
    "--out": "run plan score infer demo reproduce report compare profile train ablate inspect merge bundle",
    "--limit": ["run", "plan", "score", "infer", "demo", "reproduce", "inspect", "data pack"],
    "--jobs": ["run", "score", "verify", "demo", "reproduce", "data check", "data stats"],
    "--device": ["run", "infer", "profile", "verify", "doctor", "inspect", "train", "ablate", "demo", "reproduce",
                 "weights prove"],
    "--threads": "run infer profile doctor train ablate",
    "--include": ["run", "plan", "score", "infer", "profile", "verify", "doctor", "inspect", "train", "ablate", "ls",
                  "reproduce", "data list", *DATA, *WEIGHTS],
    "--root": ["run", "plan", "score", "verify", "inspect", "train", *DATA],
    "--save-frames": "run plan score",
    "--trust-pickle": ["run", "infer", "profile", "doctor", "weights add", "weights identify"],
    "--json": [verb for verb in ALL if verb != "data prepare"],
}  # fmt: skip
OLD = {"score": "--against", "infer": "--method", "train": "--data", "reproduce": "--only"}


def opts(command):
    return {opt for param in command.params for opt in (*param.opts, *param.secondary_opts) if opt.startswith("--")}


@pytest.mark.parametrize("option", THINGS)
def test_one_thing_has_one_spelling_in_every_verb_that_takes_it(option):
    wanted = THINGS[option].replace("score-no ", "").split() if isinstance(THINGS[option], str) else THINGS[option]
    assert not [verb for verb in wanted if option not in opts(ALL[verb])]


def test_no_other_spelling_is_shown():
    hidden = {f"--{word}" for word in tree.SPELLINGS} | set(OLD.values())
    assert not {(verb, opt) for verb, command in ALL.items() for opt in opts(command) & hidden}


@pytest.mark.parametrize(
    ("verb", "old"), [*OLD.items(), ("run", "--datasets"), ("run", "--method"), ("plan", "--splits")]
)
def test_an_old_spelling_is_the_same_option(quick, verb, old, capsys):
    """An unknown option ends with "no such option"; a known one without its value with "requires an argument"."""
    assert cli.call([verb, old]) == 2
    said = capsys.readouterr().err
    assert "requires an argument" in said and "o such option" not in said


def test_the_help_of_the_whole_is_short_lines_in_groups():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "stvsr_bench", "-h"], capture_output=True, text=True, check=True,
        env={"COLUMNS": "80", "PATH": ""},
    )  # fmt: skip
    for title, group in tree.GROUPS.items():
        assert f"\n{title}:\n" in done.stdout
        for verb, (_, line) in group.items():
            assert f"\n  {verb:9}  {line}\n" in done.stdout
    assert "..." not in done.stdout.partition("\n")[2]  # the first line is the usage
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    # every verb's module is left alone, and with them all that takes time
    assert not loaded & {"torch", "numpy", "rich.console", "pydantic", "stvsr_bench.schema", "stvsr_bench.cli.run"}


@pytest.mark.parametrize("group", [*tree.GROUPS, *tree.BELOW])
def test_each_line_of_a_help_has_less_than_60_letters(group, quick, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = (
        {verb: line for verb, (_, line) in tree.GROUPS[group].items()} if group in tree.GROUPS else tree.BELOW[group]
    )
    assert all(len(f"  {verb:9}  {line}") < 60 for verb, line in lines.items())
    if group in tree.BELOW:
        assert cli.call([group, "-h"]) == 0
        said = capsys.readouterr().out
        assert "..." not in said.partition("\n")[2] and all(line in said for line in lines.values())


@pytest.mark.parametrize("verb", ALL)
def test_the_help_of_a_verb_fits_and_names_values_in_words(quick, verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.call([*verb.split(), "-h"]) == 0
    said = capsys.readouterr().out
    assert all(len(line) <= 80 for line in said.splitlines())
    assert not re.search(r"<(str|path|list|int|float)|range>|\.\.\.\]", said)


def test_options_that_are_repeated_add(quick, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["run", "-m", "blend+bicubic", "-m", "dis+bicubic", "-d", "mini", "-s", "slow", "-s", "fast", "--limit", "1"]
    assert cli.call([*argv, "-p", "suite-1", "-p", "zsm-2020", "-n"]) == 0
    said = capsys.readouterr().out
    assert said.count("blend+bicubic:") == said.count("dis+bicubic:") == 1
    assert "mini/slow: 1 of 8 clips, suite-1" in said and "mini/fast: 1 of 8 clips, zsm-2020" in said
    assert "done: 0 of 8 rows, 8 to do" in said


@pytest.mark.fault("E6", "one value twice, an option and its opposite, an option without use", "one sentence", "2")
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "-m", "blend+bicubic", "--out", "a", "--out", "b"], "--out is given 2 times"),
        (["run", "--oom-fallback", "--no-oom-fallback"], "contradict each other"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--limit", "1.5"], "--limit 1.5: write a whole number of clips"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--limit", "-1"], "--limit"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--address", "tcp://h:1"], "--address tcp://h:1 is for"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--engine", "dusk"], "unknown engine 'dusk'"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--device", "gpu/cuda"], "unknown device 'gpu/cuda'"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--weights", "x.pth"], "--weights x.pth is for --from"),
        (["run", "-m", "blend+bicubic", "-d", "mini", "--metrics", "psnr"], "Groups: core, variant"),
        (["run", "--from", "run.toml", "-m", "blend+bicubic", "--limit", "1"], "--from and --methods, --limit cannot"),
        (["doctor", "stdan", "--report"], "--report is about this machine"),
        (["doctor", "--device", "cuda"], "no method named"),
        (["doctor", "stdan", "-m", "zsm"], "stdan, zsm: one method at a time"),
        (["inspect", "stdan", "--at", "1,2"], "add --clip NAME"),
        (["data", "check"], "no data set named"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)  # fmt: skip
def test_nothing_is_ignored(quick, argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text('methods = ["blend+bicubic"]\ndatasets = ["mini"]\n')
    assert cli.call(argv) == 2
    assert words in capsys.readouterr().err


def test_a_file_decides_what_is_measured_and_the_command_line_where(quick, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text('methods = ["blend+bicubic"]\ndatasets = ["vid4"]\n')
    assert cli.call(["run", "--from", "run.toml", "--root", "nowhere", "--device", "cpu", "-n"]) == 4
    assert "there is no nowhere" in capsys.readouterr().err


COMPLETED = {
    ("run", "-m", "zsm,blen"): "zsm,blend",
    ("score", "x", "-d", "mid"): "middlebury",
    ("plan", "-p", "stdan-2"): "stdan-2023",
    ("compare", "a", "b", "--metrics", "psnr_r"): "psnr_rgb",
    ("report", "--split", "me"): "medium",
    ("ver",): "verify",
}


@pytest.mark.parametrize(("words", "whole"), COMPLETED.items(), ids=str)
def test_names_are_completed(words, whole, monkeypatch, capsys):
    """What bash asks: the words so far, and which of them is to be completed."""
    monkeypatch.setenv("_STVSR_BENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(("stvsr-bench", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit) as ended:
        cli.call([])
    assert ended.value.code == 0
    assert whole in capsys.readouterr().out.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_that_of_the_shell_that_is_named(shell, capsys, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert cli.call(["--show-completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"complete_{shell}" in said and ("compdef" in said) == (shell == "zsh")
    assert cli.call(["--show-completion"]) == 2
    assert "unknown shell 'tcsh'" in capsys.readouterr().err
