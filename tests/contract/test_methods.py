"""One contract for all methods: a new folder is tested the day it appears, by the checks of `stvsr-bench doctor`."""

import pytest

from stvsr_bench import methods
from stvsr_bench.errors import WeightsError
from stvsr_bench.inspection import doctor


def built(name):
    card = methods.card(name)
    try:
        return methods.build(f"{name}@none" if card.learned else name)
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=methods.names())
def method(request):
    return built(request.param)


@pytest.mark.parametrize("check", [name for name in doctor.CHECKS if name != "half precision"])
def test_the_method_keeps_the_contract(method, check):
    (finding,) = doctor.examine(method, only=(check,))
    assert finding.verdict != "fail", finding.seen


def test_our_methods_make_other_times_or_refuse_them(method):
    (finding,) = doctor.examine(method, only=("times",))
    assert finding.verdict in ("pass", "skip"), finding.seen


def test_no_method_is_broken():
    assert methods.problems() == {}


def test_every_card_says_what_a_table_needs():
    for name in methods.names():
        card = methods.card(name)
        assert card.title and card.licence, name
        assert card.learned == bool(card.weights) or name in ("zsm", "tmnet", "stdan"), name
