"""Checkpoints of every pickle protocol: tensors are read, and nothing that could run code."""

import collections
import io
import os
import pickle
import struct
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from stvsr_bench import checkpoints
from stvsr_bench.checkpoints.transcode import as_protocol_2
from stvsr_bench.errors import WeightsError

STATE = {"head.weight": torch.arange(12.0).reshape(3, 4), "head.bias": torch.ones(3), "steps": torch.tensor(7)}


class Harm:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.path),)


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence) as caught:
        checkpoints.load_state(path)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


# what a training script puts beside the tensors: many small values, so that every number's instruction occurs
BESIDE = {"epoch": 70000, "lr": 1e-3, "seen": 2**40, "done": True, "best": None, "names": ["torch", "head.bias"] * 200}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_tensors_of_every_pickle_protocol_are_read_and_nothing_else_is(
    tmp_path: Path, protocol: int, legacy: bool, recwarn: pytest.WarningsRecorder
) -> None:
    path, made = tmp_path / "net.pth", tmp_path / "made-by-the-pickle"
    how = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": not legacy}
    # "torch" is also half of a class's name: the newer protocols store that text once for both
    held = {**STATE, "torch": torch.nn.Parameter(torch.rand(80, 80)), "half": torch.ones(300).half()}
    torch.save({"state_dict": held, "size": torch.Size([1, 2]), "type": torch.float16, **BESIDE}, path, **how)
    read = checkpoints.load_state(path)
    assert set(read) == set(held) and all(torch.equal(read[key], held[key]) for key in held)
    for extra, sentence in ((Harm(made), r"\w+\.mkdir"), (Namespace(lr=1), r"argparse\.Namespace")):
        torch.save({"state_dict": STATE, "extra": extra}, path, **how)
        refused(path, rf"more than tensors \({sentence}\).*--trust-pickle")
    assert not made.exists()
    assert not [each for each in recwarn if "pickle protocol" in str(each.message)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x80\x04\x8c\x01a\x94" + b"h\x00" * 10 + b"\x93.", "more than tensors|damaged"),  # a class named `a.a`
        (b"\x80\x04]\x94]\x94\x93.", "damaged"),  # a class named by two lists
        (b"\x80\x04\x8c\x04os\nx\x8c\x06system\x93.", "damaged"),  # a line end inside the name
        (b"\x80\x09N.", "damaged"),  # a protocol of the future
        (b"\x80\x04\x8d" + struct.pack("<Q", 2**20) + b"a" * 2**20 + b"\x94" + b"h\x00" * 10**6 + b".", "damaged"),
    ],
    ids=["unknown class", "no names", "two lines", "protocol 9", "a text of a megabyte, a million times"],
)
def test_a_pickle_of_a_newer_protocol_made_to_harm_is_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    torch.save(STATE, tmp_path / "good.pth")
    with zipfile.ZipFile(tmp_path / "good.pth") as good, zipfile.ZipFile(tmp_path / "net.pth", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, content if name.endswith("data.pkl") else good.read(name))
    refused(tmp_path / "net.pth", sentence)


SAME = ["a"]
OBJECTS = [
    {"a": 1, "b": [2**40, -1, 1e-9, True, None], "c": ("x" * 300, "x" * 300), "d": {"a": "b"}},
    collections.OrderedDict(collections=collections.OrderedDict, OrderedDict=(SAME, SAME)),
    [str(number) for number in range(600)] * 2,
]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_rewritten_pickle_is_of_protocol_2_and_means_the_same_to_python(protocol: int) -> None:
    file = io.BytesIO(b"".join(pickle.dumps(held, protocol) for held in OBJECTS) + b"behind")
    for held in OBJECTS:
        made = as_protocol_2(file)
        assert made[:2] == b"\x80\x02" and pickle.loads(made) == held
    assert file.read() == b"behind"


def test_a_place_of_the_memo_that_is_used_again_holds_the_later_value() -> None:
    text = b"\x80\x04\x8c\x01aq\x00]q\x00h\x00\x87."  # "a" into 0, a list into 0, what is in 0
    assert pickle.loads(text) == pickle.loads(as_protocol_2(io.BytesIO(text))) == ("a", [], [])
