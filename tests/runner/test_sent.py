"""A folder that somebody sent is data: nothing that runs code, reads weights or reaches a machine is taken from it."""

import pickle
import shutil
import tomllib
from dataclasses import replace

import pytest
import tomli_w
import torch
from safetensors.torch import save_file

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import UsageError
from stvsr_bench.methods.spec import parse, text_of
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.runner.replay import load_spec, with_files

CARD = 'title = "Tiny"\nkind = "stvsr"\nnet = "model:Net"\n'
NET = """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, lr_BTChw, times=None):
        dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
        return self.gain * F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.fixture
def sent(tmp_path, noise_clips):
    """The folder of a run, and a function that puts other words into its commands."""
    spec = RunSpec(("blend+bicubic",), (str(noise_clips(1, 3, (16, 16))),), out=tmp_path / "sent", save_frames="none")
    assert not runner.execute(spec, make(spec)).failures

    def write(**words):
        for file in (spec.out / "run.toml", spec.out / "commands" / "0001.toml"):
            file.write_text(tomli_w.dumps({**tomllib.loads(file.read_text()), **words}))
        return spec.out

    return write


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return exec, (f"open({str(self.mark)!r}, 'w').close()",)


@pytest.mark.fault(
    "B1", "`run.toml` of others: `trust_pickle`, and a pickle as weights", "`--weights` is asked for", "2, 5"
)
def test_weights_in_a_file_are_not_read_because_a_folder_names_them(sent, tmp_path, capsys):
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    folder = sent(methods=[f"zsm@{tmp_path / 'w.pth'}"], trust_pickle=True)
    (row,) = store.read_rows(folder)
    row = replace(row, method="zsm", weights="w.pth", weights_sha256="0" * 64)
    store.rows_file(folder).unlink()
    with store.Appender(store.rows_file(folder)) as rows:
        rows.row(replace(row, key=row.own_key))
    for argv, code in ((["verify", str(folder)], 5), (["run", "--from", str(folder), "--out", str(tmp_path / "b")], 2)):
        assert call(argv) == code, argv
        seen = capsys.readouterr()
        assert "write --weights PATH/w.pth" in seen.out + seen.err
    # with the reader's word for the file, and not for its code
    for argv, code in ((["verify", str(folder)], 5), (["run", "--from", str(folder), "--out", str(tmp_path / "b")], 3)):
        assert call([*argv, "--weights", str(tmp_path / "w.pth")]) == code, argv
    assert not (tmp_path / "ran").exists()


@pytest.mark.fault("B1", "`run.toml` of others: an engine, an address, jobs", "left out, and said", "0")
def test_machines_and_processes_are_asked_for_again(sent, tmp_path, capsys):
    folder = sent(engine="dask", address="tcp://192.0.2.1:1", jobs=64, overwrite=True, timeout_s=5.0, shard=[2, 7])
    assert call(["verify", str(folder)]) == 0
    capsys.readouterr()
    assert call(["run", "--from", str(folder), "--out", str(tmp_path / "b"), "-q"]) == 0
    said = capsys.readouterr().err
    for words in ("engine = dask", "address = tcp://192.0.2.1:1", "jobs = 64", "overwrite = true", "shard = 2, 7"):
        assert f"{words} is left out" in said
    assert len(store.read_rows(tmp_path / "b")) == 1
    assert call(["run", "--from", str(folder), "--out", str(tmp_path / "c"), "-q", "--jobs", "64", "--overwrite"]) == 0
    said = capsys.readouterr().err
    assert "jobs" not in said and "overwrite" not in said and "engine" in said


def test_what_is_left_out_is_the_usual_again(sent, tmp_path):
    found = load_spec(sent(trust_pickle=True, include=["/somebody/net"], override=["stdan"]), tmp_path / "b")
    assert (found.spec.trust_pickle, found.spec.include, found.spec.override) == (False, (), ())
    assert set(found.left_out) == {"trust_pickle", "include", "override"}


def test_a_run_of_a_file_of_weights_holds_with_a_copy_of_it(tmp_path, noise_clips, capsys):
    net = tmp_path / "tiny"
    net.mkdir()
    (net / "card.toml").write_text(CARD)
    (net / "model.py").write_text(NET)
    save_file({"gain": torch.full((1,), 0.5)}, tmp_path / "half.safetensors")
    argv = ["run", "-m", f"tiny@{tmp_path / 'half.safetensors'}", "-d", str(noise_clips(1, 3, (16, 16)))]
    mine = ["--include", str(net)]
    assert call([*argv, *mine, "--out", str(tmp_path / "run"), "-q"]) == 0
    (tmp_path / "mine").mkdir()
    shutil.move(tmp_path / "half.safetensors", tmp_path / "mine")
    plugins.forget()
    assert call(["verify", str(tmp_path / "run"), *mine]) != 0
    assert "--weights PATH/half.safetensors" in "".join(capsys.readouterr())
    copy = ["--weights", str(tmp_path / "mine" / "half.safetensors")]
    assert call(["verify", str(tmp_path / "run"), *mine, *copy]) == 0
    assert call(["run", "--from", str(tmp_path / "run"), *mine, *copy, "--out", str(tmp_path / "again"), "-q"]) == 0
    first, second = (store.read_rows(tmp_path / name)[0] for name in ("run", "again"))
    assert (first.key, first.values) == (second.key, second.values)
    save_file({"gain": torch.full((1,), 0.25)}, tmp_path / "mine" / "half.safetensors")
    assert call(["verify", str(tmp_path / "run"), *mine, *copy]) != 0, "another file of that name"


def test_two_files_of_one_name_cannot_be_meant(tmp_path):
    with pytest.raises(UsageError, match="has the same name"):
        with_files("stdan@mini", [tmp_path / "a" / "w.pth", tmp_path / "b" / "w.pth"])
    assert with_files("stdan:top_t=9@mini", []) == "stdan:top_t=9@mini"


@pytest.mark.parametrize("text", ["stdan", "stdan:top_t=9:top_s=2@mini", "rife@/a b/c:d.pth+span@none", "a+b"])
def test_parts_are_written_as_they_are_read(text):
    assert text_of(parse(text).parts) == text
