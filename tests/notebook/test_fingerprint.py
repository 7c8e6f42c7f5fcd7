"""The digest of an object is that of what it computes with: whatever changes its output changes it, and nothing else.

Each case makes the same object again from its own code, in another namespace, as another process would.
"""

import importlib.util
import subprocess
import sys
from functools import lru_cache, partial

import pytest
import torch
from torch import nn

from stvsr_bench.methods.fingerprint import fingerprint, weights

HEAD = """
import torch, math
from dataclasses import dataclass
from functools import lru_cache, partial
from torch import nn
FACTOR = 2
TABLE = {"a": [1, 2.5]}
def helper(x, power=2):
    return x ** power * FACTOR
class Base:
    bias = 1
    def add(self, x):
        return x + self.bias
class Adder(Base):
    def __call__(self, x):
        return self.add(x)
@dataclass
class Options:
    width: int = 4
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.LeakyReLU(0.1))
        self.options = Options()
        self.register_buffer("grid", torch.ones(3), persistent=False)
    @torch.no_grad()
    def forward(self, x):
        return self.body(helper(x)) + TABLE["a"][1]
"""


def made(text, name="value", **changes):
    """`value` of the code, after texts in it were replaced."""
    for old, new in changes.values():
        assert old in text, old
        text = text.replace(old, new)
    space = {"__name__": "somebody"}
    torch.manual_seed(0)
    exec(text, space)
    return space[name]


VALUES = {
    "function": "value = helper",
    "lambda": "value = lambda x: helper(x) + math.pi",
    "closure": "def outer(by):\n    return lambda x: helper(x) * by\nvalue = outer(3)",
    "partial": "value = partial(helper, power=3)",
    "bound": "value = Adder().add",
    "callable": "value = Adder()",
    "cached": "value = lru_cache(helper)",
    "network": "value = Net()",
    "closed": "net = Net()\nvalue = lambda x: net(x)",
}


@pytest.mark.parametrize("kind", VALUES)
def test_the_same_code_has_the_same_digest_and_nothing_hidden(kind):
    one, again = (fingerprint(made(HEAD + VALUES[kind])) for _ in range(2))
    assert one == again and one.hidden == ""


USES = {
    "a global": (("FACTOR = 2", "FACTOR = 3"), {"function", "lambda", "closure", "partial", "cached", "network"}),
    "a default value": (("power=2", "power=4"), {"function", "lambda", "closure", "partial", "cached", "network"}),
    "the body of a helper": (
        ("** power", "* power"),
        {"function", "lambda", "closure", "partial", "cached", "network"},
    ),
    "an operator in a method": (("x + self.bias", "x - self.bias"), {"bound", "callable"}),
    "a value of a base class": (("bias = 1", "bias = 2"), {"bound", "callable"}),
    "a layer's option": (("LeakyReLU(0.1)", "LeakyReLU(0.2)"), {"network"}),
    "an item of a dict": (("2.5]", "2.6]"), {"network"}),
    "an option of a dataclass": (("width: int = 4", "width: int = 5"), {"network"}),
    "a buffer that no state_dict has": (("torch.ones(3)", "torch.zeros(3)"), {"network"}),
}


@pytest.mark.parametrize("change", USES)
@pytest.mark.parametrize("kind", VALUES)
def test_the_digest_moves_with_what_the_object_uses_and_with_nothing_else(kind, change):
    (texts, users) = USES[change]
    users = users | ({"closed"} if "network" in users else set())
    before, after = fingerprint(made(HEAD + VALUES[kind])), fingerprint(made(HEAD + VALUES[kind], of=texts))
    assert (before.code != after.code) == (kind in users)


def test_a_closed_over_network_counts_with_its_values_and_a_network_itself_without():
    net = made(HEAD + VALUES["network"])
    closed = lambda x: 2 * net(x)  # noqa: E731
    own, through, sums = fingerprint(net), fingerprint(closed), weights(net)
    with torch.no_grad():
        net.body[0].weight[0, 0] += 1
    assert fingerprint(net) == own and fingerprint(closed) != through and weights(net) != sums


def test_hooks_count_whenever_they_were_registered():
    def hooked(hook):
        net = made(HEAD + VALUES["network"])
        net.register_forward_hook(hook)
        return fingerprint(net)

    double = lambda m, i, o: 2 * o  # noqa: E731
    assert hooked(double) == hooked(double) != hooked(lambda m, i, o: 3 * o)


def test_what_has_no_code_that_can_be_read_is_named():
    generator = torch.Generator()
    assert fingerprint(lambda x: x + generator.seed()).hidden == "generator is of type torch._C.Generator"
    scripted = torch.jit.trace(nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 2, 2))
    assert fingerprint(scripted).hidden
    assert fingerprint(lru_cache(partial(max, 1))).hidden == ""


def test_another_process_finds_the_same_digest(tmp_path):
    (tmp_path / "mine.py").write_text(HEAD + VALUES["network"])
    code = "import mine; from stvsr_bench.methods.fingerprint import fingerprint; print(fingerprint(mine.value))"
    argv = [sys.executable, "-c", code]
    said = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
    mine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mine)
    assert said == f"{fingerprint(mine.value)}\n" and "hidden=''" in said
