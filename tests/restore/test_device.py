"""Which device is chosen, on machines that have others than this one, and how a network is put there."""

import pytest
import torch
from torch import nn

from stvsr_bench.errors import UsageError
from stvsr_bench.restore import device, pick_device
from stvsr_bench.schema import Method, MethodCard, Settings


@pytest.fixture
def machine(monkeypatch):
    def has(cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("cuda", "mps", "asked", "chosen"),
    [
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (1, True, "auto", "cuda"),
        (2, False, "cuda:1", "cuda:1"),
        (1, False, "cuda", "cuda"),
        (0, True, "mps", "mps"),
        (0, False, "cpu", "cpu"),
    ],
)
def test_a_device_that_is_there_is_taken(machine, cuda, mps, asked, chosen):
    machine(cuda, mps)
    assert pick_device(asked) == chosen


@pytest.mark.parametrize(
    ("cuda", "asked", "says"),
    [
        (2, "cuda:2", "'cuda:2' is not here: this machine has 2 of that kind"),
        (2, "cuda:x", "'cuda:x' is not here"),
        (1, "cuda:-1", "'cuda:-1' is not here"),
        (0, "cuda:0", "'cuda:0' is not available on this machine; use --device cpu or auto"),
        (1, "mps", "'mps' is not available"),
        (1, "gpu", "unknown device 'gpu'; write cpu, cuda, cuda:1, mps or auto"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(machine, cuda, asked, says):
    machine(cuda)
    with pytest.raises(UsageError, match=says):
        pick_device(asked)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 8, 3), nn.Linear(4, 4)


@pytest.mark.parametrize("asked", [False, True])
def test_the_layout_is_that_of_convolutions_and_the_network_is_compiled_where_asked(monkeypatch, asked):
    done = []
    monkeypatch.setattr(device, "keep_from_compiling", lambda: done.append("kept"))
    monkeypatch.setattr(nn.Module, "compile", lambda self: done.append(type(self).__name__))
    method = Method(spec="toy", card=MethodCard(name="toy", title="Toy", kind="sr", net="m:N"), net=Net())
    values = {name: of.clone() for name, of in method.net.state_dict().items()}
    placed = device.place(method, Settings(channels_last=asked, compile=asked))
    assert placed.net.conv.weight.is_contiguous(memory_format=torch.channels_last) is asked
    assert placed.net.linear.weight.is_contiguous() and placed.net.conv.weight.is_contiguous() is not asked
    assert done == (["kept", "Net"] if asked else [])
    assert all(torch.equal(of, values[name]) for name, of in placed.net.state_dict().items())


@pytest.fixture
def tf32():
    """Where torch notes it, as before afterwards."""
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    yield places
    for place, was in zip(places, before, strict=True):
        place.allow_tf32 = was


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_float32_is_float32_on_a_gpu_in_every_verb(tf32, precision, allowed):
    """torch computes convolutions in TF32 unless it is told otherwise, products of matrices in float32."""
    for place in tf32:
        place.allow_tf32 = not allowed
    method = Method(spec="toy", card=MethodCard(name="toy", title="Toy", kind="sr", net="m:N"), net=Net())
    device.place(method, Settings(precision=precision))
    assert [place.allow_tf32 for place in tf32] == [allowed, allowed]
