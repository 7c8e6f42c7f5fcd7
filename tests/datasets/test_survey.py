"""Splits checked and measured clip by clip, without the command line."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.data.frames import write_png
from stvsr_bench.datasets import survey
from stvsr_bench.schema import Contents

ALL = survey.Pace(jobs=2)


@pytest.fixture
def root(tmp_path):
    """Three clips of a texture that slides by 1, 4 and 8 px a frame."""
    random = np.random.default_rng(0)
    texture = random.integers(0, 200, (20, 40, 3)).repeat(8, axis=0).repeat(8, axis=1)
    texture = (texture + random.integers(0, 40, (160, 320, 3))).astype(np.uint8)
    for name, px in (("creep", 1), ("dash", 8), ("walk", 4)):
        for i in range(7):
            write_png(tmp_path / name / f"im{i + 1}.png", texture[10:74, 10 + px * i : 122 + px * i])
    return tmp_path


def clips_of(root):
    return datasets.clips(f"{root}/")


def test_findings_of_the_split_come_first_and_an_unreadable_clip_is_an_error(root):
    (root / "dash" / "im2.png").write_bytes(b"")
    clips = clips_of(root)
    clips = replace(clips, card=replace(clips.card, contents={"all": Contents(clips=[4], size=(112, 64))}))
    told = []
    checked = survey.check(clips, ALL, lambda done, total: told.append((done, total)))
    assert (checked.split, checked.clips) == ("all", 3)
    assert checked.findings[0].what == "all has 3 clips, a complete copy has 4"
    (unreadable,) = [found for found in checked.findings if found.clip == "dash"]
    assert unreadable.level == "error" and "is empty" in unreadable.what
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_motion_is_measured_and_what_cannot_be_read_is_said(root):
    (root / "walk" / "im2.png").write_bytes(b"")
    measured, failed = survey.measure(clips_of(root), ALL)
    assert [clip.name for clip in measured] == ["creep", "dash"]
    assert [(clip.frames, clip.width, clip.height) for clip in measured] == [(7, 112, 64)] * 2
    assert [clip.motion_px for clip in measured] == pytest.approx([1, 8], abs=0.5)
    assert len(failed) == 1 and failed[0].startswith("walk: ") and "is empty" in failed[0]


def test_two_splits_may_have_clips_of_one_name(root):
    measured, _ = survey.measure(clips_of(root), ALL, with_split=True)
    assert [clip.name for clip in measured] == ["all/creep", "all/dash", "all/walk"]


def test_a_sample_is_looked_at_alone(root):
    assert survey.check(clips_of(root), survey.Pace(sample=2)).clips == 2


def test_splits_asked_for_or_the_default_ones():
    assert [clips.split for clips in survey.splits("mini", ["slow"])] == ["slow"]
    assert [clips.split for clips in survey.splits("mini")] == datasets.card("mini").default_splits


def test_a_split_that_no_list_makes_has_no_list(root):
    assert survey.whose_list(clips_of(root)) == []


def test_the_first_clips_of_a_split(root):
    clips = clips_of(root)
    assert clips.first(2).names == ["creep", "dash"]
    assert clips.first(0).names == clips.names == clips.first(99).names
