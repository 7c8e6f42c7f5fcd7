import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stvsr_bench.cli import call


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_two_processes_learn_what_one_with_the_double_batch_learns(toy: Path, tmp_path: Path) -> None:
    train = ["train", "toy", "--data", str(toy), "-q", "--threads", "1", "--device", "cpu", "--out"]
    assert call([*train, str(tmp_path / "one")]) == 0
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    launcher += ["--master-port", str(free_port()), "--local-addr", "127.0.0.1", "-m", "stvsr_bench"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [*launcher, *train, str(tmp_path / "two")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)
    losses = [(tmp_path / name / "losses.csv").read_text().split()[1:] for name in ("one", "two")]
    for alone, shared in zip(*losses, strict=True):
        assert abs(float(alone.split(",")[3]) - float(shared.split(",")[3])) < 1e-6
