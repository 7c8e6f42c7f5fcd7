"""Every network runs where no number can be read: what would fail on a graphics card fails here, on any machine."""

import importlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

HERE = Path(__file__).parent
METHODS = [
    "stdan@none", "zsm@none", "tmnet@none", "rstt@none", "safa@none", "videoinr@none", "motif@none", "bfstvsr@none",
    "basicvsr@none", "blend+liif@none", "blend+bicubic", "dis+bicubic", "rife+bicubic", "blend+span", "blend+dat-light",
]  # fmt: skip
WAYS = ["fp32", "fp16", "bf16", "fp16+tiles", "fp16+compile", "counts"]
SLOW = "rstt@none"  # traced by torch.compile in minutes: only without
HALVES = {"fp16": "torch.float16", "bf16": "torch.bfloat16"}
# The places of a network that wait for the card, and why they may. The suite's own waits are two: the finished frames
# are copied to the CPU, and the given frames, to look at the range of what came out.
KNOWN = {
    "methods/safa/parts.py at_chosen_sizes: reads a value": "each frame's size is drawn by the network itself",
    "methods/rife/model.py frame_at: counts a mask": "pairs that move far take another path, as the authors have it",
    "methods/dis/flow.py grey: copies to the CPU": "DIS is OpenCV's, on the CPU",
    "methods/dis/model.py <listcomp>: reads a value": "the same: its flows are used one time after the other",
    "methods/dis/warp.py filled: reads a value": "the same: holes are filled until none is left",
    "stvsr_bench/restore/network.py call: copies to the CPU": "the finished frames",
    "stvsr_bench/restore/network.py wrong_range: copies to the CPU": "the given frames",
}
# Products in float32 where half precision is asked for.
IN_FULL = {
    "stdan@none": "attention: without CUDA, torch takes it apart and computes it in float32",
    "rstt@none": "the same",
    "blend+dat-light": "the same",
    "basicvsr@none": "its flow: in half precision it is off by whole pixels",
}
# Why torch.compile cuts a network's graph, in the first words that it says; it runs the rest in further graphs.
CUTS = {
    "Unsupported method call": "a sampler asks which kernels run",
    "step_unsupported": "the same",
    "Dynamic shape operator": "windows or pairs are chosen by a mask: stdan, rife",
    "Tensor.tolist() with non-integer tensor": "safa reads the sizes that it draws",
    "Skip calling `torch.compiler.disable()`d function": "the tables of bicubic are numpy's",
    "Attempted to call function marked as skipped": "dis: OpenCV",
    "NotImplementedError/UnsupportedFakeTensorException when running FX node": "the same",
    "Unsupported Tensor.item() call with capture_scalar_outputs=False": "the same",
}


