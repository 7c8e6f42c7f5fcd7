"""Specs profiled in place of those written, and the quality that stands beside a cost."""

import json
import math
from dataclasses import replace

import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.profiling import variants
from stvsr_bench.schema import Row


@pytest.fixture
def no_weights(monkeypatch):
    """A machine on which the weights of span are not installed."""
    resolve = methods.resolve

    def lacking(spec):
        if spec.startswith("span") and not spec.endswith("@none"):
            raise WeightsError(f"{spec}: its weights are not here")
        return resolve(spec)

    monkeypatch.setattr(methods, "resolve", lacking)


def test_only_the_part_without_weights_is_taken_untrained(no_weights):
    assert variants.without_weights("dis+span") == "dis+span@none"
    assert variants.without_weights("dis+bicubic") == "dis+bicubic"


def test_weights_that_are_named_are_never_replaced(no_weights):
    with pytest.raises(WeightsError):
        variants.without_weights("dis+span@authors")


def test_the_points_kept_replace_those_written_and_other_options_and_weights_stay():
    assert variants.top_t_variants("stdan:top_t=3:kernel=5@none") == [
        f"stdan:kernel=5:top_t={t}@none" for t in variants.TOP_T
    ]


@pytest.mark.parametrize("spec", ["zsm@none", "blend+bicubic"])
def test_a_method_without_points_has_no_variants(spec):
    with pytest.raises(UsageError, match="has no option top_t"):
        variants.top_t_variants(spec)


SUITE = protocols.get("suite-1")


def row(method, clip, psnr, weights="mini", untrained=False, protocol=SUITE, **changes):
    fields = {
        "key": f"{method}{clip}{weights}",
        "made": {"method": "m"},
        "method": method,
        "weights": weights,
        "dataset": "d",
        "split": "s",
        "clip": clip,
        "protocol": protocol.name,
        "protocol_key": protocol.key,
        "restoring_key": "r",
        "frames": list(range(len(psnr))),
        "given": [index % 2 == 0 for index in range(len(psnr))],
        "values": {"psnr_y": psnr},
        "size": (8, 8),
        "untrained": untrained,
    }
    return Row(**{**fields, **changes})


LINES = [{"method": "a", "n": 1}, {"method": "a:top_t=1", "n": 2}]


def quality(rows, lines=LINES):
    """By method: {(data set, weights): (mean, clips)}."""
    found = variants.beside(lines, rows)
    return {
        line["method"]: {(of["dataset"], of["weights"]): (of["psnr_y"], of["clips"]) for of in line.get("quality", [])}
        for line in found
    }


def test_quality_is_the_mean_over_clips_that_all_variants_have():
    rows = [row("a", "1", [30.0, 20.0]), row("a:top_t=1", "1", [31.0, 21.0]), row("a", "2", [90.0, 90.0])]
    assert quality(rows) == {"a": {("d", "mini"): (25.0, 1)}, "a:top_t=1": {("d", "mini"): (26.0, 1)}}


def test_protocols_data_sets_and_weights_are_never_pooled():
    both = ("a", "a:top_t=1")
    rows = [row(name, "1", [30.0] * 2) for name in both]
    rows += [row(name, "1", [25.0] * 2, protocol=protocols.get("zsm-2020")) for name in both]
    rows += [row(name, "1", [40.0] * 2, dataset="e") for name in both]
    rows += [row(name, "1", [50.0] * 2, weights="best.pth", weights_sha256="f" * 64) for name in both]
    wanted = {("d", "mini"): (30.0, 1), ("e", "mini"): (40.0, 1), ("d", "best.pth"): (50.0, 1)}
    assert quality(rows) == dict.fromkeys(both, wanted)
    # a line that names its weights stands beside them alone
    named = [{"method": name, "weights": "mini"} for name in both]
    assert quality(rows, named)["a"] == {("d", "mini"): (30.0, 1), ("e", "mini"): (40.0, 1)}


def test_two_files_of_one_tag_are_two_and_a_net_is_compared_with_itself_alone():
    rows = [
        row("a", "1", [30.0] * 2, weights_sha256="a" * 64),
        row("a:top_t=1", "1", [40.0] * 2, weights_sha256="b" * 64),
    ]
    assert quality(rows) == {"a": {}, "a:top_t=1": {}}


def test_another_protocol_is_taken_where_the_suite_s_own_was_not_measured_and_named():
    rows = [row(name, "1", [25.0] * 2, protocol=protocols.get("zsm-2020")) for name in ("a", "a:top_t=1")]
    (first, _) = variants.beside(LINES, rows)
    assert [(of["protocol"], of["psnr_y"]) for of in first["quality"]] == [("zsm-2020", 25.0)]


def test_infinite_frames_are_left_out_for_all_variants_and_kept_ones_are_no_number():
    rows = [row("a", "1", [math.inf, 20.0, 40.0]), row("a:top_t=1", "1", [90.0, 22.0, 30.0])]
    assert quality(rows) == {"a": {("d", "mini"): (30.0, 1)}, "a:top_t=1": {("d", "mini"): (26.0, 1)}}
    exact = [row(name, "1", [math.inf] * 2) for name in ("a", "a:top_t=1")]
    assert quality(exact) == {"a": {}, "a:top_t=1": {}}
    kept = [replace(of, protocol="zsm-2020", protocol_key="z") for of in exact]
    assert quality(kept)["a"] == {("d", "mini"): (None, 1)}
    json.dumps(variants.beside(LINES, kept), allow_nan=False)


def test_frames_whose_truth_is_flat_are_left_out():
    rows = [row("a", "1", [90.0, 20.0, 40.0], flags=["flat:0"]), row("a:top_t=1", "1", [80.0, 22.0, 30.0])]
    assert quality(rows)["a"] == {("d", "mini"): (30.0, 1)}


def test_untrained_rows_and_rows_of_other_weights_say_nothing_of_quality(tmp_path):
    other = "a:top_t=1"
    assert variants.beside(LINES, [row("a", "1", [30.0] * 2), row(other, "1", [30.0] * 2, untrained=True)]) == LINES
    assert variants.beside(LINES, [row("a", "1", [30.0] * 2), row(other, "1", [30.0] * 2, weights="x")]) == LINES
    assert variants.with_quality(LINES, None) == variants.with_quality(LINES, tmp_path / "no run") == LINES


def test_variants_of_two_methods_do_not_have_to_share_clips():
    lines = [*LINES, {"method": "b", "n": 3}]
    rows = [row("a", "1", [30.0] * 2), row("a:top_t=1", "1", [31.0] * 2), row("b", "2", [32.0] * 2)]
    assert quality(rows, lines)["a"] == {("d", "mini"): (30.0, 1)}
    assert quality(rows, lines)["b"] == {("d", "mini"): (32.0, 1)}


def test_the_paper_s_order_is_the_plain_engine_of_methods_that_have_a_fast_one():
    assert variants.plain_order("stdan:top_t=1@none") == "stdan:top_t=1:engine=plain@none"
    assert variants.plain_order("zsm:engine=fast@none") == "zsm:engine=plain@none"
    assert variants.plain_order("zsm:engine=plain@none") is None
    assert variants.plain_order("blend+bicubic") is None
