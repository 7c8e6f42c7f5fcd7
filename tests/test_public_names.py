"""Names that other people's code imports: the Python API, entry points, what plug-ins and process methods see."""

import importlib
import inspect
import subprocess
import sys

import pytest

# what docs/api.md, methods/README.md, docs/add-dataset.md and pyproject.toml tell people to import
NAMES = [
    ("stvsr_bench", "run build compare __version__"),
    ("stvsr_bench.cli", "main"),
    ("stvsr_bench.pytest_plugin", "stvsr_bench"),
    ("stvsr_bench.errors", "BenchError CardError ClipError DataError NotRunnableError UsageError WeightsError"),
    ("stvsr_bench.schema", "Clip DatasetCard EvalProtocol Frames Method MethodCard Row"),
    ("stvsr_bench.opencv", "portable dis_flow"),
    ("stvsr_bench.nn", "deform pyramid resize interpolator compose keys upsample window_attention"),
    ("stvsr_bench.data", "cache frames lists motion readers sources synth video windows degrade"),
    ("stvsr_bench.data.readers", "Folders Septuplets Reader"),
    ("stvsr_bench.metrics", "METRICS psnr_y ssim_y"),
    ("stvsr_bench.restore", "restore"),
    ("stvsr_bench.protocols", "PROTOCOLS get"),
]


@pytest.mark.parametrize(("module", "names"), NAMES)
def test_what_people_import_is_there(module, names):
    for name in names.split():
        try:
            assert getattr(importlib.import_module(module), name) is not None
        except AttributeError:
            importlib.import_module(f"{module}.{name}")


def test_run_stays_a_function_whatever_was_imported_before():
    code = "import stvsr_bench, stvsr_bench.runner.execute, stvsr_bench.cli.run; print(callable(stvsr_bench.run))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_function_of_the_api_takes_what_its_page_says():
    from stvsr_bench import run

    assert list(inspect.signature(run).parameters) == [
        "methods", "dataset", "split", "protocol", "limit", "out", "jobs", "root",
    ]  # fmt: skip
