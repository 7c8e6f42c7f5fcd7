"""What the demonstration finds on a machine."""

from stvsr_bench import datasets, methods
from stvsr_bench.errors import NotRunnableError, WeightsError
from stvsr_bench.inspection import demo


def test_a_network_without_weights_takes_part_untrained(monkeypatch):
    monkeypatch.setattr(methods, "resolve", lambda spec: (_ for _ in ()).throw(WeightsError(f"{spec}: none here")))
    assert demo.with_weights_or_none("stdan") == "stdan@none"
    monkeypatch.undo()
    assert demo.with_weights_or_none("stdan") == "stdan"


def test_what_is_missing_is_left_out_and_named(monkeypatch):
    resolve = methods.resolve

    def no_rife(spec):
        if spec == "rife+span":
            raise WeightsError("no weights of rife")
        return resolve(spec)

    def nowhere(name, *args, **options):
        raise NotRunnableError(f"{name} is not installed")

    monkeypatch.setattr(methods, "resolve", no_rife)
    monkeypatch.setattr(datasets, "clips", nowhere)
    found = demo.available()
    assert found.methods[:2] == ("blend+bicubic", "dis+bicubic") and "rife+span" not in found.methods
    assert found.datasets == ("mini",)
    assert found.left_out[0].startswith("openclips is left out")
    assert found.left_out[1:] == ("rife+span is left out: no weights of rife",)
