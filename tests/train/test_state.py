"""Checkpoints of training: what a damaged one, a kill or a full disk leaves."""

import random
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from stvsr_bench import notes
from stvsr_bench.errors import DataError
from stvsr_bench.train import state as states
from stvsr_bench.train.logs import STEP_FIELDS, Table
from stvsr_bench.train.state import BEFORE, CHECKPOINT, State, load_state, save_state


def at(step):
    """A state with something to damage."""
    weights = torch.arange(50.0) + step
    return State("recipe", step, 0, 0, 1.5, {"w": weights}, {}, {"state": {0: {"m": weights * 2}}}, {"scale": 2.0})


@pytest.fixture
def said(monkeypatch):
    heard = []
    monkeypatch.setattr(notes, "_hear", [heard.append])
    monkeypatch.setattr(notes, "_said", set())
    return heard


@pytest.fixture
def folder(tmp_path):
    for step in (5, 10):
        save_state(tmp_path, at(step))
    return tmp_path


def equal(one, other):
    return (one.step, one.seconds, one.precision) == (other.step, other.seconds, other.precision) and torch.equal(
        one.net["w"], other.net["w"]
    )


def test_a_checkpoint_and_the_one_before_it_are_kept_and_torch_reads_both(folder):
    assert sorted(path.name for path in folder.iterdir()) == [BEFORE, CHECKPOINT]
    for name, step in ((BEFORE, 5), (CHECKPOINT, 10)):
        assert torch.load(folder / name, weights_only=True)["step"] == step
    assert equal(load_state(folder, {"recipe"}), at(10))


@pytest.mark.fault("C6", "a checkpoint of training: any byte flipped", "the one before it is used, and said", "0")
def test_no_flipped_byte_of_a_checkpoint_goes_unseen(folder, said):
    whole = (folder / CHECKPOINT).read_bytes()
    dice, fell_back = random.Random(0), 0
    places = [dice.randrange(len(whole) * 8) for _ in range(150)]
    for place in places:
        bad = bytearray(whole)
        bad[place // 8] ^= 1 << place % 8
        (folder / CHECKPOINT).write_bytes(bad)
        notes.forget()
        found = load_state(folder, {"recipe"})
        fell_back += found.step == 5
        assert equal(found, at(found.step)), f"bit {place} changed a number"
    assert fell_back >= 140, "only the seal's own few bytes change nothing"
    assert "continues from the checkpoint before it, step 5" in said[0]


@pytest.mark.fault("C6", "a checkpoint of training: cut short, text, another file, gone", "the one before it", "0")
@pytest.mark.parametrize("bad", [b"", b"text\n", b"PK\x03\x04 no archive", "half", "list", "number", None])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(folder, said, bad):
    path = folder / CHECKPOINT
    if bad is None:
        path.unlink()
    elif bad in ("list", "number"):
        torch.save([1] if bad == "list" else {**vars(at(1)), "net": 3}, path)
    else:
        path.write_bytes(path.read_bytes()[:500] if bad == "half" else bad)
    assert load_state(folder, {"recipe"}).step == 5
    (sentence,) = said
    assert str(path) in sentence and ("is gone" if bad is None else "is damaged") in sentence


@pytest.mark.fault("C6", "both checkpoints of training are damaged", "one sentence that names them", "4")
def test_two_damaged_checkpoints_are_one_sentence(folder):
    for name in (CHECKPOINT, BEFORE):
        (folder / name).write_bytes(b"no")
    with pytest.raises(DataError, match=r"checkpoint\.pt is damaged.*checkpoint\.1\.pt is damaged.*another --out"):
        load_state(folder, {"recipe"})


def test_one_of_an_older_suite_has_no_seal_and_is_read(tmp_path):
    torch.save(vars(at(3)), tmp_path / CHECKPOINT)
    assert equal(load_state(tmp_path, {"recipe"}), at(3))


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("moment", range(5))
def test_a_kill_at_any_moment_of_saving_leaves_a_whole_checkpoint(folder, monkeypatch, moment, links, said):
    """Each call that changes the folder may be the last one."""
    calls = []

    def counted(real):
        def call(*args, **kwargs):
            if real.__name__ == "hardlink_to" and not links:
                raise OSError(1, "no links here")
            if len(calls) == moment:
                raise MemoryError("killed")
            calls.append(real)
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    monkeypatch.setattr(Path, "hardlink_to", counted(Path.hardlink_to))
    with suppress(MemoryError):
        save_state(folder, at(15))
    monkeypatch.undo()
    found = load_state(folder, {"recipe"})
    assert found.step in (10, 15) and equal(found, at(found.step))


def test_a_full_disk_keeps_the_checkpoint_before(folder, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states, "seal", full)
    with pytest.raises(DataError, match="No space left"):
        save_state(folder, at(15))
    assert load_state(folder, {"recipe"}).step == 10


@pytest.mark.fault("C6", "`losses.csv` with half a line, or lines of others", "they are left out", "0")
def test_a_curve_with_odd_lines_goes_on_with_the_others(tmp_path):
    path = tmp_path / "losses.csv"
    rows = [f"{step},all,0.1,0.5,1.0,0.01" for step in range(1, 5)]
    odd = ["x,all,0.1,0.5,1.0,0.01", "\u00b2,all,0.1,0.5,1.0,0.01", "", '"', "1,2", "a\0b", "-1,a,b,c,d,e"]
    path.write_bytes("\r\n".join([",".join(STEP_FIELDS), *rows, *odd, "5,all,0.1,0.5,1.0,0.0"]).encode() + b"\xff")
    table = Table(path, STEP_FIELDS, after=10)
    table.add(11, "all", 0.1, 0.5, 1.0, 0.01)
    table.close()
    steps = [line.split(",")[0] for line in path.read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4", "11"]
