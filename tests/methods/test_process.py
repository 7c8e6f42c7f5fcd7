"""A method in another process is told the times and the size that a protocol wants."""

import sys
import textwrap

import pytest
import torch

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
