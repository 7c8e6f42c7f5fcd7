import io
import stat
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stvsr_bench.acquire import archive as module
from stvsr_bench.acquire.archive import extract
from stvsr_bench.errors import BenchError, DataError

FILES = {"sequences/00001/0001/im1.png": b"one", "sequences/00001/0001/im2.png": b"two", "readme.txt": b""}


def make_zip(path, files=FILES, **infos):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.mkdir("sequences")
        for name, content in files.items():
            file.writestr(name, content)
    return path


def make_tar(path, files=FILES, members=()):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for info in members:
            file.addfile(info)
    return path


def tree(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_an_archive_is_unpacked_and_nothing_else_is_left(tmp_path, name):
    make = make_zip if name.endswith(".zip") else make_tar
    seen = []
    root = tmp_path / "root"
    extract(make(tmp_path / name), root, lambda there, total: seen.append((there, total)))
    assert tree(root) == FILES
    assert seen[-1] == (6, 6)
    assert sorted(path.name for path in root.iterdir()) == ["readme.txt", "sequences"]


@pytest.mark.fault("B", "archives with `../` and absolute paths", "refused whole, nothing leaves the folder", "4")
@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "C:/evil", "~/evil", "a/\x1b[2J", "x" * 1001],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_that_would_leave_the_folder_refuses_the_whole_archive(tmp_path, name, kind):
    path = tmp_path / f"a.{kind}"
    (make_zip if kind == "zip" else make_tar)(path, {"good": b"1", name: b"2"})
    with pytest.raises(DataError, match="would leave the folder") as caught:
        extract(path, tmp_path / "root" / "deep")
    assert tree(tmp_path / "root") == {}
    assert not (tmp_path / "evil").exists()
    assert "\x1b" not in str(caught.value)


@pytest.mark.fault("B", "archives with links and devices", "refused whole", "4")
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_tar_with_a_link_or_a_device_is_refused(tmp_path, kind):
    info = tarfile.TarInfo("sequences")
    info.type, info.linkname = kind, "/etc"
    path = make_tar(tmp_path / "a.tar", {"good": b"1"}, [info])
    with pytest.raises(DataError, match="is a link or a device"):
        extract(path, tmp_path / "root")
    assert tree(tmp_path / "root") == {}


@pytest.mark.fault("B", "archives with links and devices", "refused whole", "4")
def test_a_zip_with_a_link_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("sequences")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc")
    with pytest.raises(DataError, match="is a link or a device"):
        extract(tmp_path / "a.zip", tmp_path / "root")


@pytest.mark.fault("B", "archives that are bombs", "refused before they are unpacked", "4")
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(module, "HARMLESS_BYTES", 10**6)
    path = tmp_path / f"a.{kind}"
    (make_zip if kind == "zip" else make_tar)(path, {"zeros": bytes(3 * 10**6), "more": bytes(10**6)})
    with pytest.raises(DataError, match=r"is refused: its \d+ bytes would become 0.0 GB or more"):
        extract(path, tmp_path / "root")
    assert tree(tmp_path / "root") == {}


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    with pytest.raises(DataError, match="more than 2 files"):
        extract(make_zip(tmp_path / "a.zip"), tmp_path / "root")


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="'IM1' twice"):
        extract(make_zip(tmp_path / "a.zip", {"im1": b"1", "IM1": b"2"}), tmp_path / "root")


def test_a_member_that_lies_about_its_size_is_caught(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"im1": b"0123456789"})
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x05\x06"))
    data[directory + 24 : directory + 28] = (3).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(DataError):
        extract(path, tmp_path / "root")
    assert "im1" not in tree(tmp_path / "root")


def test_what_is_there_is_not_written_over(tmp_path):
    root = tmp_path / "root"
    (root / "sequences").mkdir(parents=True)
    with pytest.raises(DataError, match=r"sequences is already there, so a\.zip is not unpacked over it"):
        extract(make_zip(tmp_path / "a.zip"), root)


