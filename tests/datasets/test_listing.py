import pytest

from stvsr_bench import datasets
from stvsr_bench.datasets import listing


@pytest.fixture
def broken(tmp_path, monkeypatch):
    folder = tmp_path / "datasets" / "broken"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("title = 3\n")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))


def test_every_data_set_is_a_row_of_both_lists_even_a_broken_one(broken):
    for rows in (listing.summaries(), listing.details()):
        assert [row["name"] for row in rows] == datasets.names()
    short = {row["name"]: row for row in listing.summaries()}
    long = {row["name"]: row for row in listing.details()}
    assert short["broken"]["title"].startswith("broken: card of broken")
    assert (long["broken"]["where"], long["broken"]["notes"][:14]) == ("broken", "card of broken")
    assert short["mini"] == {key: long["mini"][key] for key in ("name", "title", "splits", "options", "licence")}


def test_where_a_data_set_lies_or_what_is_missing(tmp_path, monkeypatch):
    card = datasets.card("vid4")
    monkeypatch.delenv("VID4_ROOT", raising=False)
    assert listing.where(card) == "VID4_ROOT not set"
    monkeypatch.setenv("VID4_ROOT", str(tmp_path))
    assert listing.where(card) == str(tmp_path)
    monkeypatch.setenv("VID4_ROOT", str(tmp_path / "none"))
    assert listing.where(card) == f"{tmp_path / 'none'} is missing"
    assert listing.where(datasets.card("mini")) == "made on this machine"
    assert listing.where(datasets.card("openclips")) == "pip extra [openclips]"
