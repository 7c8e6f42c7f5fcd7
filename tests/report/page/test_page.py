"""The page in a real browser: opens without errors, sorts, filters, swipes, keeps its state in the address."""

import base64
import re

import pytest

from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.write import Output, load
from stvsr_bench.report.write import write as write_report

CANVAS = "const c = document.querySelector('#stage canvas');"
HOSTILE = '<img src=x onerror="window.broken=1"></script><script>window.broken=2</script>&amp; \u2028 {{7*7}}'


def methods_shown(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('#table tr[data-method]')].map(r => r.dataset.method)"
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory, build_run, save_frames, written_page):
    run = build_run(tmp_path_factory.mktemp("page"))
    save_frames(run)
    return written_page(run, run.parent / "report")


def test_the_page_is_one_file_that_needs_no_network(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)\s*=\s*"?(https?:)?//', text)
    assert page.stat().st_size < 5_000_000
    assert "default-src 'none'" in text


def test_frames_of_a_quality_are_smaller_and_the_page_says_so(
    page, run, tmp_path, document_of, save_frames, written_page
):
    save_frames(run)
    small = written_page(run, tmp_path / "report", quality=50)
    assert document_of(small)["quality"] == 50
    assert document_of(page)["quality"] == 0
    (one, *_) = sorted((small.parent / "frames").glob("*.js"))
    assert "data:image/webp;base64," in one.read_text()
    assert "data:image/png;base64," in (page.parent / "frames" / one.name).read_text()


def test_frames_of_an_earlier_report_do_not_stay_beside_a_later_one(run, tmp_path, save_frames, written_page):
    save_frames(run)
    folder = written_page(run, tmp_path / "report").parent
    assert len(list((folder / "frames").iterdir())) == 3
    written_page(run, folder, page_clips=0)
    assert list((folder / "frames").iterdir()) == []


def test_numbers_are_equal_in_every_format(run, tmp_path, document_of):
    tables, written = write_report(load([run]), tmp_path / "out", Options(), Output(style="ieee", figures=False))
    text = {
        name: (written.folder / name).read_text("utf-8") for name in ("table.md", "table.csv", "tex/main-suite-1.tex")
    }
    document = document_of(written.folder / "index.html")
    csv_shown = [line.split(",")[11] for line in text["table.csv"].splitlines()[1:]]
    page_shown = [
        cell["text"] for one in document["protocols"] for line in one["lines"] for cell in line["cells"] if cell["n"]
    ]
    assert page_shown == csv_shown
    for line in tables[0].of_frames("all").lines:
        for cell in line.cells:
            digits = f"{cell.value:.2f}" if cell.value > 1 else f"{cell.value:.4f}"
            assert digits in text["table.md"]
            assert digits in text["tex/main-suite-1.tex"]
            assert digits in page_shown


@pytest.mark.browser
def test_it_opens_without_a_console_error_and_shows_the_table(browser, page, opened, no_errors):
    opened(browser, page)
    assert methods_shown(browser) == ["blend+bicubic", "dis+bicubic", "stdan@mini", "zsm@none"]
    assert "untrained" in browser.find_element("css selector", "tr[data-method='zsm@none']").text
    no_errors(browser)


@pytest.mark.browser
def test_a_head_sorts_and_the_filter_filters(browser, page, opened, no_errors):
    opened(browser, page)
    browser.execute_script("[...document.querySelectorAll('#table thead tr:last-child button')][1].click()")
    assert methods_shown(browser) == ["zsm@none", "stdan@mini", "dis+bicubic", "blend+bicubic"]
    browser.find_element("id", "filter").send_keys("bicubic")
    assert methods_shown(browser) == ["dis+bicubic", "blend+bicubic"]
    no_errors(browser)


@pytest.mark.browser
def test_a_number_leads_to_its_clips_and_a_clip_to_its_frames(browser, page, opened, until, no_errors):
    opened(browser, page)
    browser.find_element("css selector", "tr[data-method='stdan@mini'] td:nth-child(2) button").click()
    assert browser.find_element("id", "clips-title").text == "Clips of mini fast"
    clip = browser.find_element("css selector", "#clips tr[data-clip='000'] button")
    browser.execute_script("arguments[0].click()", clip)
    until(browser, "return document.getElementById('stage').dataset.painted === 'swipe truth stdan@mini 0'")
    browser.find_element("tag name", "body").send_keys("\ue014")  # arrow right
    until(browser, "return document.getElementById('stage').dataset.painted === 'swipe truth stdan@mini 1'")
    no_errors(browser)


@pytest.mark.browser
def test_an_address_brings_back_the_view_and_swiping_moves_the_line(browser, page, opened, until, no_errors):
    opened(browser, page, "split=mini/fast&of=stdan@mini&clip=000&a=stdan%40mini&b=blend%2Bbicubic&t=3")
    until(browser, "return document.getElementById('stage').dataset.painted === 'swipe stdan@mini blend+bicubic 3'")
    pixel = f"{CANVAS} return [...c.getContext('2d').getImageData(Math.floor(c.width * 0.6), 2, 1, 1).data]"
    assert browser.execute_script(pixel)[:3] == [80, 80, 80]
    from selenium.webdriver import ActionChains

    stage = browser.find_element("id", "stage")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", stage)
    ActionChains(browser).move_to_element(stage).click_and_hold().move_by_offset(
        stage.size["width"] // 2 - 4, 0
    ).release().perform()
    until(browser, "return location.hash.includes('s=0.9')")
    assert browser.execute_script(pixel)[:3] == [40, 40, 40]
    no_errors(browser)


