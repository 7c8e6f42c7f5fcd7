"""A method in another Python environment: a process that speaks JSON lines on its pipes, frames in .npy files.

So a model pinned to an old torch, or to JAX, gets its row. The card says `call = "process"` and `net` is the command;
`{python}` stands for the interpreter that the option `python` names. One line in, one line out:

    -> {"input": "/.../in.npy", "output": "/.../out.npy", "times": null, "seed": 7}   in: float32 (T, 3, h, w) in [0, 1]
    <- {"ok": true}                                                           out: float32 (S, 3, H, W)
    <- {"ok": false, "error": "one sentence"}

A card with a range of scales gets "size": [H, W] too. `seed` (32 bits) depends on the clip and on `--seed`, not on the
order of clips: a random method sets it first.
The process is started once and kept; it ends with the network.
"""

import json
import os
import select
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard, OptionValue

ANSWER_S = 3600.0
LONGEST_ANSWER = 1 << 20  # bytes


class ProcessNet(nn.Module):
    """A network whose forward pass happens in another process."""

    def __init__(self, card: MethodCard, plugin: Plugin, options: Mapping[str, OptionValue]) -> None:
        super().__init__()
        folder = plugin.path if plugin.path.is_dir() else plugin.path.parent
        words = {"python": sys.executable, **{key: str(value) for key, value in options.items()}}
        try:
            self.command = [word.format(**words) for word in shlex.split(card.net)]
        except (KeyError, ValueError, IndexError) as error:
            raise NotRunnableError(f"{card.name}: the command '{card.net}' cannot be read: {error}") from None
        self.name = card.name
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None, size: tuple[int, int] | None = None) -> Tensor:
        """sr_BSCHW, one clip of the batch after the other."""
        asked: dict[str, Any] = {"times": None if times is None else times[0].tolist()}
        if size is not None:
            asked["size"] = list(size)
        clips = [self._ask(lr_TChw, asked) for lr_TChw in lr_BTChw]
        return torch.stack(clips).to(lr_BTChw)

    def close(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _ask(self, lr_TChw: Tensor, asked: Mapping[str, Any]) -> Tensor:
        process = self._running()
        assert self._scratch is not None and process.stdin is not None and process.stdout is not None
        # a name of its own for each question: what answers the clip before is never taken for this one's
        self._asked += 1
        given = Path(self._scratch.name) / "in.npy"
        wanted = Path(self._scratch.name) / f"out-{self._asked}.npy"
        np.save(given, lr_TChw.detach().float().cpu().numpy())
        # the worker has seeded torch for this clip; the process has generators of its own
        question = {"input": str(given), "output": str(wanted), **asked, "seed": torch.initial_seed() % 2**32}
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            pass  # it has ended (a broken pipe; on Windows, an invalid argument): the answer below says so
        try:
            answer = _answer(process.stdout.fileno())
        except TimeoutError:
            self.close()
            raise ClipError(f"{self.name}: its process wrote no complete line within {ANSWER_S:g} s") from None
        self._check(answer)
        try:
            return torch.from_numpy(np.load(wanted, allow_pickle=False))
        except (OSError, ValueError, EOFError, TypeError) as error:
            self.close()
            raise ClipError(f"{self.name}: its process wrote no readable output: {error}") from None
        finally:
            wanted.unlink(missing_ok=True)

    def _check(self, line: str) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and answer.get("ok") is True:
            return
        if isinstance(answer, dict) and "error" in answer:
            raise ClipError(f"{self.name}: its process says: {answer['error']}")
        ended = _exit_code(self._process) if not line and self._process is not None else None
        said = f"ended with exit code {ended}" if ended is not None else f"answered {line.strip()[:80]!r}"
        self.close()
        raise ClipError(f'{self.name}: its process {said}; a line such as {{"ok": true}} is expected')

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._scratch = tempfile.TemporaryDirectory(prefix="stvsr-bench-")
            try:
                self._process = subprocess.Popen(
                    self.command, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError as error:
                self.close()
                raise NotRunnableError(f"{self.name}: cannot start '{self.command[0]}': {error.strerror}") from None
        return self._process

    def __getstate__(self) -> dict[str, object]:
        """Without the running process: a worker starts its own."""
        return {**self.__dict__, "_process": None, "_scratch": None}

    def __del__(self) -> None:
        self.close()


def _exit_code(process: "subprocess.Popen[bytes]") -> int | None:
    """How a process whose pipe is closed has ended."""
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return None


def _answer(descriptor: int) -> str:
    """One line; without its end where the process closed the pipe or said too much.

    Raises:
        TimeoutError: there was none in time.
    """
    until, said = time.monotonic() + ANSWER_S, b""
    while not said.endswith(b"\n") and len(said) < LONGEST_ANSWER:
        # what a library prints may come with the answer: a line too many is refused, for the next would be out of step
        block = _block(descriptor, max(0.0, until - time.monotonic()))
        if not block:
            break
        said += block
    return said.decode("utf-8", "replace")


def _block(descriptor: int, patience_s: float) -> bytes:
    """What a pipe has next; nothing where its other end is closed.

    Raises:
        TimeoutError: nothing came in time.
    """
    if hasattr(select, "poll"):
        poll = select.poll()  # not select(), which refuses a number above 1023
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(1000 * patience_s):
            raise TimeoutError
        return os.read(descriptor, 1 << 16)
    # Windows waits for sockets only. Who gives up kills the process, which ends the read
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(os.read(descriptor, 1 << 16)), daemon=True)
    reader.start()
    reader.join(patience_s)
    if not found:
        raise TimeoutError
    return found[0]
