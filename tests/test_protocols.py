"""Protocol keys say when two numbers may be compared, and a method that cannot follow a protocol is refused."""

from dataclasses import asdict, fields, replace

import pytest

from stvsr_bench import protocols
from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.schema import EvalProtocol, MethodCard

CARD = MethodCard(name="net", title="Net", kind="stvsr", net="model:Net")


def test_keys_of_all_protocols_differ():
    keys = [protocol.key for protocol in protocols.PROTOCOLS.values()]
    assert len(set(keys)) == len(keys)


SUITE = {
    "version": 1, "scale": 4, "time_scale": 2, "window": 7, "tail": "clean", "pad_multiple": 0, "pad": "zeros",
    "degradation": "bicubic", "flip_test": False, "lists": "zsm", "frames": "all", "round_8bit": True,
    "channel": "y", "crop": 0, "inf_policy": "exclude", "average": "clips", "overlap": "first", "lr_8bit": True,
    "hr_crop": None, "clip": True,
}  # fmt: skip
ZSM = {**SUITE, "tail": "drop", "pad_multiple": 4, "inf_policy": "keep"}
VIDEOINR = {
    **ZSM,
    "version": 2,
    "time_scale": 8,
    "window": 9,
    "degradation": "pil",
    "round_8bit": False,
    "clip": False,
    "frames": "all-but-last",
    "overlap": "last",
    "average": "windows",
}
BASICVSR = {**SUITE, "time_scale": 1, "window": 0, "inf_policy": "keep"}
# what each paper's script does, as docs/protocols.md tells it; the keys stand in rows that people have
PINNED = {
    "suite-1": ("suite-1.1-7b42b8dd", SUITE),
    "stdan-2023": ("stdan-2023.1-875a5d16", {**ZSM, "tail": "always", "pad_multiple": 8, "lists": "stdan"}),
    "zsm-2020": ("zsm-2020.1-b6956610", ZSM),
    "tmnet-2021": ("tmnet-2021.1-5f9960a5", {**ZSM, "tail": "long"}),
    "tmnet-2021-multi": ("tmnet-2021-multi.1-59485a35", {**ZSM, "tail": "always", "time_scale": 6}),
    "rstt-2022": (
        "rstt-2022.2-64b6d55b",
        {**ZSM, "version": 2, "pad_multiple": 0, "tail": "always", "average": "folders"},
    ),
    "videoinr-2022": ("videoinr-2022.2-1e09c75d", VIDEOINR),
    "videoinr-2022-centre": ("videoinr-2022-centre.2-a13849af", {**VIDEOINR, "frames": "centre"}),
    "videoinr-2022-bicubic": ("videoinr-2022-bicubic.2-d38706c5", {**VIDEOINR, "degradation": "bicubic"}),
    "videoinr-2022-bicubic-centre": (
        "videoinr-2022-bicubic-centre.2-63b47296",
        {**VIDEOINR, "degradation": "bicubic", "frames": "centre"},
    ),
    "basicvsr-2021": ("basicvsr-2021.1-710dc3bd", BASICVSR),
    "basicvsr-2021-bd": ("basicvsr-2021-bd.1-4389c8a5", {**BASICVSR, "degradation": "bd-2021"}),
}


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_every_field_and_the_key_of_a_published_protocol_stay(name):
    key, wanted = PINNED[name]
    protocol = protocols.get(name)
    assert {"name": name, **wanted} == {field: value for field, value in asdict(protocol).items() if field != "source"}
    assert protocol.key == key


@pytest.mark.parametrize(
    ("field", "value"),
    [("crop", 4), ("tail", "drop"), ("round_8bit", False), ("degradation", "bd-2021"), ("degradation", "bd-stdan"),
     ("version", 2)],
)  # fmt: skip
def test_any_change_of_procedure_changes_the_key(field, value):
    suite = protocols.get("suite-1")
    assert replace(suite, **{field: value}).key != suite.key


def test_a_protocol_with_the_old_name_of_a_degradation_is_the_same_protocol():
    # the keys of rows that were measured while `bd` was its name
    for base, key, restoring in (
        ("suite-1", "suite-1.1-116d0658", "c6571c125502"),
        ("stdan-2023", "stdan-2023.1-6cfb5af7", "09066418f7d8"),
    ):
        old, new = (replace(protocols.get(base), degradation=name) for name in ("bd", "bd-stdan"))
        assert old == new and old.degradation == "bd-stdan"
        assert (new.key, protocols.restoring_key(new)) == (key, restoring)
        meant = replace(new, degradation="bd-2021")
        assert meant.key != key and protocols.restoring_key(meant) != restoring
    with pytest.raises(ValueError, match="bd-2021"):
        replace(protocols.get("suite-1"), degradation="bd-2020")


def test_a_better_description_does_not_change_the_key():
    suite = protocols.get("suite-1")
    assert replace(suite, source="other words").key == suite.key