@pytest.mark.browser
@pytest.mark.parametrize("view", ["both", "a", "b", "difference", "error", "slice"])
def test_every_view_paints(browser, page, view, opened, until, no_errors):
    opened(browser, page, f"split=mini/fast&clip=000&a=stdan%40mini&b=blend%2Bbicubic&mode={view}")
    until(browser, f"return (document.getElementById('stage').dataset.painted || '').startsWith('{view} ')")
    script = f"{CANVAS} return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert browser.execute_script(script) > 1
    no_errors(browser)


def point_of(browser, chart, dataset, index):
    """Where a point of a chart lies in the window."""
    script = """
        const canvas = document.querySelector(arguments[0] + ' canvas');
        canvas.scrollIntoView({block: 'center'});
        const area = canvas.getBoundingClientRect();
        const at = Chart.getChart(canvas).getDatasetMeta(arguments[1]).data[arguments[2]].getCenterPoint();
        return [Math.round(area.left + at.x), Math.round(area.top + at.y)];
    """
    return browser.execute_script(script, chart, dataset, index)


@pytest.mark.browser
def test_a_point_of_a_chart_tells_its_value_and_leads_to_its_clip(browser, page, opened, until, no_errors, document_of):
    from selenium.webdriver.common.actions.action_builder import ActionBuilder

    opened(browser, page)
    across, down = point_of(browser, "#scatter", 0, 2)
    pointer = ActionBuilder(browser)
    pointer.pointer_action.move_to_location(across, down).click()
    pointer.perform()
    until(browser, "return location.hash.includes('clip=002')")
    assert browser.find_element("id", "viewer-title").text == "mini/fast/002"
    opened(browser, page)
    across, down = point_of(browser, "#pareto", 1, 0)
    pointer = ActionBuilder(browser)
    pointer.pointer_action.move_to_location(across, down)
    pointer.perform()
    shown = "return (Chart.getChart(document.querySelector('#pareto canvas')).tooltip.body || []).map(b => b.lines)"
    until(browser, shown)
    (protocol,) = document_of(page)["protocols"]
    (line,) = [line for line in protocol["lines"] if line["label"] == "stdan@mini"]
    columns = zip(line["cells"], protocol["columns"], strict=True)
    values = [cell["value"] for cell, of in columns if (of["metric"], of["frames"]) == ("psnr_y", "all")]
    name, quality, runtime = browser.execute_script(shown)[0]
    assert (name, runtime) == ("stdan@mini", "Runtime (ms/frame) 812.3")
    assert quality.startswith(f"PSNR-Y {sum(values) / 3:.2f} ± ")
    no_errors(browser)


@pytest.mark.browser
def test_the_front_leaves_out_untrained_methods(browser, page, opened):
    opened(browser, page, "cost=seconds")
    script = "return Chart.getChart(document.querySelector('#pareto canvas')).data.datasets.map(d => [d.label, d.data])"
    of = dict(browser.execute_script(script))
    assert "zsm@none (untrained)" in of
    assert of["zsm@none (untrained)"][0]["y"] not in {point["y"] for point in of["Pareto front"]}
    assert of["stdan@mini"][0]["half"] > 0


@pytest.mark.browser
def test_a_clip_without_frames_says_how_to_save_them(browser, page, opened, until, no_errors):
    opened(browser, page, "split=mini/slow&clip=001")
    until(browser, "return !document.getElementById('no-frames').hidden")
    assert "--save-frames all" in browser.find_element("id", "no-frames").text
    no_errors(browser)


@pytest.mark.browser
def test_frames_may_be_inside_the_page(browser, run, tmp_path, opened, until, no_errors, save_frames, written_page):
    save_frames(run)
    page = written_page(run, tmp_path / "report", embed=True)
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    opened(browser, page, "split=mini/fast&clip=000&a=truth&b=stdan%40mini")
    until(browser, "return document.getElementById('stage').dataset.painted === 'swipe truth stdan@mini 0'")
    no_errors(browser)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out_on_a_phone_or_a_desk(browser, page, width, opened, no_errors):
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened(browser, page, "split=mini/fast&clip=000")
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    no_errors(browser)


@pytest.mark.browser
def test_light_and_dark_are_kept_in_the_address(browser, page, opened, until, no_errors):
    opened(browser, page)
    before = browser.execute_script("return document.documentElement.classList.contains('dark')")
    browser.find_element("id", "theme").click()
    until(browser, "return location.hash.includes('theme=')")
    browser.refresh()
    until(browser, "return document.documentElement.dataset.ready === '1'")
    assert browser.execute_script("return document.documentElement.classList.contains('dark')") != before
    no_errors(browser)


@pytest.mark.browser
def test_paper_is_light_and_as_wide_as_its_table(browser, page, opened, no_errors):
    opened(browser, page, "theme=dark")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert not browser.execute_script("return document.documentElement.classList.contains('dark')")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script("return document.documentElement.classList.contains('dark')")
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"landscape": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    no_errors(browser)


@pytest.mark.fault("B", "names with HTML", "text in tables and pages")
@pytest.mark.browser
def test_hostile_names_stay_text(browser, row, write, tmp_path, opened, no_errors, written_page):
    rows = [row(HOSTILE, "none", HOSTILE, HOSTILE, HOSTILE, [20.0 + i] * 7) for i in range(1)]
    page = written_page(write(tmp_path / "runs" / "<b>run", rows), tmp_path / "report")
    opened(browser, page)
    browser.execute_script("document.querySelector('#table td button').click()")
    browser.execute_script("document.querySelector('#clips td button').click()")
    assert browser.execute_script("return window.broken === undefined && document.querySelectorAll('img').length === 0")
    assert HOSTILE in browser.execute_script("return document.querySelector('#clips tr[data-clip]').dataset.clip")
    no_errors(browser)
