"""The plane and the time response on the page, and which frames of a clip were given, clip by clip."""

import base64

import numpy as np
import pytest

from stvsr_bench import protocols


def unpacked(packed):
    width = {2: "<i2", 4: "<i4"}[packed["w"]]
    return np.frombuffer(base64.b64decode(packed["b"]), dtype=width) / 10 ** packed["d"]


@pytest.fixture
def tails(row, write, tmp_path):
    """A run under stdan-2023: a clip of 9 frames and, first by name, one of 10, where the last window begins at 3."""
    given = {"long": [0, 2, 4, 6, 7, 9], "short": [0, 2, 4, 6, 8]}
    rows = []
    for clip, length in (("long", 10), ("short", 9)):
        psnr = [30.0 + index for index in range(length)]
        at = {"frames": list(range(length)), "given": [index in given[clip] for index in range(length)]}
        rows.append(row("a", "", "vid4", "test", clip, psnr, protocol="stdan-2023", **at))
    return write(tmp_path / "runs" / "tails", rows), rows


def test_every_clip_has_its_own_frames_and_input_frames(tails, tmp_path, document_of, written_page):
    run, rows = tails
    (split,) = document_of(written_page(run, tmp_path / "report"))["protocols"][0]["splits"]
    assert split["clips"] == ["long", "short"]
    for at, one in zip(unpacked(split["layout"]).astype(int), rows, strict=True):
        assert split["layouts"][at] == {"frames": one.frames, "given": one.given}
    (values,) = split["curves"]["psnr_y"]
    of_clips = unpacked(values).reshape(2, 10)
    assert of_clips[0].tolist() == rows[0].values["psnr_y"]
    assert of_clips[1, :9].tolist() == rows[1].values["psnr_y"]


@pytest.mark.browser
def test_the_frame_of_a_short_clip_is_called_what_it_is(browser, tails, tmp_path, opened, no_errors, written_page):
    run, rows = tails
    page = written_page(run, tmp_path / "report")
    for one in rows:
        for index, given in list(zip(one.frames, one.given, strict=True))[6:]:  # the last windows begin at 2 and 3
            opened(browser, page, f"split=vid4/test&clip={one.clip}&t={index}")
            said = browser.execute_script("return document.getElementById('time-said').textContent")
            assert said == f"{index} ({'given' if given else 'between'})", (one.clip, index)
    script = """
        const [made] = Chart.getChart(document.querySelector('#curve canvas')).data.datasets;
        return made.data.map(({x, given}) => [x, given]);
    """
    assert browser.execute_script(script) == [list(of) for of in zip(rows[1].frames, rows[1].given, strict=True)]
    no_errors(browser)


def plane_rows(row):
    """Two methods at three points of the plane; `b` is 2, 3 and 1 dB better. The first has saved frames."""
    rows = []
    for protocol, psnr, gain in (("suite-1", 30.0, 2.0), ("suite-1:scale=2", 36.0, 3.0),
                                 ("suite-1:scale=5/2:time_scale=6", 24.0, 1.0)):  # fmt: skip
        every = protocols.get(protocol).time_scale
        frames = list(range(7))
        at = {"protocol": protocol, "frames": frames, "given": [index % every == 0 for index in frames]}
        for method, more in (("stdan", 0.0), ("b", gain)):
            psnrs = [psnr + more + index / 100 for index in frames]
            rows.append(row(method, "mini", "mini", "fast", "000", psnrs, **at))
    return rows


@pytest.fixture
def plane_page(row, write, tmp_path, save_frames, written_page):
    run = write(tmp_path / "runs" / "plane", plane_rows(row))
    save_frames(run, methods=("_hr", "stdan_mini"))
    return written_page(run, tmp_path / "report")


def texts_of(browser, table):
    """The texts of a table's body, row by row."""
    script = """
        const rows = [...document.querySelectorAll(arguments[0] + ' tbody tr')];
        return rows.map(row => [...row.children].map(cell => cell.textContent));
    """
    return browser.execute_script(script, table)


NAMED = """
    const all = (css) => [...document.querySelectorAll(css)];
    return all('#plane-section select, #response-section select').every(s => s.labels.length === 1)
        && all('#plane-table th, #response-table th').every(h => h.scope)
        && all('#plane-table caption, #response-table caption').length === 2;
"""


@pytest.mark.browser
def test_the_plane_shows_a_method_and_its_gain_and_a_number_leads_to_its_table(
    browser, plane_page, opened, until, no_errors
):
    opened(browser, plane_page)
    assert texts_of(browser, "#plane-table") == [["x6", "–", "25.03", "–"], ["x2", "39.03", "–", "32.03"]]
    caption = browser.find_element("css selector", "#plane-table caption").text
    assert caption == "PSNR-Y (dB) of b@mini, all frames: suite-1, mini fast"
    browser.find_element("id", "plane-b").send_keys("stdan")
    until(browser, "return location.hash.includes('pb=stdan')")
    assert texts_of(browser, "#plane-table") == [["x6", "–", "+1.00", "–"], ["x2", "+3.00", "–", "+2.00"]]
    # by keys alone: the number of x5/2 and x6 opens the table of its protocol
    button = browser.find_element("css selector", "#plane-table tbody tr:first-child td:nth-child(3) button")
    assert button.get_attribute("title") == "suite-1-x5_2-t6 on mini, n = 1"
    button.send_keys("\ue007")
    shown = "return document.getElementById('protocol').selectedOptions[0].textContent"
    until(browser, f"{shown} === 'suite-1-x5_2-t6: x5/2 in space, x6 in time'")
    assert browser.execute_script(NAMED), "every control and every head has its name"
    numbers = texts_of(browser, "#response-table")[0]
    assert numbers == ["b@mini", "25.03", "25.01", "25.02", "25.03", "25.04", "25.05"]
    no_errors(browser)


@pytest.mark.browser
def test_frames_of_one_protocol_are_not_shown_under_another(browser, plane_page, opened, until, no_errors):
    clip = "split=mini/fast&clip=000&a=truth&b=stdan%40mini"
    opened(browser, plane_page, clip)
    until(browser, "return document.getElementById('stage').dataset.painted === 'swipe truth stdan@mini 0'")
    opened(browser, plane_page, f"{clip}&p={protocols.get('suite-1:scale=2').key}")
    assert browser.execute_script("return document.getElementById('stage').hidden")
    assert browser.find_element("id", "no-frames").text.startswith(
        "The saved frames of this clip are those of suite-1; under suite-1-x2-t2"
    )
    no_errors(browser)


def test_a_page_without_a_plane_has_neither_section(run, row, write, tmp_path, document_of, written_page):
    shown = document_of(written_page(run, tmp_path / "report"))
    assert (shown["planes"], shown["responses"]) == ([], [])
    assert len(document_of(written_page(write(tmp_path / "r", plane_rows(row)), tmp_path / "out"))["planes"]) == 4
