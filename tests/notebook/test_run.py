"""`stvsr_bench.run` for a Python session: networks and functions as methods, and what their rows say of them."""

import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import stvsr_bench
from stvsr_bench.cli import call
from stvsr_bench.errors import UsageError

GAIN = 1.0


def enlarged(lr_BTChw):
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    sr = F.interpolate(dense.flatten(0, 1), scale_factor=4)
    return GAIN * sr.unflatten(0, dense.shape[:2])


def upscaled(lr_BTChw):
    return F.interpolate(lr_BTChw.flatten(0, 1), scale_factor=4).unflatten(0, lr_BTChw.shape[:2])


class MyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(3, 1, 1))
        self.gain = 1.0

    def forward(self, lr_BTChw):
        return self.gain * enlarged(lr_BTChw) + self.shift


@pytest.fixture
def measure(noise_clips, tmp_path, monkeypatch):
    """Runs methods on two clips of three frames, 32x32."""
    monkeypatch.chdir(tmp_path)
    clips = noise_clips(2, 3, (32, 32))

    def run(methods, **options):
        return stvsr_bench.run(methods, clips, out="runs/own", **{"save_frames": "none", "quiet": True} | options)

    return run


def test_a_network_and_a_function_get_the_values_of_their_own_output(measure, tmp_path):
    net = MyNet().train()
    result = measure([net, enlarged, "blend+bicubic"])
    frames = result.to_frame("frame")
    assert set(frames["method"]) == {"my-net", "enlarged", "blend+bicubic"}
    mine = frames[(frames["method"] == "my-net") & (frames["clip"] == "c0")]
    # by hand, from the files: MATLAB's resize is checked elsewhere, so the saved low-resolution frames are not needed
    own = frames[(frames["method"] == "enlarged") & (frames["clip"] == "c0")]
    assert list(mine["psnr_y"]) == list(own["psnr_y"]) and len(mine) == 3
    assert not np.allclose(mine["psnr_y"], frames[frames["method"] == "blend+bicubic"]["psnr_y"][:3])
    # the session's network is as it was
    assert net.training and net.shift.requires_grad
    row = next(row for row in result.asked if row.method == "my-net")
    values = net.shift.detach().numpy()
    assert row.weights_sha256 == sha256(b"shift torch.float32 (3, 1, 1)\n" + values.tobytes()).hexdigest()
    assert row.params == 3 and not row.untrained and row.flags == ["python-object", *row.flags[1:]]
    manifest = json.loads((tmp_path / "runs" / "own" / "manifest.json").read_text())
    assert manifest["argv"][0].startswith("stvsr_bench.run(['my-net', 'enlarged', 'blend+bicubic'], dataset=")


def test_only_what_changed_is_measured_again(measure, monkeypatch, capfd):
    net = MyNet()
    asked = [net, enlarged, "blend+bicubic"]
    assert measure(asked).written == 6
    assert measure(asked).written == 0
    net.gain = 0.9  # no part of the state_dict
    first = measure(asked)
    assert first.written == 2 and "my-net: its code changed since 2 rows were measured" in capfd.readouterr().err
    with torch.no_grad():
        net.shift += 0.1
    assert measure(asked).written == 2 and "my-net: its weights changed" in capfd.readouterr().err
    before = first.to_frame()
    monkeypatch.setitem(globals(), "GAIN", 0.5)  # both use the function that uses it
    assert measure(asked).written == 4
    # a result is what was measured then
    pd.testing.assert_frame_equal(first.to_frame(), before)


def test_rows_of_what_no_digest_covers_say_so_and_are_never_done(measure, capfd):
    generator = torch.Generator().manual_seed(0)  # compiled code with a state

    def noisy(lr_BTChw):
        return enlarged(lr_BTChw) + 0.01 * torch.rand(1, generator=generator)

    assert measure([noisy, "blend+bicubic"]).written == 4
    result = measure([noisy, "blend+bicubic"])
    assert result.written == 2
    assert "part of its code cannot be read and may have changed since 2 rows were measured" in capfd.readouterr().err
    row = next(row for row in result.asked if row.method == "noisy")
    assert "hidden-code:generator is of type torch._C.Generator" in row.flags
    assert "No digest covers all that the method computes with" in result._repr_html_()


