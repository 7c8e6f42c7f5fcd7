"""A mean of clips that were measured with two states of a method's code is marked: no method has it."""

import json

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import OK

METHOD = """
CARD = {{"kind": "vfi", "call": "function", "net": "f", "learned": False}}
def f(x, times=None):
    return x.repeat_interleave(2, 1)[:, :-1] * {gain}
"""


@pytest.mark.fault(
    "A", "a method was edited and a part of its clips measured again", "badge `mixed code`, no mark", "0"
)
def test_a_mean_over_two_states_of_the_code_is_marked_until_all_clips_are_measured_again(tmp_path, noise_clips, capsys):
    file, run = tmp_path / "mine.py", tmp_path / "run"
    command = [
        "run",
        "-m",
        "mine+bicubic,blend+bicubic",
        "--include",
        str(file),
        "-d",
        str(noise_clips(2, 3, (32, 48))),
    ]

    def told(gain, *more):
        file.write_text(METHOD.format(gain=gain))
        assert call([*command, "-o", str(run), "--save-frames", "none", "--json", *more]) == OK
        numbers = json.loads(capsys.readouterr().out)["numbers"]
        return {(each["badges"], each["mark"]) for each in numbers if each["method"] == "mine+bicubic"}

    assert ("", "best") in told("1.0")
    assert told("0.5", "--limit", "1") == {("mixed code", "")}
    assert call(["report", str(run), "-o", str(tmp_path / "report")]) == OK
    assert "mixed code: its code or card changed" in (tmp_path / "report" / "table.md").read_text()
    capsys.readouterr()
    assert {badges for badges, _ in told("0.5")} == {""}
