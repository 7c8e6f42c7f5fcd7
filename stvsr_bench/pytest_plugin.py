"""A pytest fixture for other repositories: `stvsr_bench.assert_no_regression("baseline", "runs/ci")`."""

from pathlib import Path

import pytest

from stvsr_bench.errors import BenchError, printable


class Bench:
    """What a test asks of the suite."""

    @staticmethod
    def assert_no_regression(
        baseline: Path | str,
        run: Path | str = "runs/latest",
        tolerances: dict[str, float] | None = None,
        runtime: bool = True,
    ) -> None:
        """Fails the test with the gate's summary if quality dropped, costs changed, or nothing was measured.

        What cannot be judged (no run, an unknown metric) fails it with one sentence.
        """
        from stvsr_bench.rows import gate, gate_text

        try:
            judgement = gate.judge(Path(baseline), Path(run), tolerances, runtime)
        except BenchError as error:
            pytest.fail(f"stvsr-bench: error: {printable(str(error))}", pytrace=False)
        if not judgement.passed:
            pytest.fail(gate_text.markdown(judgement), pytrace=False)


@pytest.fixture
def stvsr_bench() -> Bench:
    """The suite's assertions."""
    return Bench()
