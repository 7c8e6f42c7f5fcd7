"""A method in another process is told the times and the size that a protocol wants."""

import sys
import textwrap

import pytest
import torch

from stvsr_bench.errors import ClipError
from stvsr_bench.methods.process import ProcessNet
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard

SERVE = """
    import json
    import sys

    import numpy as np

    for line in sys.stdin:
        question = json.loads(line)
        lr = np.load(question["input"])
        height, width = question.get("size", [4 * side for side in lr.shape[2:]])
        count = len(lr) + (len(lr) - 1) * len(question["times"] or [0.5])
        np.save(question["output"], np.full((count, 3, height, width), sum(question["times"] or [0]), np.float32))
        print(json.dumps({"ok": True}), flush=True)
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "serve.py").write_text(textwrap.dedent(SERVE))
    card = MethodCard(name="served", title="Served", kind="stvsr", net=f"{sys.executable} serve.py", call="process")
    made = ProcessNet(card, Plugin("methods", "served", tmp_path, "test"), {})
    yield made
    made.close()


def test_a_process_is_told_times_and_size(net):
    lr = torch.zeros(2, 3, 3, 4, 6)
    assert net(lr).shape == (2, 5, 3, 16, 24)
    made = net(lr, torch.tensor([[0.25, 0.5, 0.75]]), size=(10, 15))
    assert made.shape == (2, 9, 3, 10, 15) and made.unique().tolist() == [1.5]


@pytest.mark.fault("D8", "a method in a process: half a line, extra lines, no output", "its clip fails", "3")
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("print('half a line', end='', flush=True); time.sleep(60)", "wrote no complete line within 1 s"),
        ("time.sleep(60)", "wrote no complete line within 1 s"),
        ('print(\'{"ok": true}\\n{"ok": true}\', flush=True)', "a line such as"),
        ("print('x' * 3_000_000, flush=True)", "a line such as|no complete line"),
        ("open(question['output'], 'w').close(); print('{\"ok\": true}', flush=True)", "no readable output"),
        ("print('{\"ok\": true}', flush=True)", "no readable output"),
        ("sys.exit(3)", "ended with exit code 3"),
    ],
)
def test_a_process_that_answers_wrongly_costs_its_clip_and_no_other(net, tmp_path, monkeypatch, answer, says):
    monkeypatch.setattr("stvsr_bench.methods.process.ANSWER_S", 1)
    once = (
        f"    if not os.path.exists('done'):\n        open('done', 'w').close()\n        {answer}\n        continue\n"
    )
    script = (tmp_path / "serve.py").read_text().replace("import sys", "import sys, time, os")
    bad = script.replace("    lr = ", f"{once}    lr = ")
    (tmp_path / "serve.py").write_text(bad)
    with pytest.raises(ClipError, match=says):
        net(torch.zeros(1, 3, 3, 4, 6))
    monkeypatch.setattr("stvsr_bench.methods.process.ANSWER_S", 30)
    assert net(torch.zeros(1, 3, 3, 4, 6), torch.tensor([[0.25]])).unique().tolist() == [0.25]
