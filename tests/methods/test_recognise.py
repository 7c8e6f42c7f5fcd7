"""Whose a checkpoint is and under which name it may be kept, without the command line."""

from pathlib import Path

import pytest
import torch

from stvsr_bench import checkpoints, methods
from stvsr_bench.errors import UnknownNameError, UsageError, WeightsError
from stvsr_bench.methods import recognise


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return methods.build("span@none").net.state_dict()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, torch.Tensor]) -> Path:
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    torch.save(state, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def test_a_networks_own_state_fits_it_and_may_be_kept_as_own(file: Path) -> None:
    found, broken = recognise.fits(recognise.read(file))
    recognise.check_exact(file, found)
    assert broken == {}
    assert recognise.place(file, found) == (found[0], "own")
    assert recognise.place(file, found, "span@mine") == (found[0], "mine")


def test_what_fits_nothing_exactly_names_the_closest(file: Path, state: dict[str, torch.Tensor]) -> None:
    found, _ = recognise.fits({key: value for key, value in state.items() if key != "tail.bias"})
    with pytest.raises(WeightsError, match=r"fits it exactly; closest: span .*1 missing"):
        recognise.check_exact(file, found)
    with pytest.raises(WeightsError, match="does not fit"):
        recognise.place(file, found)
    with pytest.raises(WeightsError, match=r"no method's network fits it exactly$"):
        recognise.check_exact(file, [])


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("span", UsageError, "write METHOD@TAG"),
        ("@own", UsageError, "write METHOD@TAG"),
        ("spam@own", UnknownNameError, "unknown method 'spam'"),
        ("span@none", UsageError, "means untrained"),
        ("rife@mine", WeightsError, "nothing in common with the network of rife"),
        ("span@authors", WeightsError, "keep it under another tag: --as span@NAME"),
    ],
)
def test_a_name_that_may_not_be_given_is_refused(file: Path, name: str, error: type[Exception], sentence: str) -> None:
    found, _ = recognise.fits(recognise.read(file))
    with pytest.raises(error, match=sentence):
        recognise.place(file, found, name)


def test_the_same_tensors_saved_anew_are_known_by_their_name(
    tmp_path: Path, file: Path, state: dict[str, torch.Tensor]
) -> None:
    entry = checkpoints.keep(file, state, "span", "own")
    assert recognise.known_as(entry.sha256) == ["span@own"]
    torch.save({"params": state}, tmp_path / "again.pth")
    facts = recognise.facts_of(tmp_path / "again.pth", recognise.read(tmp_path / "again.pth"))
    assert facts.sha256 != entry.sha256
    assert (facts.fingerprint, facts.known_as) == (entry.fingerprint, ["span@own"])
    assert (facts.tensors, facts.numbers) == (len(state), sum(tensor.numel() for tensor in state.values()))


def test_the_published_file_is_known_by_its_card() -> None:
    assert recognise.known_as(methods.card("span").weights["authors"].sha256, "no tensors like these") == [
        "span@authors"
    ]
