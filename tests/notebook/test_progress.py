"""The progress of a run from Python: each clip counts once, failures are told, and quiet says nothing else."""

from types import SimpleNamespace

import pytest

from stvsr_bench.notebook.progress import MOST, Progress


def outcome(clip, error="", score=True):
    task = SimpleNamespace(identity="net", label="mini", split="fast", clip=clip, score=score)
    return SimpleNamespace(task=task, error=error)


@pytest.mark.parametrize("quiet", [False, True])
def test_clips_are_counted_and_failures_told(quiet, capsys):
    progress = Progress(3, quiet)
    progress.update(outcome("0000"))
    progress.update(outcome("0001", error="too small\x1b[2J"))
    progress.update(outcome("0002", score=False))  # frames to save alone: no clip of the count
    progress.end()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "failed: net on mini/fast/0001: too small" in printed.err and "\x1b[2J" not in printed.err
    assert ("2/3" in printed.err) is not quiet


def test_many_failures_do_not_fill_the_screen(capsys):
    progress = Progress(50, quiet=True)
    for n in range(50):
        progress.update(outcome(f"{n:04d}", error="broken"))
    progress.end()
    assert capsys.readouterr().err.count("failed:") == MOST