def test_scoring_differences_share_one_restoration_and_restoring_ones_do_not():
    centre, average = protocols.get("videoinr-2022-centre"), protocols.get("videoinr-2022")
    assert protocols.restoring_key(centre) == protocols.restoring_key(average)
    assert protocols.restoring_key(protocols.get("zsm-2020")) != protocols.restoring_key(protocols.get("stdan-2023"))


def test_every_field_belongs_to_one_half():
    suite = protocols.get("suite-1")
    scoring = {"lists", "frames", "round_8bit", "clip", "channel", "crop", "inf_policy", "average"}
    later = replace(suite, overlap="last", lr_8bit=False, hr_crop=(8, 8))
    assert {f.name for f in fields(EvalProtocol)} == set(later.restoring) | scoring | {"name", "version", "source"}


@pytest.mark.parametrize(("field", "value"), [("overlap", "last"), ("lr_8bit", False), ("hr_crop", (8, 8))])
def test_a_later_field_is_in_the_keys_only_where_it_is_not_its_default(field, value):
    suite = protocols.get("suite-1")
    changed = replace(suite, **{field: value})
    assert changed.key != suite.key and protocols.restoring_key(changed) != protocols.restoring_key(suite)
    assert replace(suite, clip=False).key != suite.key  # a scoring field
    assert protocols.restoring_key(replace(suite, clip=False)) == protocols.restoring_key(suite)


@pytest.mark.parametrize(("typed", "name", "scale", "time_scale", "window"), [
    ("suite-1:scale=5/2:time_scale=4", "suite-1-x5_2-t4", "5/2", 4, 13),
    ("suite-1:time_scale=4:scale=2.5", "suite-1-x5_2-t4", "5/2", 4, 13),
    ("suite-1:scale=8/2", "suite-1", 4, 2, 7),
    ("suite-1:scale=2:time_scale=8", "suite-1-x2-t8", 2, 8, 25),
    ("suite-1:time_scale=1", "suite-1-x4-t1", 4, 1, 7),
    ("suite-1:scale=1", "suite-1-x1-t2", 1, 2, 7),
    ("videoinr-2022:scale=6:time_scale=12", "videoinr-2022-x6-t12", 6, 12, 13),
    ("videoinr-2022:time_scale=9", "videoinr-2022-x4-t9", 4, 9, 10),
    ("tmnet-2021-multi:scale=2", "tmnet-2021-multi-x2-t6", 2, 6, 7),
    ("basicvsr-2021:time_scale=2", "basicvsr-2021-x4-t2", 4, 2, 0),
    ("suite-1:time_scale=128", "suite-1-x4-t128", 4, 128, 385),
])  # fmt: skip
def test_a_member_of_a_family_is_one_value_however_it_is_typed(typed, name, scale, time_scale, window):
    protocol = protocols.get(typed)
    assert (protocol.name, protocol.scale, protocol.time_scale, protocol.window) == (name, scale, time_scale, window)
    assert protocols.get(protocol.name) == protocol  # rows hold the name alone
    base = protocols.get(typed.split(":")[0])
    assert (protocol.key == base.key) == (protocol == base)


def test_the_continuous_family_makes_its_low_resolution_as_its_scripts_do():
    table = [protocols.get(f"videoinr-2022{of}") for of in ("", ":time_scale=2", "-centre")]
    assert {(of.degradation, of.lr_8bit, of.hr_crop) for of in table} == {("pil", True, None)}
    other = [protocols.get(f"videoinr-2022:scale={s}:time_scale={t}") for s in (4, 6, 12) for t in (6, 12, 16)]
    assert {(of.degradation, of.lr_8bit, of.hr_crop) for of in other} == {("bicubic", False, (720, 1248))}
    assert all(720 % of.scale == 1248 % of.scale == 0 for of in other)


@pytest.mark.parametrize(("typed", "why"), [
    ("suite-1:scale=0", "from 1 to 64"),
    ("suite-1:scale=nan", "is not a number"),
    ("suite-1:scale=1/0", "is not a number"),
    ("suite-1:scale=x4", "is not a number"),
    ("suite-1:scale=3.14159", "write a fraction such as 22/7"),
    ("suite-1:scale=-4", "from 1 to 64"),
    ("suite-1:time_scale=0", "not a whole number from 1"),
    ("suite-1:time_scale=2.5", "not a whole number from 1"),
    ("suite-1:time_scale=129", "not a whole number from 1 to 128"),
    ("suite-1:scale", "write NAME:scale=S"),
    ("suite-1:window=9", "write NAME:scale=S"),
    ("suite-1:scale=2:scale=3", "write NAME:scale=S"),
    ("videoinr-2022:time_scale=1", "need frames between"),
    ("videoinr-2022-centre:time_scale=9", "has no centre"),
    ("basicvsr-2021-bd:scale=2", "bd-2021 has no other scale"),
    ("basicvsr-2021-bd:scale=8", "bd-2021 has no other scale"),
    ("suite-2:scale=2", "suite-1"),
])  # fmt: skip
def test_a_scale_or_time_that_cannot_be_is_refused_in_one_sentence(typed, why):
    with pytest.raises(UsageError, match=why) as caught:
        protocols.get(typed)
    assert "\n" not in str(caught.value)
    assert protocols.known(typed) is None


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'stdan-2023'"):
        protocols.get("stdan-2022")


