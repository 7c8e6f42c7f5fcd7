import re
from pathlib import Path

import pytest
import torch

from stvsr_bench.inspection import doctor, machine
from stvsr_bench.schema import Method, MethodCard


class Raises:
    def __call__(self, lr_BTChw, times=None):
        return lr_BTChw.no_such_thing


class RaisesInside:
    def __call__(self, lr_BTChw, times=None):
        return lr_BTChw.view(7, -1, 11)


def findings(net):
    card = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False)
    return list(doctor.examine(Method(spec="toy", card=card, net=net)))


def test_a_method_that_raises_fails_the_check_with_the_line_where():
    line = next(i for i, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "no_such_thing" in text)
    (first, *others) = findings(Raises())
    assert first.verdict == "fail"
    assert f"raised AttributeError at {Path(__file__).name}:{line}: " in first.seen
    assert len(others) == len(doctor.CHECKS) - 1


def test_the_line_is_of_the_method_not_of_a_package_below_it():
    assert f"raised RuntimeError at {Path(__file__).name}:" in findings(RaisesInside())[0].seen


def enlarged(lr_BTChw):
    """Frames repeated in time and pixels repeated in space: any colour comes back as it was."""
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return dense.repeat_interleave(4, dim=-1).repeat_interleave(4, dim=-2)


# what a net returns instead of RGB in [0, 1], written here again as the field writes it; what must be named
WRONG = {
    "grey levels": (lambda sr: sr * 255, "values from 0 to 255; divide by 255"),
    "signed": (lambda sr: (sr - 0.5) / 0.5, "values from -1 to 1; add 1 and divide by 2"),
    "OpenCV's order": (lambda sr: sr[:, :, [2, 1, 0]], "blue, green, red (BGR)"),
    "OpenCV's frames": (lambda sr: sr[:, :, [2, 1, 0]] * 255, "values from 0 to 255, blue first"),
    "signed BGR": (lambda sr: sr[:, :, [2, 1, 0]] * 2 - 1, "values from -1 to 1, blue first"),
    "inverted": (lambda sr: 1 - sr, "inverted"),
    "one colour": (lambda sr: torch.full_like(sr, 0.5), "not the input in any order or range"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_range_or_order_of_colours_is_named(name):
    of, words = WRONG[name]

    class Net(torch.nn.Module):
        def forward(self, lr_BTChw, times=None):
            return of(enlarged(lr_BTChw))

    (found,) = (finding for finding in findings(Net()) if finding.check == "colours")
    assert found.verdict == ("note" if name == "one colour" else "fail") and words in found.seen


@pytest.mark.parametrize("shift", [0.0, 0.05, -0.05])
def test_a_colour_that_comes_back_within_reason_is_no_fault(shift):
    class Net(torch.nn.Module):
        def forward(self, lr_BTChw, times=None):
            return enlarged(lr_BTChw) + shift

    (found,) = (finding for finding in findings(Net()) if finding.check == "colours")
    assert found.verdict == "pass"


def test_a_report_of_this_machine_has_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STVSR_BENCH_TOKEN", "secret-1")
    monkeypatch.setenv("VIMEO90K_ROOT", str(tmp_path / "private"))
    monkeypatch.setenv("STVSR_BENCH_EMPTY", "")
    monkeypatch.setattr(machine, "verdict", lambda: "ok")  # tests/metrics/test_selftest.py is of that
    facts = machine.facts()
    text = machine.text(facts)
    assert {"STVSR_BENCH_TOKEN", "VIMEO90K_ROOT"} <= set(facts["variables set"])
    assert "STVSR_BENCH_EMPTY" not in facts["variables set"]
    assert not re.search(f"secret-1|private|{re.escape(str(tmp_path))}", text + str(facts))
    assert f"torch {torch.__version__}" in facts["packages"]
    assert machine.short(f"python at {tmp_path}/.venv/bin/python") == "python at ~/.venv/bin/python"
    assert len(text.splitlines()) == len(facts) and all(line.partition(":")[0] in facts for line in text.splitlines())


def test_half_precision_is_tried_in_the_layout_that_is_not_slow_and_the_weights_are_as_before():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
            self.seen = []

        def forward(self, lr_BTChw, times=None):
            last = self.conv.weight.is_contiguous(memory_format=torch.channels_last)
            self.seen.append((torch.is_autocast_enabled("cpu"), last))
            return enlarged(self.conv(lr_BTChw.flatten(0, 1)).unflatten(0, lr_BTChw.shape[:2]))

    card = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy")
    net = Net()
    before = net.conv.weight.clone()
    (finding,) = doctor.examine(Method(spec="toy", card=card, net=net), only=("half precision",))
    assert net.seen == [(False, False), (True, True), (True, True)]
    assert net.conv.weight.is_contiguous() and torch.equal(net.conv.weight, before)
    # a step of bfloat16 is 1/256 of a number, of float16 1/2048
    bf16, fp16 = (float(text) for text in re.findall(r"([0-9.]+) dB to float32", finding.seen))
    assert 40 < bf16 < fp16 < 100
