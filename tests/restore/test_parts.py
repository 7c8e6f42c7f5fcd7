"""What is kept of a video that is worked on: one command at a time, and nothing damaged is continued."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from stvsr_bench import methods, notes, protocols
from stvsr_bench.data import locking
from stvsr_bench.errors import DataError, NotRunnableError, StoppedError, UsageError
from stvsr_bench.restore import film, parts
from stvsr_bench.schema import Settings


@pytest.fixture
def upscale():
    """Restores a video at the size that it has; what was done."""
    method = methods.build("blend+bicubic")

    def run(source, target, on_frame=lambda read: None, **asked):
        of = film.Asked(protocols.get("suite-1:scale=1"), **asked)
        return film.upscale(method, source, target, Settings(), on_frame, of)

    return run


@pytest.fixture
def clip(tmp_path, ffmpeg):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=1.2", "-c:v", "ffv1", tmp_path / "in.mkv")
    return tmp_path / "in.mkv"


def count(ffmpeg, path):
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    return len(raw) // 32**2


def hidden(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.fault("C", "two `infer` write one file at once", "the second is refused; the first ends well", "4")
def test_of_two_commands_that_write_one_file_the_second_is_refused(tmp_path, ffmpeg, upscale, clip):
    target, said = tmp_path / "out.mp4", []

    def again(read):
        if not said:
            with pytest.raises(NotRunnableError) as caught:
                upscale(clip, target, overwrite=True)
            said.append(str(caught.value))

    assert upscale(clip, target, again).frames_out == 60
    (sentence,) = said
    assert sentence.startswith(f"{target} is being written by another stvsr-bench (process {os.getpid()} on ")
    assert count(ffmpeg, target) == 60 and hidden(tmp_path) == []


def test_a_file_that_another_command_wrote_meanwhile_is_not_replaced(tmp_path, upscale, clip, monkeypatch):
    target, real = tmp_path / "out.mp4", film.plan

    def written(*args):
        target.write_bytes(b"theirs")
        return real(*args)

    monkeypatch.setattr(film, "plan", written)
    with pytest.raises(UsageError, match="exists already"):
        upscale(clip, target)
    assert target.read_bytes() == b"theirs" and hidden(tmp_path) == []


@pytest.mark.fault("C", "an `infer` is killed, and the same is begun again", "it is not held off", "0")
def test_a_command_that_was_killed_holds_nobody_off(tmp_path, ffmpeg, upscale, clip):
    lock = tmp_path / ".out.mp4.parts" / "lock"
    child = os.fork()
    if not child:
        lock.parent.mkdir()
        with locking.alone(lock, keep=False):
            time.sleep(60)
        os._exit(1)
    while not (lock.is_file() and lock.stat().st_size):
        time.sleep(0.01)
    with pytest.raises(NotRunnableError, match=rf"process {child} on"):
        upscale(clip, tmp_path / "out.mp4")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    upscale(clip, tmp_path / "out.mp4")
    assert count(ffmpeg, tmp_path / "out.mp4") == 60 and hidden(tmp_path) == []


def test_where_there_are_no_locks_it_works_and_says_so(tmp_path, upscale, clip, monkeypatch):
    heard = []
    monkeypatch.setattr(notes, "_hear", [heard.append])
    monkeypatch.setattr(notes, "_said", set())

    def refused(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locking.fcntl, "flock", refused)
    assert upscale(clip, tmp_path / "out.mp4").frames_out == 60
    assert "has no locks" in heard[0] and "no two commands" in heard[0]


@pytest.fixture
def stopped(tmp_path, upscale, clip, monkeypatch):
    """A try that ended after some parts; their folder."""
    monkeypatch.setattr(parts, "LENGTH", 16)

    def stop(read):
        if read > 20:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError):
        upscale(clip, tmp_path / "out.mp4", stop)
    return tmp_path / ".out.mp4.parts"


@pytest.mark.fault(
    "B", "`--resume`, and a part was deleted, cut or is no record any more", "said; nothing is lost", "4"
)
@pytest.mark.parametrize("how", ["deleted", "cut", "record"])
def test_parts_that_were_damaged_are_not_continued(tmp_path, ffmpeg, upscale, clip, stopped, how):
    """A part that is not there would be 16 frames less, and nobody would know."""
    name = "parts.json" if how == "record" else "00000000.mp4"
    path: Path = stopped / name
    if how == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    for asked in ({"resume": True}, {}):
        with pytest.raises(DataError, match=rf"{name} of an earlier try .*; give --overwrite to start again"):
            upscale(clip, tmp_path / "out.mp4", **asked)
    upscale(clip, tmp_path / "out.mp4", overwrite=True)
    assert count(ffmpeg, tmp_path / "out.mp4") == 60 and hidden(tmp_path) == []


def test_a_name_as_long_as_a_file_system_takes(tmp_path, ffmpeg, upscale, clip):
    for name in ("x" * 251 + ".mp4", "é" * 125 + ".mkv"):
        upscale(clip, tmp_path / name)
        assert count(ffmpeg, tmp_path / name) == 60


def test_a_target_that_is_no_file_is_refused_before_anything_is_done(tmp_path, upscale, clip):
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, what in (("folder.mp4", "a folder"), ("pipe.mp4", "no file")):
        with pytest.raises(UsageError, match=rf"{name} is {what}; choose another name"):
            upscale(clip, tmp_path / name, overwrite=True, on_frame=lambda read: pytest.fail("something was done"))
    assert (tmp_path / "pipe.mp4").is_fifo() and hidden(tmp_path) == []


@pytest.mark.parametrize("there", [False, True])
def test_where_the_target_is_a_link_its_file_is_written(tmp_path, ffmpeg, upscale, clip, there):
    link, disk = tmp_path / "out.mp4", tmp_path / "disk"
    disk.mkdir()
    link.symlink_to(disk / "large.mp4")
    if there:
        (disk / "large.mp4").write_bytes(b"old")
        with pytest.raises(UsageError, match="exists already"):
            upscale(clip, link)
    upscale(clip, link, overwrite=there)
    assert link.is_symlink() and count(ffmpeg, disk / "large.mp4") == 60
    assert hidden(tmp_path) == hidden(disk) == []


def test_a_link_to_a_folder_that_is_not_there_is_refused(tmp_path, upscale, clip):
    (tmp_path / "out.mp4").symlink_to(tmp_path / "gone" / "out.mp4")
    with pytest.raises(UsageError, match=r"there is no folder .*gone; make it first"):
        upscale(clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").is_symlink()
