import pickle
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench.acquire.pack import Packed, is_packed, pack
from stvsr_bench.cli import call
from stvsr_bench.errors import NOT_RUNNABLE, DataError
from stvsr_bench.schema import Clip

pytest.importorskip("lmdb")


def clips_of(*names: str) -> list[Clip]:
    dice = np.random.default_rng(0)
    return [
        Clip("toy", "train", name, (dice.integers(0, 256, (3, 3, 12, 16)) / 255).astype(np.float32)) for name in names
    ]


def test_packed_clips_read_back_equal_and_in_order(tmp_path: Path) -> None:
    clips = clips_of("00001/0002", "00001/0001", "b")
    told: list[tuple[int, int]] = []
    assert pack(clips, tmp_path / "toy.lmdb", lambda done, total: told.append((done, total))) == 9
    packed = Packed(tmp_path / "toy.lmdb")
    assert packed.names == ["00001/0002", "00001/0001", "b"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    for clip, again in zip(clips, packed, strict=True):
        np.testing.assert_array_equal(clip.hr_SCHW, again.hr_SCHW)


def test_a_packed_file_goes_to_another_process(tmp_path: Path) -> None:
    pack(clips_of("a"), tmp_path / "toy.lmdb")
    again = pickle.loads(pickle.dumps(Packed(tmp_path / "toy.lmdb")))
    assert again[0].name == "a"


def test_nothing_is_left_when_packing_fails(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two clips"):
        pack(clips_of("a", "a"), tmp_path / "toy.lmdb")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_place_is_not_written_over(tmp_path: Path) -> None:
    pack(clips_of("a"), tmp_path / "toy.lmdb")
    with pytest.raises(DataError, match="exists already"):
        pack(clips_of("a"), tmp_path / "toy.lmdb")


def test_what_is_no_pack_is_said_in_a_sentence(tmp_path: Path) -> None:
    assert not is_packed(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"nonsense" * 2000)
    assert is_packed(tmp_path)
    with pytest.raises(DataError, match="cannot be opened"):
        Packed(tmp_path)


def test_data_pack_packs_a_split_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "some.lmdb"
    assert call(["data", "pack", "mini", "--split", "slow", "--limit", "1", "--out", str(out), "--quiet"]) == 0
    assert Packed(out).names == ["0000"]
    assert call(["data", "pack", "mini", "--split", "slow", "--out", str(out)]) == NOT_RUNNABLE
    assert "exists already" in capsys.readouterr().err


@pytest.mark.fault("E4", "a packed data set that is cut short", "by how much; no crash", "4")
def test_a_pack_that_is_cut_short_is_a_sentence_and_no_bus_error(tmp_path: Path) -> None:
    pack(clips_of("a", "b"), tmp_path / "toy.lmdb")
    file = tmp_path / "toy.lmdb" / "data.mdb"
    whole = file.read_bytes()
    for share in (0.3, 0.6, 0.99):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DataError, match="cut short"):
            Packed(tmp_path / "toy.lmdb")[0]
    file.write_bytes(whole)
    assert len(Packed(tmp_path / "toy.lmdb")) == 2


@pytest.mark.parametrize("listed", [b"\xff", b"[]", b'{"a": "b"}', b"{"])
def test_a_damaged_list_of_clips_is_a_sentence(tmp_path: Path, listed: bytes) -> None:
    import lmdb

    with lmdb.open(str(tmp_path / "toy.lmdb")) as database, database.begin(write=True) as transaction:
        transaction.put(b"names", listed)
    with pytest.raises(DataError, match="list of clips is damaged"):
        Packed(tmp_path / "toy.lmdb")