def test_an_upscaler_is_joined_with_an_interpolator(measure):
    up = stvsr_bench.method(upscaled, name="near", kind="sr")
    assert list(measure(["blend" + up]).to_frame()["method"]) == ["blend+near"]
    with pytest.raises(UsageError, match="near only upscales; join it with a partner"):
        measure([up])


@pytest.mark.parametrize(
    ("asked", "options", "says"),
    [
        ([enlarged], {"jobs": 2}, "enlarged is a Python object and is measured in this process alone, so jobs cannot"),
        ([enlarged], {"timeout": 5}, "so timeout cannot be used"),
        ([enlarged], {"engine": "dask"}, "so engine cannot be used"),
        ([MyNet], {}, "the class MyNet cannot be a method; give a torch.nn.Module or a function of frames"),
        ([3], {}, "3 cannot be a method"),
        ([stvsr_bench.method(enlarged, name="stdan")], {}, "'stdan' is the name of another method; write"),
        (["blend+bicubic"], {"precision": "fp8"}, "unknown precision 'fp8'"),
        (["blend+bicubic"], {"hdr": "yes"}, "hdr = 'yes': write refuse or as-is"),
        (["blend+bicubic"], {"shard": "3"}, "shard = '3': write i/n"),
        (["blend+bicubic"], {"metrics": "psnr"}, "unknown metric 'psnr'. Did you mean"),
        (["blend+bicubic"], {"clips": ["c7"]}, "unknown clip"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(measure, asked, options, says):
    with pytest.raises(UsageError) as error:
        measure(asked, **options)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_two_functions_without_names_are_two_methods(measure):
    table = measure([lambda lr: 0.9 * enlarged(lr), lambda lr: 0.5 * enlarged(lr)]).to_frame()
    assert list(table["method"]) == ["function", "function-2"] and table["psnr_y"].nunique() == 2


def test_what_fails_is_said_and_is_in_the_result(measure, capfd):
    def broken(lr_BTChw):
        return lr_BTChw

    result = measure([broken, "blend+bicubic"])
    assert [outcome.task.clip for outcome in result.failures] == ["c0", "c1"]
    assert "failed: broken on clips/all/c0: broken returned (1, 2, 3, 8, 8)" in capfd.readouterr().err
    assert "<b>2 failed</b>" in result._repr_html_() and list(result.to_frame()["method"]) == ["blend+bicubic"]
    assert "2 clips failed" in repr(result)


def test_the_tables_have_the_values_of_the_command_line(measure, capsys):
    result = measure(["dis+bicubic", "blend+bicubic"])
    table = result.to_frame().set_index("method")
    assert call(["report", "runs/own", "--out", "theirs", "--no-page", "--no-figures", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    shown = json.dumps(said)
    for method in table.index:
        assert f"{table.loc[method, 'psnr_y']:.2f}" in shown
    clips = result.to_frame("clip")
    assert clips.groupby("method")["psnr_y"].mean().round(9).to_dict() == table["psnr_y"].round(9).to_dict()
    folder = result.report("mine", page=False, figures=False)
    assert (folder / "table.md").read_text() == (folder.parent / "theirs" / "table.md").read_text()
    compared = result.compare("dis+bicubic", "blend+bicubic")
    assert {part.metric for part in compared.parts} == {"psnr_y", "ssim_y"}
    assert compared._repr_markdown_() == str(compared)
    assert str(stvsr_bench.compare("dis+bicubic", "blend+bicubic", "runs/own")) == str(compared)


def test_an_object_cannot_be_verified_or_replayed_and_that_is_said(measure, capsys):
    measure([enlarged, "blend+bicubic"])
    assert call(["verify", "runs/own", "--partial"]) == 0
    assert "enlarged (2 rows): the method was a Python object, and no file of it is kept" in capsys.readouterr().out
    assert call(["run", "--from", "runs/own/run.toml", "--out", "runs/again"]) == 2
    assert "that run measured Python objects (enlarged), which no file has" in capsys.readouterr().err


def test_a_built_method_prints_on_one_line_with_its_device():
    net = stvsr_bench.build("stdan@mini", device="cpu")
    assert repr(net) == "<stdan: stvsr x4, weights mini, 380,136 parameters, on cpu>"
    assert (
        repr(stvsr_bench.build("blend+bicubic")) == "<blend+bicubic: stvsr x1 to x64, no weights, 0 parameters, on cpu>"
    )
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        stvsr_bench.build("blend", device="gpu")
