import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


def test_two_processes_learn_what_one_with_the_double_batch_learns(toy: Path, tmp_path: Path) -> None:
    train = ["-m", "stvsr_bench", "train", "toy", "--data", str(toy), "-q", "--threads", "1", "--device", "cpu"]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    launcher += ["--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"}
    for name, how in (("one", []), ("two", launcher)):
        command = [sys.executable, *how, *train, "--out", str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)
    losses = [(tmp_path / name / "losses.csv").read_text().split()[1:] for name in ("one", "two")]
    for alone, shared in zip(*losses, strict=True):
        assert abs(float(alone.split(",")[3]) - float(shared.split(",")[3])) < 1e-6
