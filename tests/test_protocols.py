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
    "channel": "y", "crop": 0, "inf_policy": "exclude", "average": "clips",
}  # fmt: skip
ZSM = {**SUITE, "tail": "drop", "pad_multiple": 4, "inf_policy": "keep"}
VIDEOINR = {**ZSM, "time_scale": 8, "window": 9, "round_8bit": False, "frames": "all-but-last"}
# what each paper's script does, as docs/protocols.md tells it; the keys stand in rows that people have
PINNED = {
    "suite-1": ("suite-1.1-7b42b8dd", SUITE),
    "stdan-2023": ("stdan-2023.1-875a5d16", {**ZSM, "tail": "always", "pad_multiple": 8, "lists": "stdan"}),
    "zsm-2020": ("zsm-2020.1-b6956610", ZSM),
    "tmnet-2021": ("tmnet-2021.1-5f9960a5", {**ZSM, "tail": "long"}),
    "tmnet-2021-multi": ("tmnet-2021-multi.1-59485a35", {**ZSM, "tail": "always", "time_scale": 6}),
    "rstt-2022": ("rstt-2022.1-ec1cc6d6", {**ZSM, "tail": "always", "average": "folders"}),
    "videoinr-2022": ("videoinr-2022.1-54bd6e8f", VIDEOINR),
    "videoinr-2022-centre": ("videoinr-2022-centre.1-ba07ade8", {**VIDEOINR, "frames": "centre"}),
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
    scoring = {"lists", "frames", "round_8bit", "channel", "crop", "inf_policy", "average"}
    assert {f.name for f in fields(EvalProtocol)} == set(suite.restoring) | scoring | {"name", "version", "source"}


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'stdan-2023'"):
        protocols.get("stdan-2022")


def test_a_midpoint_method_is_refused_where_more_times_are_wanted():
    with pytest.raises(UsageError, match="only the midpoint"):
        protocols.check(CARD, protocols.get("videoinr-2022"))
    protocols.check(replace(CARD, time="any"), protocols.get("videoinr-2022"))


def test_half_a_method_is_told_which_partner_it_needs():
    with pytest.raises(UsageError, match=r"blend\+net"):
        protocols.check(replace(CARD, kind="sr"), protocols.get("suite-1"))
    with pytest.raises(UsageError, match=r"net\+bicubic"):
        protocols.check(replace(CARD, kind="vfi"), protocols.get("suite-1"))


def test_another_scale_is_refused():
    with pytest.raises(UsageError, match="makes x2"):
        protocols.check(replace(CARD, scale=2), protocols.get("suite-1"))
