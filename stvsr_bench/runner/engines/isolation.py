"""What one clip must not leave to the next: torch's threads and the random numbers of a process."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from stvsr_bench.schema import digest


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch with this many CPU threads; as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(*what: object) -> Iterator[None]:
    """Random numbers of torch, numpy and Python that depend on `what` alone, not on the order of clips or workers.

    The generators of the CPU are given back as they were; a GPU's is only seeded.
    """
    seed = int(digest([str(one) for one in what])[:8], 16)  # 32 bits, the most that numpy takes
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)