def test_an_interrupted_unpacking_is_gone_on_with(tmp_path, monkeypatch):
    path, root = make_zip(tmp_path / "a.zip"), tmp_path / "root"
    real, written = module._write, []

    def once(archive, opened, member, target):
        if written:
            raise KeyboardInterrupt
        written.append(member)
        real(archive, opened, member, target)

    monkeypatch.setattr(module, "_write", once)
    with pytest.raises(KeyboardInterrupt):
        extract(path, root)
    assert [entry.name for entry in root.iterdir()] == [".a.zip.unpacking"]
    monkeypatch.setattr(module, "_write", lambda *a: (written.append(a[2]), real(*a)))
    extract(path, root)
    assert tree(root) == FILES
    assert [str(member.path) for member in written].count("sequences/00001/0001/im1.png") == 1


def test_a_link_planted_between_two_attempts_is_not_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (root / ".a.zip.unpacking").mkdir(parents=True)
    (root / ".a.zip.unpacking" / "sequences").symlink_to(outside, target_is_directory=True)
    with pytest.raises(DataError, match="is a link; delete"):
        extract(make_zip(tmp_path / "a.zip"), root)
    assert not list(outside.iterdir())


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1}))
    with pytest.raises(DataError, match="GB are needed"):
        extract(make_zip(tmp_path / "a.zip"), tmp_path / "root")


@pytest.mark.parametrize(
    ("name", "content"), [("a.zip", b""), ("a.zip", b"<html>"), ("a.tar.gz", b"PK"), ("a.tar", b"x" * 600)]
)
def test_what_is_no_archive_is_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="is damaged or of a kind"):
        extract(tmp_path / name, tmp_path / "root")


@settings(max_examples=80, deadline=None)
@given(st.booleans(), st.integers(0, 10**6), st.binary(min_size=1, max_size=6))
def test_no_damage_to_an_archive_is_anything_but_a_sentence(tmp_path_factory, zipped, at, noise):
    folder = tmp_path_factory.mktemp("fuzz")
    path = make_zip(folder / "a.zip") if zipped else make_tar(folder / "a.tar.gz")
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(bytes(data))
    try:
        extract(path, folder / "root")
    except BenchError as error:
        assert str(path) in str(error)
    assert {entry.name for entry in folder.iterdir()} <= {path.name, "root"}


@pytest.mark.fault(
    "C3", "a power cut or a crash while an archive is unpacked", "what is not whole is unpacked again", "0"
)
def test_what_an_interruption_left_is_kept_only_if_its_crc_is_right(tmp_path):
    path, root = make_zip(tmp_path / "a.zip"), tmp_path / "root"
    left = root / ".a.zip.unpacking" / "sequences" / "00001" / "0001"
    left.mkdir(parents=True)
    (left / "im1.png").write_bytes(b"\0\0\0")  # of the right size: all that a power cut may leave
    (left / "im9.png").write_bytes(b"planted")
    (left / ".im2.png.0123.part").write_bytes(b"t")
    extract(path, root)
    assert tree(root) == FILES


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_an_interruption_while_the_folders_are_moved_is_continued(tmp_path, monkeypatch, name):
    path, root = (make_zip if name == "a.zip" else make_tar)(tmp_path / name), tmp_path / "root"
    real, moved = module.Path.replace, []

    def once(self, target):
        if target.name == "sequences":
            moved.append(target)
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(module.Path, "replace", once)
    with pytest.raises(KeyboardInterrupt):
        extract(path, root)
    assert moved
    assert (root / "readme.txt").is_file()
    monkeypatch.setattr(module.Path, "replace", real)
    assert extract(path, root) == [root / "readme.txt", root / "sequences"]
    assert tree(root) == FILES


def test_the_archive_is_on_the_disk_before_its_folders_are_moved(tmp_path, monkeypatch):
    path, root, seen = make_zip(tmp_path / "a.zip"), tmp_path / "root", []
    monkeypatch.setattr(module.os, "sync", lambda: seen.append(sorted(entry.name for entry in root.iterdir())))
    extract(path, root)
    assert seen == [[".a.zip.unpacking"]]


def test_an_archive_without_a_suffix_is_known_by_its_content(tmp_path):
    for made in (make_zip(tmp_path / "one"), make_tar(tmp_path / "two")):
        assert module.is_archive(made)
        extract(made, tmp_path / f"root-{made.name}")
        assert tree(tmp_path / f"root-{made.name}") == FILES
    (tmp_path / "three").write_bytes(b"Rar!")
    assert not module.is_archive(tmp_path / "three")
