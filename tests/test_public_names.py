"""Names that other people's code imports: the Python API, entry points, what plug-ins and process methods see."""

import importlib
import inspect
import subprocess
import sys

import pytest

# what docs/api.md, methods/README.md, docs/add-dataset.md and pyproject.toml tell people to import
NAMES = [
    ("stvsr_bench", "run method build compare __version__"),
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


def test_the_function_of_the_api_takes_the_options_of_the_verb():
    """The first eight by place, as in 0.1.0; what the command line says of its own output is not among them."""
    from stvsr_bench import run
    from stvsr_bench.cli.run import run as verb

    mine = inspect.signature(run).parameters
    assert list(mine)[:8] == ["methods", "dataset", "split", "protocol", "limit", "out", "jobs", "root"]
    printing = {"context", "from_", "weights", "dry_run", "as_json"}
    theirs = inspect.signature(verb).parameters.keys() - printing
    assert {name.rstrip("_") for name in theirs} == set(mine)
    for name, option in inspect.signature(verb).parameters.items():
        if name in mine and option.default not in ("", None):
            assert str(mine[name].default) == str(option.default), name


def test_completion_shows_the_public_names_only():
    import stvsr_bench

    assert dir(stvsr_bench) == ["__version__", "build", "compare", "method", "run"]


def test_the_package_alone_loads_no_torch():
    code = "import sys, stvsr_bench; dir(stvsr_bench); stvsr_bench.compare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
