"""Every network runs where no number can be read: what would fail on a graphics card fails here, on any machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
METHODS = [
    "stdan@none", "stdan@none/fp32+32", "zsm@none", "tmnet@none", "rstt@none", "safa@none", "videoinr@none",
    "motif@none", "bfstvsr@none", "basicvsr@none", "blend+liif@none", "blend+bicubic", "dis+bicubic", "rife+bicubic",
    "blend+span", "blend+dat-light",
]  # fmt: skip
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


@pytest.fixture(scope="module")
def tried():
    command = [sys.executable, str(HERE / "card.py"), *METHODS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return {one["method"]: one for one in map(json.loads, done.stdout.splitlines())}


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_a_network_mixes_no_devices_and_waits_only_where_it_is_known_to(tried, method):
    one = tried[method]
    assert "error" not in one, one
    side = (256, 384) if "+32" in method else (128, 192)
    assert one["shape"] == [3, 3, *side]
    assert {place for place in one["waits"] if not place.endswith("from the CPU")} <= set(KNOWN)


@pytest.mark.heavy
def test_every_method_is_tried():
    from stvsr_bench import methods

    names = {part for text in METHODS for part in text.partition("@")[0].partition("/")[0].split("+")}
    assert names == set(methods.names())


@pytest.mark.heavy
def test_a_table_that_stayed_on_the_cpu_is_found():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import card, torch

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

mode = card.Card(card.start())
net, x = Net(), torch.rand(1, 3, 8, 8)
with mode, torch.inference_mode():
    mode.move(net)
    try:
        net(x.to("card:0"))
    except RuntimeError as error:
        print("mixed", "card" in str(error) and "cpu" in str(error), dict(mode.waits))
"""
    done = subprocess.run([sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mixed True"), done.stdout
    assert "reads a value" in done.stdout


@pytest.mark.heavy
def test_what_is_to_run_on_a_real_card_runs_on_the_cpu(tmp_path):
    command = [sys.executable, str(HERE / "check.py"), "--device", "cpu", "--out", str(tmp_path), "bicubic"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in (tmp_path / "parity.md").read_text().splitlines() if line.startswith("| bicubic")]
    assert [cell.strip() for cell in line.strip("| ").split("|")] == ["bicubic", *["equal"] * 7]
