"""Specs profiled in place of those written, and the quality that stands beside a cost."""

import pytest

from stvsr_bench import methods
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


def row(method, clip, psnr, weights="mini", untrained=False):
    return Row(
        key=f"{method}{clip}{weights}", method=method, weights=weights, dataset="d", split="s", clip=clip,
        protocol="suite-1", protocol_key="k", restoring_key="r", frames=[0, 1], given=[True, False],
        values={"psnr_y": psnr}, size=(8, 8), untrained=untrained, params=0, seconds={}, suite="", env="",
    )  # fmt: skip


LINES = [{"method": "a", "n": 1}, {"method": "b", "n": 2}]


def test_quality_is_the_mean_over_clips_that_all_variants_have():
    rows = [row("a", "1", [30.0, 20.0]), row("b", "1", [31.0, 21.0]), row("a", "2", [90.0, 90.0])]
    assert variants.beside(LINES, rows) == [
        {"method": "a", "n": 1, "psnr_y": 25.0, "psnr_clips": 1},
        {"method": "b", "n": 2, "psnr_y": 26.0, "psnr_clips": 1},
    ]


def test_untrained_rows_and_rows_of_other_weights_say_nothing_of_quality(tmp_path):
    assert variants.beside(LINES, [row("a", "1", [30.0] * 2), row("b", "1", [30.0] * 2, untrained=True)]) == LINES
    assert variants.beside(LINES, [row("a", "1", [30.0] * 2), row("b", "1", [30.0] * 2, weights="x")]) == LINES
    assert variants.with_quality(LINES, None) == variants.with_quality(LINES, tmp_path / "no run") == LINES
