"""A machine's identity tells code paths apart, and nothing that computes no number."""

import json
import os
import subprocess
import sys

import pytest

from stvsr_bench import environment

SHOW = (
    "import json; from stvsr_bench import environment as e; m = e.machine(); "
    "print(json.dumps([e.machine_id(m), e.runtime_id(m), m]))"
)


def seen(code=SHOW, **variables):
    """What another process says of this machine."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_identity_is_the_same_in_every_process_whatever_is_loaded_and_however_many_threads():
    with_more = "import scipy.linalg, pandas, cv2"
    first = seen(OMP_NUM_THREADS="1")
    second = seen(f"{with_more}; {SHOW}", OMP_NUM_THREADS="2")
    assert first[:2] == second[:2] and all(first[:2])
    assert (first[2]["threads_variable"], second[2]["threads_variable"]) == ("1", "2")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ATEN_CPU_CAPABILITY", "default"),
        ("OPENCV_IPP", "disabled"),
        ("ONEDNN_MAX_CPU_ISA", "SSE41"),
        ("MKL_CBWR", "COMPATIBLE"),
        ("NUMBA_CPU_NAME", "generic"),
    ],
)
def test_another_code_path_is_another_machine(variable, value, monkeypatch):
    before = environment.machine()
    monkeypatch.setenv(variable, value)
    assert environment.machine_id(environment.machine()) != environment.machine_id(before)


def test_the_facts_name_the_code_that_each_library_takes():
    facts = environment.machine()
    paths = facts["code_paths"]
    assert paths["torch"] and paths["opencv"] and paths["blas"]
    assert facts["cpu"] and facts["host"] and facts["cores"] == os.cpu_count()


def test_two_processors_of_one_name_are_told_apart_by_their_features():
    facts = environment.machine()
    wider = {**facts, "code_paths": {**facts["code_paths"], "torch": f"not {facts['code_paths']['torch']}"}}
    older = {**facts, "cpu_model": f"not {facts['cpu_model']}"}
    assert len({environment.machine_id(one) for one in (facts, wider, older)}) == 3


def test_clocks_temperatures_threads_and_host_move_no_number():
    facts = environment.machine()
    busy = {**facts, "gpu_state": {"before": {"celsius": 40.0}}, "threads": 7, "threads_variable": "9", "host": "b"}
    assert environment.machine_id(busy) == environment.machine_id(facts)
    hot = {**facts, "gpu_state": {"before": {"celsius": 90.0}}, "threads": 2}
    assert environment.runtime_id(hot) == environment.runtime_id(facts), "a profile stays one line of its table"
    assert environment.runtime_id({**facts, "host": "b"}) != environment.runtime_id(facts)


def test_facts_of_an_earlier_suite_identify_no_machine():
    assert environment.machine_id({"cpu": "AMD EPYC", "cores": 2}) == ""
    assert environment.runtime_id({"cpu": "AMD EPYC", "cores": 2}) == ""
