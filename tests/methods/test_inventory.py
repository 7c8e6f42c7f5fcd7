"""Which methods and weights are here: cards and cache together, damage named, broken methods listed."""

from pathlib import Path

import pytest
import torch

from stvsr_bench import checkpoints, methods
from stvsr_bench.methods import inventory


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    return tmp_path


def kept(folder: Path, state: dict[str, torch.Tensor], name: str) -> checkpoints.Entry:
    torch.save(state, folder / "net.pth")
    method, _, tag = name.partition("@")
    return checkpoints.keep(folder / "net.pth", state, method, tag)


def test_every_tag_of_every_learned_method_is_listed_and_nothing_else() -> None:
    listed = [(item.method, item.tag) for item in inventory.all_weights()]
    cards = [methods.card(name) for name in methods.names()]
    assert listed == [(card.name, tag) for card in cards if card.learned for tag in card.weights]


def test_what_the_cache_holds_follows_and_is_named_once(home: Path) -> None:
    entry = kept(home, {"a": torch.ones(2)}, "span@own")
    last = inventory.all_weights()[-1]
    assert (last.method, last.tag, last.state, last.origin) == ("span", "own", "here", "cache")
    assert (last.sha256, last.path, last.what) == (entry.sha256, str(entry.path), "net.pth, in the cache")


def test_a_check_says_what_does_not_fit_its_method(home: Path) -> None:
    kept(home, {"a": torch.ones(2)}, "span@own")
    last = inventory.all_weights(check=True)[-1]
    assert (last.state, last.what) == ("damaged", "nothing in common with span")


def test_a_cached_file_that_changed_is_damaged_whether_or_not_it_is_checked(home: Path) -> None:
    kept(home, {"a": torch.ones(2)}, "span@own").path.write_bytes(b"changed")
    for check in (False, True):
        last = inventory.all_weights(check=check)[-1]
        assert last.state == "damaged" and "the file has changed" in last.what


def plugin(folder: Path, name: str, card: str) -> None:
    (folder / "methods" / name).mkdir(parents=True)
    (folder / "methods" / name / "card.toml").write_text(card)


def test_weights_that_are_not_installed_are_missing_and_another_file_in_their_place_is_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = "0" * 64
    plugin(home, "mine", f'title = "x"\nkind = "sr"\nnet = "model:Net"\n[weights.authors]\nsha256 = "{sha256}"\n')
    monkeypatch.setenv("STVSR_BENCH_PATH", str(home))
    states = []
    for _ in range(2):
        item = next(item for item in inventory.all_weights() if item.method == "mine")
        states.append(
            (item.state, "weights add FILE --as mine@authors" in item.what, "the card says 000000000000" in item.what)
        )
        kept(home, {"a": torch.ones(2)}, "mine@authors")
    assert states == [("missing", True, False), ("damaged", False, True)]


def test_a_broken_method_is_listed_with_its_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(home, "broken", "title = 3\n")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(home))
    rows = {row["name"]: row for row in inventory.all_methods()}
    assert rows["broken"]["kind"] == "broken" and "card of broken" in rows["broken"]["title"]
    assert rows["bicubic"]["weights"] == ["none needed"]
    assert rows["span"]["weights"][-1] == "@none"