def run(*texts):
    command = [sys.executable, "-W", "ignore", str(HERE / "card.py"), *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def places(one, names=True):
    """Where a run waited for the card; without the functions' names, for compiling puts these into each other."""
    all_of_them = {place for place in one["waits"] if not place.endswith("from the CPU")}
    return all_of_them if names else {(place.split()[0], place.split(": ")[1]) for place in all_of_them}


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_a_network_mixes_no_devices_nor_types_and_waits_only_where_it_is_known_to(method):
    ways = [way for way in WAYS if method != SLOW or "compile" not in way]
    tried = dict(zip(ways, run(*(f"{method}/{way}" for way in ways)), strict=True))
    assert [one for one in tried.values() if "error" in one] == []
    plain = tried["fp32"]
    assert places(plain) <= set(KNOWN)
    assert {kind for _, kind in plain["made"]} == {"torch.float32"}
    for way in ways[:-1]:
        one, half = tried[way], HALVES.get(way[:4], "torch.float32")
        assert one["shape"] == [3, 3, 128, 192]
        assert {device for device, _ in one["made"]} == {"cuda:0"}
        # an output that the network adds to its upscaled input is float32, as that is
        assert {kind for _, kind in one["made"]} <= {half, "torch.float32"}
        assert set(one["products"]) <= ({half, "torch.float32"} if method in IN_FULL else {half})
        calls = 2 if way == "fp16+tiles" else 1
        assert len(one["made"]) == calls
        # a network that works in parts of a size has fewer of them in a tile
        assert calls == 2 or sum(one["products"].values()) == sum(plain["products"].values())
        assert places(one, "compile" not in way) == places(plain, "compile" not in way)
    assert tried["fp16+tiles"]["how"]["tile"] == "32-16"
    compiled = tried.get("fp16+compile", {"graphs": 1, "breaks": {}})
    assert compiled["graphs"] >= 1
    assert {said.partition("\n")[0] for said in compiled["breaks"]} <= set(CUTS)
    counted = tried["counts"]
    assert counted["card"] == counted["cpu"]
    assert bool(counted["products"]) == bool(plain["products"])  # the network was run on the card


@pytest.mark.heavy
def test_every_method_is_tried():
    from stvsr_bench import methods

    names = {part for text in METHODS for part in text.partition("@")[0].split("+")}
    assert names == set(methods.names())


def python(code):
    """What a program prints that has the card: the names `card`, `torch` and `device`."""
    start = f"import sys; sys.path.insert(0, {str(HERE)!r})\nimport card, torch\ndevice = card.start()\n"
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.heavy
def test_a_table_that_stayed_on_the_cpu_is_found():
    said = python("""
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.ones(3, 1, 1)  # no buffer: `net.to` leaves it on the CPU
        self.conv = torch.nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = self.conv(x)
        if y.mean() > 0:
            y = y + 1
        return y * self.table

mode = card.Card(device)
net, x = Net(), torch.rand(1, 3, 8, 8)
with mode, torch.inference_mode():
    try:
        net.to(device)(x.to(device))
    except RuntimeError as error:
        print("mixed", "cuda:0" in str(error) and "cpu" in str(error), dict(mode.waits))
""")
    assert said[0].startswith("mixed True"), said
    assert "reads a value" in said[0]


@pytest.mark.heavy
def test_a_float32_table_in_half_precision_is_found_where_a_card_refuses_it():
    said = python("""
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 1)
        self.register_buffer("table", torch.ones(1, 3, 8))

    def forward(self, x):
        y = self.conv(x)
        y[:, :, torch.tensor([1], device=y.device)] = self.table[:, :, None]
        return y

with card.Card(device), torch.inference_mode():
    net, x = Net().to(device), torch.rand(1, 3, 8, 8).to(device)
    for half in (None, torch.float16, torch.bfloat16):
        with torch.autocast("cuda", dtype=half, enabled=half is not None):
            try:
                print(net(x).dtype)
            except RuntimeError as error:
                print(error)
""")
    assert said[0] == "torch.float32"
    assert "torch.float16 and torch.float32" in said[1]
    assert "torch.bfloat16 and torch.float32" in said[2]


# Each is one operator of two types: real tensors on the CPU say whether torch refuses it.
MIXED = {
    "conv": "F.conv2d(h(1, 3, 8, 8), f(4, 3, 3, 3))",
    "conv_transpose": "F.conv_transpose2d(h(1, 3, 8, 8), f(3, 4, 3, 3))",
    "linear": "F.linear(h(2, 3), f(4, 3))",
    "bias": "F.linear(h(2, 3), h(4, 3), f(4))",
    "matmul": "h(2, 3) @ f(3, 2)",
    "bmm": "torch.bmm(h(1, 2, 3), f(1, 3, 2))",
    "mv": "torch.mv(h(3, 3), f(3))",
    "lerp": "torch.lerp(h(3), f(3), h(3))",
    "prelu": "F.prelu(h(2, 3), f(3))",
    "grid_sample": "F.grid_sample(h(1, 1, 3, 3), f(1, 2, 2, 2), align_corners=True)",
    "attention": "F.scaled_dot_product_attention(h(1, 1, 4, 8), f(1, 1, 4, 8), f(1, 1, 4, 8))",
    "index_put": "h(3).index_put((i(1),), f(1))",
    "index_add": "h(3).index_add(0, i(1), f(1))",
    "index_copy": "h(3).index_copy(0, i(1), f(1))",
    "scatter": "h(3).scatter(0, i(1), f(1))",
    "add": "h(3) + f(3)",
    "add_": "h(3).add_(f(3))",
    "cat": "torch.cat([h(3), f(3)])",
    "addcmul": "torch.addcmul(h(3), f(3), h(3))",
    "layer_norm": "F.layer_norm(h(2, 3), (3,), f(3), f(3))",
    "where": "torch.where(i(3) == 0, h(3), f(3))",
}


@pytest.mark.heavy
def test_two_types_in_one_operator_are_refused_as_by_real_tensors():
    said = python(f"""
import json, torch.nn.functional as F
from contextlib import nullcontext
found = {{}}
for where, mode in (("cpu", nullcontext()), ("cuda:0", card.Card(device))):
    h, f, i = (lambda *s, t=t: torch.zeros(*s, dtype=t).to(where) for t in (torch.float16, torch.float32, torch.int64))
    with mode, torch.no_grad():
        for name, code in {MIXED!r}.items():
            try:
                eval(code)
                found.setdefault(name, []).append("taken")
            except RuntimeError:
                found.setdefault(name, []).append("refused")
print(json.dumps(found))
""")
    found = json.loads(said[-1])
    assert {name for name, (real, card) in found.items() if real != card} == set()
    assert {real for real, _ in found.values()} == {"taken", "refused"}


@pytest.mark.heavy
def test_what_is_to_run_on_a_real_card_runs_on_the_cpu(tmp_path):
    command = [sys.executable, str(HERE / "check.py"), "--device", "cpu", "--out", str(tmp_path), "bicubic"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in (tmp_path / "parity.md").read_text().splitlines() if line.startswith("| bicubic")]
    assert [cell.strip() for cell in line.strip("| ").split("|")] == ["bicubic", *["equal"] * 7]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (partial(time.sleep, 60), "took longer than 20 s"),
        (partial(os._exit, 7), "its process died (exit code 7)"),
        (partial(int, "x"), "ValueError: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_a_part_that_hangs_dies_or_fails_costs_no_other(monkeypatch, cell, says):
    monkeypatch.syspath_prepend(HERE)
    cells = importlib.import_module("check").Cells()
    try:
        assert cells.ask(cell, 20) == says
        assert cells.ask(partial(str, 5), 60) == "5"
    finally:
        cells.end()


@pytest.mark.heavy
def test_what_no_time_was_left_for_is_named_and_the_page_is_written(tmp_path):
    command = [sys.executable, str(HERE / "check.py"), "--device", "cpu", "--minutes", "0", "--out", str(tmp_path)]
    done = subprocess.run([*command, "bicubic"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "parity.md").read_text()
    assert "No time was left for: bicubic fp32, bicubic bf16" in page
    assert "no time was left" in page
