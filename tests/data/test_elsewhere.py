"""A file whose contents are elsewhere is said to be that, with what brings it, and never a damaged picture."""

import pytest

from stvsr_bench.data import elsewhere, frames, lists, sources
from stvsr_bench.errors import DataError

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
ANNEX = b"/annex/objects/SHA256E-s12345--" + b"0" * 64 + b".png\n"


@pytest.mark.parametrize(("note", "sentence"), [(LFS, "Git LFS .* run git lfs pull"), (ANNEX, "run git annex get")])
@pytest.mark.parametrize("name", ["1.png", "1.jpg", "1.tif", "1.webp"])
def test_a_picture_that_is_a_pointer_is_named(tmp_path, note, sentence, name):
    (tmp_path / name).write_bytes(note)
    with pytest.raises(DataError, match=sentence):
        frames.read_one(tmp_path / name)


@pytest.mark.parametrize(("note", "sentence"), [(LFS, "run git lfs pull"), (ANNEX, "run git annex get")])
def test_a_video_and_a_list_that_are_pointers_are_named(tmp_path, note, sentence):
    (tmp_path / "city.mp4").write_bytes(note)
    with pytest.raises(DataError, match=sentence):
        sources.look(tmp_path).clips["city"].source().read()
    (tmp_path / "fast.txt").write_bytes(note)
    with pytest.raises(DataError, match=sentence):
        lists.read(tmp_path / "fast.txt", {})


def test_a_link_that_leads_nowhere_says_where_it_leads(tmp_path):
    (tmp_path / "1.png").symlink_to("../gone/1.png")
    with pytest.raises(DataError, match=r"1\.png is a link to \.\./gone/1\.png, which is not there"):
        frames.read_one(tmp_path / "1.png")
    (tmp_path / "2.png").symlink_to(".git/annex/objects/xx/yy/SHA256E-s1--0.png")
    with pytest.raises(DataError, match="run git annex get"):
        elsewhere.check_here(tmp_path / "2.png")
