"""The small trained nets in this repository: what their cards say is so, and they are better than interpolation."""

import hashlib
import json

import numpy as np
import pytest

from stvsr_bench import datasets, methods, plugins
from stvsr_bench.schema import Method
from stvsr_bench.train.validate import Checker

SHIPPED = [
    name for name in methods.names() if (plugins.find("methods", name).path / "weights" / "mini.safetensors").is_file()
]
CLIP = ("mini", "slow", "0001")


def measured(method: Method) -> dict[str, float]:
    """Means of one held-out clip, a crop of it: the nets never saw its textures."""
    dataset, split, name = CLIP
    clip = datasets.clips(dataset, split).read(name)
    small = type(clip)(dataset, split, name, np.ascontiguousarray(clip.hr_SCHW[..., 64:192, 128:320]))
    return Checker(method.card, {"crop": [small]})(method.net, 0)["crop"]


@pytest.fixture(scope="module")
def bicubic() -> dict[str, float]:
    return measured(methods.build("blend+bicubic"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_knows_its_file(name: str) -> None:
    folder = plugins.find("methods", name).path
    content = (folder / "weights" / "mini.safetensors").read_bytes()
    told = json.loads((folder / "weights" / "mini.json").read_text())
    facts = methods.card(name).weights["mini"]
    assert facts.sha256 == told["sha256"] == hashlib.sha256(content).hexdigest()
    assert (facts.origin, facts.licence, told["licence"]) == ("ours", "Apache-2.0", "Apache-2.0")
    assert len(content) < 4_000_000
    assert facts.options == told["recipe"]["options"]
    assert told["steps"] == sum(stage["steps"] for stage in told["recipe"]["stages"])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_net_is_sharper_and_smoother_than_interpolation(name: str, bicubic: dict[str, float]) -> None:
    net = measured(methods.build(f"{name}@mini"))
    assert net["psnr_y_given_db"] > bicubic["psnr_y_given_db"] + 0.3
    assert net["psnr_y_between_db"] > bicubic["psnr_y_between_db"]
    assert net["ssim_y"] > bicubic["ssim_y"]