def test_a_midpoint_method_is_refused_where_more_times_are_wanted():
    with pytest.raises(UsageError, match="only the midpoint"):
        protocols.check(CARD, protocols.get("videoinr-2022"))
    for time_scale in (3, 4):
        with pytest.raises(UsageError, match=f"wants {time_scale - 1} frames in each gap"):
            protocols.check(CARD, protocols.get(f"suite-1:time_scale={time_scale}"))
    protocols.check(CARD, protocols.get("suite-1"))
    protocols.check(replace(CARD, time="any"), protocols.get("videoinr-2022"))


def test_half_a_method_is_told_which_partner_it_needs():
    with pytest.raises(UsageError, match=r"blend\+net"):
        protocols.check(replace(CARD, kind="sr"), protocols.get("suite-1"))
    with pytest.raises(UsageError, match=r"net\+bicubic"):
        protocols.check(replace(CARD, kind="vfi"), protocols.get("suite-1"))


def test_what_a_method_can_do_decides_on_the_plane():
    sr, vfi = replace(CARD, kind="sr"), replace(CARD, kind="vfi", scale=1, time="any")
    anywhere = replace(CARD, scale=[1, 16], time="any", frames_in=(2, 2))
    protocols.check(sr, protocols.get("basicvsr-2021"))
    protocols.check(vfi, protocols.get("suite-1:scale=1:time_scale=8"))
    protocols.check(anywhere, protocols.get("suite-1:scale=5/2:time_scale=8"))
    for card, name, why in (
        (CARD, "basicvsr-2021", "makes frames between"),
        (sr, "suite-1:scale=2:time_scale=1", "makes x4"),
        (vfi, "basicvsr-2021", "only interpolates"),
        (anywhere, "suite-1:scale=17", "makes x1 to x16"),
        (anywhere, "suite-1:scale=1:time_scale=1", "nothing to do"),
        (replace(anywhere, frames_in=(1, 1)), "suite-1", "one frame at a time"),
    ):
        with pytest.raises(UsageError, match=why):
            protocols.check(card, protocols.get(name))


def test_the_grid_makes_whole_pixels_and_what_the_output_must_be_a_multiple_of():
    card = replace(CARD, scale=[1, 16], multiple_of=4, hr_multiple_of=8)
    for name in ("suite-1:scale=5/2", "suite-1:scale=4/3", "suite-1", "suite-1:scale=7", "suite-1:scale=12"):
        protocol = protocols.get(name)
        grid = protocols.grid(card, protocol)
        fits = [side for side in range(1, 200) if side % 4 == 0 and (side * protocol.ratio) % 8 == 0]
        assert fits == [side for side in range(1, 200) if side % grid == 0]


@pytest.mark.parametrize("scale", [[16, 1], [1], [1, 2, 3], [0, 4], ["x", 4]])
def test_a_card_s_range_of_scales_is_two_numbers(scale):
    with pytest.raises(ValueError, match="scale"):
        replace(CARD, scale=scale)


def test_another_scale_is_refused():
    with pytest.raises(UsageError, match="makes x2"):
        protocols.check(replace(CARD, scale=2), protocols.get("suite-1"))


@pytest.mark.parametrize(("name", "said"), [
    ("suite-1", ""),
    ("stdan-2023", ""),
    ("basicvsr-2021", "x4 in space, no frames between"),
    ("videoinr-2022", "x4 in space, x8 in time"),
    ("suite-1:scale=5/2", "x5/2 in space, x2 in time"),
    ("suite-1:scale=1:time_scale=3", "frames keep their size, x3 in time"),
    ("of another version", ""),
])  # fmt: skip
def test_a_title_names_the_task_where_it_is_not_the_usual_one(name, said):
    assert protocols.words(name) == said


@pytest.mark.parametrize(("name", "family"), [
    ("suite-1", "suite-1"),
    ("suite-1:scale=5/2:time_scale=4", "suite-1"),
    ("suite-1-x5_2-t4", "suite-1"),
    ("tmnet-2021-multi-x2-t6", "tmnet-2021-multi"),
    ("videoinr-2022-bicubic-centre:time_scale=4", "videoinr-2022-bicubic-centre"),
])  # fmt: skip
def test_a_member_knows_its_family(name, family):
    assert protocols.family(name) == family
    assert protocols.consecutive(protocols.get(name)) == family.startswith("videoinr")


def test_a_joined_method_is_told_its_own_upscaler_where_no_frames_are_wanted_between():
    for name, partner in (("net", "bicubic"), ("dis+span", "span")):
        with pytest.raises(UsageError, match=f"e.g. {partner}$"):
            protocols.check(replace(CARD, name=name), protocols.get("basicvsr-2021"))
