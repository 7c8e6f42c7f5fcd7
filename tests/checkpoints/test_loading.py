"""Reading checkpoints that anybody may have written: whole, wrapped, damaged, foreign and hostile ones."""

import collections
import contextlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stvsr_bench import checkpoints
from stvsr_bench.errors import NOT_RUNNABLE, WeightsError

STATE = {"head.weight": torch.arange(12.0).reshape(3, 4), "head.bias": torch.ones(3), "steps": torch.tensor(7)}


class Harm:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.path),)


def same(state: dict[str, torch.Tensor]) -> bool:
    return set(state) == set(STATE) and all(torch.equal(state[key], STATE[key]) for key in STATE)


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence) as caught:
        checkpoints.load_state(path)
    assert caught.value.exit_code == NOT_RUNNABLE
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"params": s},
        lambda s: {"params": {k: v * 0 for k, v in s.items()}, "params_ema": s},
        lambda s: {"state_dict": s, "epoch": 3, "best": torch.tensor(1.0)},
        lambda s: {"model": {"state_dict": s}},
        lambda s: {"model": {"name": "liif", "args": {"n": 1}, "sd": s}, "optimizer": {"state": {}}, "epoch": 3},
        lambda s: {"params_ema": {}, "params": s, "step": 3},
        lambda s: {
            "net": {k: v * 0 for k, v in s.items()},
            "ema": {"n_averaged": torch.tensor(5), **{"module." + k: v for k, v in s.items()}},
        },
        lambda s: collections.OrderedDict(("module." + k, v) for k, v in s.items()),
        lambda s: {"state_dict": {"module._orig_mod." + k: v for k, v in s.items()}},
        lambda s: {"_orig_mod.module." + k: v for k, v in s.items()},
    ],
    ids=[
        *("plain", "params", "params_ema", "state_dict", "nested", "sd", "empty ema", "averaged", "module"),
        *("compiled in parallel", "parallel, then compiled"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_state_dict_is_found_under_its_wrappings(tmp_path: Path, wrap, legacy: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save(wrap(STATE), path, _use_new_zipfile_serialization=not legacy)
    assert same(checkpoints.load_state(path))


@pytest.mark.parametrize("key", ["net_g", "generator"])
def test_one_network_under_any_name_is_found(tmp_path: Path, key: str) -> None:
    optimizer = {"state": {}, "param_groups": [{"lr": 0.1}]}
    torch.save({key: STATE, "iter": 3, "optimizer": optimizer}, tmp_path / "w.pth")
    assert same(checkpoints.load_state(tmp_path / "w.pth"))


def test_several_networks_are_named_and_none_is_taken(tmp_path: Path) -> None:
    torch.save({"net_g": STATE, "net_d": STATE}, tmp_path / "w.pth")
    refused(tmp_path / "w.pth", r"several networks \(net_g, net_d\)")


def test_a_pickle_without_torch_says_how_to_save_it(tmp_path: Path) -> None:
    for protocol in (2, 4):
        (tmp_path / "w.pkl").write_bytes(pickle.dumps({"head.weight": [1.0]}, protocol))
        refused(tmp_path / "w.pkl", r"torch\.save did not write; .*torch\.save\(")


def test_a_zip_around_a_checkpoint_says_to_unpack_it(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pth")
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        archive.write(tmp_path / "net.pth", "models/net.pth")
    refused(tmp_path / "w.zip", "a zip archive around models/net.pth; unpack it")


def test_prefixes_that_all_names_share_are_tried_one_by_one() -> None:
    state = {f"model.net.{name}": tensor for name, tensor in STATE.items()}
    tried = [list(one) for one in checkpoints.unprefixed(state)]
    assert tried == [list(state), [f"net.{name}" for name in STATE], list(STATE)]


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    assert same(checkpoints.load_state(tmp_path / "net.safetensors"))


def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.pth")
    torch.save(STATE, tmp_path / "net.safetensors")
    assert same(checkpoints.load_state(tmp_path / "net.pth"))
    assert same(checkpoints.load_state(tmp_path / "net.safetensors"))


def test_one_key_with_the_prefix_is_not_stripped(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "net.pth")
    assert set(checkpoints.load_state(tmp_path / "net.pth")) == {"module.a", "b"}


@pytest.mark.fault("B", "a web page saved as `.pth`, an empty or foreign file", "named for what it is", "4")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b"\xef\xbb\xbf \r\n <html>quota exceeded", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"\x1f\x8b\x08\0\0\0", "a gzip archive"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\0" * 600, "a file of unknown kind"),
        (b"\x80", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x04\x95" + b"\xff" * 40, "damaged"),
        (b"PK\x03\x04 no archive", "truncated or damaged"),
        (struct.pack("<Q", 2**62) + b'{"a"', "truncated safetensors"),
        (struct.pack("<Q", 20) + b'{"a": not json at all', "damaged safetensors"),
    ],
)
def test_what_is_no_checkpoint_is_named_for_what_it_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    refused(path, sentence)


@pytest.mark.fault("B", "a truncated checkpoint", "one sentence", "4")
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "net.pth"
    big = {"a.weight": torch.rand(64, 64), "b.weight": torch.rand(64, 64)}
    if kind == "safetensors":
        save_file(big, path)
    else:
        torch.save(big, path, _use_new_zipfile_serialization=kind == "zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path, "truncated|damaged")


@pytest.mark.fault("B", "a checkpoint with flipped bytes", "a sentence or tensors, never a traceback", "4")
@pytest.mark.parametrize("kind", ["zip", "legacy", "legacy of protocol 4"])
def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.pth"
    protocol = 4 if kind.endswith("4") else 2
    torch.save(STATE, path, _use_new_zipfile_serialization=kind == "zip", pickle_protocol=protocol)
    whole = path.read_bytes()
    gen = torch.Generator().manual_seed(0)
    for _ in range(150):
        broken = bytearray(whole)
        for place in torch.randint(0, len(whole), (3,), generator=gen).tolist():
            broken[place] ^= 1 << int(torch.randint(0, 8, (1,), generator=gen))
        path.write_bytes(bytes(broken))
        with contextlib.suppress(WeightsError):  # anything else would be a traceback
            checkpoints.load_state(path)


@pytest.mark.fault("B", "a checkpoint that runs code", "refused, nothing is run; `--trust-pickle` is explicit", "4")
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path, legacy: bool) -> None:
    path, made = tmp_path / "net.pth", tmp_path / "made-by-the-pickle"
    torch.save({"state_dict": STATE, "extra": Harm(made)}, path, _use_new_zipfile_serialization=not legacy)
    refused(path, r"more than tensors \(\w+\.mkdir\).*--trust-pickle")
    assert not made.exists()


def test_a_bare_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    path, made = tmp_path / "net.pkl", tmp_path / "made-by-the-pickle"
    path.write_bytes(pickle.dumps(Harm(made), protocol=2))
    refused(path, "net.pkl")
    assert not made.exists()


def test_settings_beside_the_tensors_are_refused_unless_trusted(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": STATE, "opt": Namespace(lr=1)}, path)
    refused(path, r"argparse\.Namespace.*--trust-pickle")
    assert same(checkpoints.load_state(path, trust_pickle=True))


def test_a_trusted_pickle_of_a_whole_module_gives_its_state(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(4, 3), tmp_path / "net.pth")
    refused(tmp_path / "net.pth", "torch.nn.modules.linear.Linear")
    assert set(checkpoints.load_state(tmp_path / "net.pth", trust_pickle=True)) == {"weight", "bias"}


def test_a_trusted_pickle_that_is_damaged_is_still_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(b"\x80\x02cno.such.module\nthing\n.")
    with pytest.raises(WeightsError, match="damaged"):
        checkpoints.load_state(tmp_path / "net.pkl", trust_pickle=True)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ([1, 2], "contains a list"),
        ({}, "no tensors"),
        ({"epoch": 3}, "its keys: epoch"),
        ({"state_dict": {}}, "no tensors"),
        (torch.ones(3), "contains a Tensor"),
        ({1: torch.ones(1)}, "no tensors"),
    ],
)
def test_an_object_without_named_tensors_is_refused(tmp_path: Path, held: object, sentence: str) -> None:
    torch.save(held, tmp_path / "net.pth")
    refused(tmp_path / "net.pth", sentence)


def test_wrappings_without_end_are_refused(tmp_path: Path) -> None:
    held: dict[str, object] = {}
    held["state_dict"] = held
    torch.save(held, tmp_path / "net.pth")
    refused(tmp_path / "net.pth", "no tensors")


def test_a_torchscript_program_and_a_plain_zip_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", b"x")
        archive.writestr("script/constants.pkl", b"x")
    with zipfile.ZipFile(tmp_path / "frames.zip", "w") as archive:
        archive.writestr("im1.png", b"x")
    refused(tmp_path / "script.pt", "TorchScript")
    refused(tmp_path / "frames.zip", r"zip archive without weights \(im1.png\)")


@pytest.mark.fault("B", "a zip bomb as checkpoint", "refused before it unpacks", "4")
def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(STATE, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("net/data/9", b"\0" * 30_000_000)
    refused(path, "claims to unpack to")


def legacy_claim(elements: int) -> bytes:
    """A legacy torch file whose only tensor claims a storage of that many float32."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(77)}, buffer, _use_new_zipfile_serialization=False)
    whole = buffer.getvalue()
    claimed = b"K" + bytes([77])
    assert whole.count(claimed) >= 1
    return whole.replace(claimed, b"\x8a\x08" + struct.pack("<q", elements))


@pytest.mark.fault("B", "a tensor larger than its file", "refused before memory is taken", "4")
@pytest.mark.parametrize("elements", [10**6, 10**11, 2**62, -5])
def test_a_storage_larger_than_its_file_is_refused_before_it_is_allocated(tmp_path: Path, elements: int) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(legacy_claim(elements))
    refused(path, f"claims a tensor of {elements} elements")


@pytest.mark.parametrize("put", [b"r" + struct.pack("<I", 2**20), b"q\xfe"], ids=["long", "short"])
def test_a_size_that_was_put_aside_before_is_seen_too(tmp_path: Path, put: bytes) -> None:
    path = tmp_path / "net.pth"
    get = put.translate(bytes.maketrans(b"rq", b"jh"))[:1] + put[1:]
    # the object is a tuple of the number and the state dict; the storage takes its size out of the memo
    whole = legacy_claim(77).replace(b"\x8a\x08" + struct.pack("<q", 77), get)
    head = whole.index(b"\x80\x02}q\x00X\x01\x00\x00\x00a")
    number = b"\x8a\x08" + struct.pack("<q", 10**11) + put
    path.write_bytes(whole[: head + 2] + number + whole[head + 2 :].replace(b"u.", b"u\x86.", 1))
    refused(path, f"claims a tensor of {10**11} elements")


def test_an_expanded_tensor_is_refused(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "net.pth")
    refused(tmp_path / "net.pth", r"claims shape \(1000000, 1000000\)")


@pytest.mark.fault("B", "tensors of another kind (complex, sparse, quantised)", "named", "4")
@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, 2).to_sparse(),
        torch.empty(2, 2, device="meta"),
        torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8),
        torch.ones(2, 2, dtype=torch.complex64),
    ],
    ids=["sparse", "meta", "quantised", "complex"],
)
def test_tensors_of_another_kind_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"a.weight": tensor}, tmp_path / "net.pth")
    refused(tmp_path / "net.pth", "a.weight|damaged")


@pytest.mark.parametrize("place", ["missing.pth", "."])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        checkpoints.load_state(tmp_path / place)
    with pytest.raises(WeightsError, match="cannot be read"):
        checkpoints.sha256(tmp_path / place)


def test_a_tar_archive_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with tarfile.open(tmp_path / "net.pth.tar", "w") as archive:
        archive.add(tmp_path / "a.txt", "a.txt")
    refused(tmp_path / "net.pth.tar", "not a checkpoint")


def test_a_fingerprint_outlives_saving_anew_and_sees_every_change(tmp_path: Path) -> None:
    torch.save({"params": STATE}, tmp_path / "a.pth")
    save_file(dict(reversed(STATE.items())), tmp_path / "b.safetensors")
    files = [tmp_path / "a.pth", tmp_path / "b.safetensors"]
    prints = {checkpoints.fingerprint(checkpoints.load_state(path)) for path in files}
    assert len(prints) == 1
    assert checkpoints.sha256(files[0]) != checkpoints.sha256(files[1])
    changed = [
        STATE | {"head.bias": torch.tensor([1.0, 1.0, 1.0001])},
        STATE | {"head.bias": torch.ones(3, dtype=torch.float64)},
        STATE | {"head.bias": torch.ones(3, 1)},
        {("other" if key == "head.bias" else key): value for key, value in STATE.items()},
    ]
    assert len(prints | {checkpoints.fingerprint(state) for state in changed}) == 5


def test_bfloat16_and_transposed_tensors_have_fingerprints() -> None:
    plain = torch.arange(6.0).reshape(2, 3)
    assert checkpoints.fingerprint({"a": plain}) == checkpoints.fingerprint({"a": plain.T.contiguous().T})
    assert checkpoints.fingerprint({"a": plain.bfloat16()}) != checkpoints.fingerprint({"a": plain})


def test_importing_the_clinic_does_not_import_torch() -> None:
    code = "import sys, json, stvsr_bench.checkpoints; print(json.dumps('torch' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is False
