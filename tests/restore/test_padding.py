"""Padding against numpy's, and whose padding it is."""

import numpy as np
import pytest
import torch

from stvsr_bench import protocols
from stvsr_bench.restore import pad
from stvsr_bench.restore.padding import padded
from stvsr_bench.schema import MethodCard

CARD = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False)


@pytest.mark.parametrize(("mode", "numpys"), [("zeros", "constant"), ("replicate", "edge"), ("reflect", "reflect")])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (2, 3), (5, 9), (16, 24)])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 0), (0, 7), (15, 15), (31, 30)])
def test_frames_are_padded_as_numpy_does_also_by_more_than_they_have(mode, numpys, height, width, down, right):
    frames = torch.rand(1, 2, 3, height, width, generator=torch.Generator().manual_seed(height))
    wanted = np.pad(frames.numpy(), ((0, 0), (0, 0), (0, 0), (0, down), (0, right)), mode=numpys)
    np.testing.assert_array_equal(pad(frames, right, down, mode).numpy(), wanted)


def test_a_protocol_that_pads_pads_as_its_paper_whatever_the_card_says():
    card = MethodCard(**{**vars(CARD), "multiple_of": 8, "pad": "replicate"})
    ones = torch.ones(1, 2, 3, 6, 10)
    how = {}
    assert padded(card, ones, protocols.get("zsm-2020"), how)[..., 6:, 10:].sum() == 0
    assert how == {"pad": "zeros 6x2"}
    assert padded(card, ones, protocols.get("suite-1"), how)[..., 6:, 10:].mean() == 1
    assert how == {"pad": "replicate 6x2"}


def test_the_grid_is_the_least_that_fits_protocol_and_card():
    assert protocols.grid(MethodCard(**{**vars(CARD), "multiple_of": 6}), protocols.get("stdan-2023")) == 24
    assert protocols.grid(MethodCard(**{**vars(CARD), "multiple_of": 6}), protocols.get("suite-1")) == 6
