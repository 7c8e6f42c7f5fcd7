"""The same numbers on every processor: processes that take the code of older ones compute the same.

`.ci/run` runs the whole gate under every setting (`make gate-everywhere`); this holds three of them to the tolerances.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from stvsr_bench import methods
from stvsr_bench.rows import tolerances

ROOT = Path(__file__).parents[2]


def _load():
    folder = ROOT / "tests" / "benchmarks"
    spec = importlib.util.spec_from_file_location("portability", folder / "portability.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["portability"] = module
    sys.path.insert(0, str(folder))  # the script imports its neighbour
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


portability = _load()
EXACT, NETWORK = ["blend+bicubic", "dis+bicubic"], "stdan@mini"
CLIPS, ROWS = [("mini", "fast", 1), ("mini", "medium", 2)], 96
OLDER = {  # all at once, but for numba, whose kernels would have to be compiled again
    name: value for name, value in portability.SETTINGS["all of these"].items() if name != "NUMBA_CPU_NAME"
}
SETTINGS = {
    "Intel IPP of older processors": portability.SETTINGS["OPENCV_IPP=sse42"],
    "OpenCV of older processors": portability.SETTINGS["OPENCV_CPU_DISABLE"],
    "everything of older processors": OLDER,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What processes under each setting compute, and one without any."""
    home = tmp_path_factory.mktemp("homes")
    return {
        name: portability.run_under(setting, [*EXACT, NETWORK], CLIPS, home / str(number), ROWS)
        for number, (name, setting) in enumerate({"none": {}, **SETTINGS}.items())
    }


@pytest.mark.parametrize("setting", SETTINGS)
def test_data_degradations_flows_and_metrics_are_equal_to_the_bit(found, setting):
    moved = {
        place: (value, found[setting]["places"][place])
        for place, value in found["none"]["places"].items()
        if place != portability.ENLARGED and found[setting]["places"][place] != value
    }
    assert moved == {}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("spec", EXACT)
def test_methods_without_a_network_give_equal_values_to_the_bit(found, setting, spec):
    assert found[setting]["rows"][spec] == found["none"]["rows"][spec]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_network_stays_within_the_tolerances_of_the_gate_and_of_verify(found, setting):
    for line in portability.worst(found["none"], {setting: found[setting]}):
        if line["method"] == NETWORK:
            assert line["worst clip"] <= tolerances.OTHER_CODE[line["metric"]]
            assert line["metric"] != "psnr_y" or line["worst frame"] <= tolerances.OTHER_CODE_FRAME_DB


def test_the_settings_do_change_what_is_computed(found):
    """Else nothing above could fail: without our context OpenCV enlarges otherwise, and the network moves."""
    other = found["everything of older processors"]
    assert other["places"][portability.ENLARGED] != found["none"]["places"][portability.ENLARGED]
    assert other["rows"][NETWORK] != found["none"]["rows"][NETWORK]


def test_every_method_that_calls_itself_bit_exact_is_measured_so():
    claimed = {name for name in methods.names() if methods.card(name).bit_exact}
    measured = {part for spec in portability.METHODS for part in spec.partition("@")[0].split("+")}
    assert claimed == {"bicubic", "blend", "dis"} <= measured
    assert methods.resolve("dis+bicubic").card.bit_exact and not methods.resolve("rife@none+bicubic").card.bit_exact


def _measured_page():
    """The lines (method, metric, worst frame, worst clip, worst under) of docs/measured.md."""
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    line = r"^\| (\S+) +\| (psnr_y|ssim_y|psnr_rgb|ssim_rgb) +\| ([\d.e+-]+) +\| ([\d.e+-]+) +\| (.+?) +\|$"
    return [(m[1], m[2], float(m[3]), float(m[4]), m[5]) for m in re.finditer(line, page, re.MULTILINE)]


def test_the_tolerances_follow_from_what_was_measured():
    lines = _measured_page()
    networks = [line for line in lines if "@" in line[0] or "rife" in line[0] or "span" in line[0]]
    assert {"stdan@mini", "zsm@mini", "tmnet@mini"} <= {line[0] for line in networks}
    for metric, limit in tolerances.OTHER_CODE.items():
        worst_clip = max(line[3] for line in networks if line[1] == metric)
        assert 10 * worst_clip <= limit <= 20 * worst_clip, metric
    worst_frame = max(line[2] for line in networks if line[1] == "psnr_y")
    assert 10 * worst_frame <= tolerances.OTHER_CODE_FRAME_DB <= 20 * worst_frame
    for method, metric, frame, clip, under in lines:
        if (method, metric, frame, clip, under) not in networks:
            limit = tolerances.OTHER_KERNELS[metric] if under == "without numba" else 0
            assert clip <= frame <= limit, f"{method} {metric} moved under {under}"
