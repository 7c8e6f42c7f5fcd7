from pathlib import Path

from stvsr_bench.inspection import doctor
from stvsr_bench.schema import Method, MethodCard


class Raises:
    def __call__(self, lr_BTChw, times=None):
        return lr_BTChw.no_such_thing


class RaisesInside:
    def __call__(self, lr_BTChw, times=None):
        return lr_BTChw.view(7, -1, 11)


def findings(net):
    card = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False)
    return list(doctor.examine(Method(spec="toy", card=card, net=net)))


def test_a_method_that_raises_fails_the_check_with_the_line_where():
    line = next(i for i, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "no_such_thing" in text)
    (first, *others) = findings(Raises())
    assert first.verdict == "fail"
    assert f"raised AttributeError at {Path(__file__).name}:{line}: " in first.seen
    assert len(others) == len(doctor.CHECKS) - 1


def test_the_line_is_of_the_method_not_of_a_package_below_it():
    assert f"raised RuntimeError at {Path(__file__).name}:" in findings(RaisesInside())[0].seen
