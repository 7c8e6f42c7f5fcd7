"""The page as a reader sees it: nothing cut at a desk or on a phone, readable, reached by keys, fast with Vimeo-90K."""

import time

import numpy as np
import pytest

METHODS = (("stdan", "mini"), ("blend+bicubic", ""), ("name:option=value:other=12+bicubic", "best-file.pth"))

# what lies beyond the window outside a box that scrolls, and cells whose text does not fit
CUT = """
const found = [];
for (const one of document.querySelectorAll('body *')) {
  const area = one.getBoundingClientRect();
  if (!area.width || !area.height) continue;
  if (!one.closest('.scroll') && area.right > innerWidth + 0.5) found.push(`${one.tagName} #${one.id} ${area.right}`);
  if (/^T[DH]$/.test(one.tagName) && one.scrollWidth > one.clientWidth) found.push(`cell ${one.textContent}`);
}
return found;
"""
BOXES = """
return [...document.querySelectorAll('.scroll')].filter((box) => box.clientWidth && box.scrollWidth > box.clientWidth)
  .map((box) => [box.getAttribute('aria-label'), box.offsetHeight - box.clientHeight]);
"""
# WCAG 2.2, rules that can be computed: names of controls, contrast of text, order of heads, ids, labels of regions
RULES = """
const found = [];
const seen = (one) => one.getClientRects().length && getComputedStyle(one).visibility === 'visible';
const named = (one) => one.getAttribute('aria-label') || one.textContent.trim() || one.title
  || (one.labels && [...one.labels].some((label) => label.textContent.trim()));
for (const one of document.querySelectorAll('button, select, input, a, [tabindex], canvas'))
  if (seen(one) && !named(one)) found.push(`no name: ${one.outerHTML.slice(0, 80)}`);
const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = (rgb) => { const [r, g, b] = rgb.map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (one) => {
  for (; one; one = one.parentElement) {
    const of = rgba(getComputedStyle(one).backgroundColor);
    if (of.length < 4 || of[3] === 1) return of.slice(0, 3);
  }
  return [255, 255, 255];
};
for (const one of document.querySelectorAll('body *')) {
  if (!seen(one) || ![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
  if (one.closest('#stage')) continue;  // over pictures, on a ground of their own that lets some of them through
  const [a, b] = [light(rgba(getComputedStyle(one).color).slice(0, 3)), light(ground(one))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${one.tagName} ${one.textContent.slice(0, 30)}`);
}
let level = 0;
for (const head of document.querySelectorAll('h1, h2, h3')) {
  const mine = Number(head.tagName[1]);
  if (mine > level + 1) found.push(`head ${head.textContent}`);
  level = mine;
}
const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
found.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `id twice: ${id}`));
const label = (one) => one.getAttribute('aria-label')
  || document.getElementById(one.getAttribute('aria-labelledby'))?.textContent || '';
const regions = [...document.querySelectorAll('section, [role=region]')].filter(seen).map(label);
found.push(...regions.filter((name, at) => !name || regions.indexOf(name) !== at).map((name) => `region: ${name}`));
for (const one of document.querySelectorAll('thead th'))
  if (seen(one) && !one.textContent.trim()) found.push('empty head');
if (!document.documentElement.lang) found.push('no language');
if (document.querySelectorAll('main, header, nav').length !== 3) found.push('landmarks');
return found;
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory, save_frames, written_page):
    """Two data sets of three splits, long names, planes of scale and time, saved frames."""
    from tests.report.conftest import make_row, write_run

    random = np.random.default_rng(0)
    rows = []
    tasks = ("suite-1", "suite-1:scale=2:time_scale=6", "suite-1:scale=4:time_scale=6", "suite-1:scale=2")
    for dataset in ("mini", "openclips"):
        for split in ("fast", "medium", "slow"):
            for protocol in tasks if (dataset, split) == ("mini", "fast") else tasks[:1]:
                for clip in ("000", "001"):
                    for method, weights in METHODS:
                        psnr = random.normal(30, 1, 7).round(3).tolist()
                        made = {"protocol": protocol, "motion_px": 3.0, "weights_sha256": "ab" * 32 if weights else ""}
                        rows.append(make_row(method, weights, dataset, split, clip, psnr, **made))
    run = write_run(tmp_path_factory.mktemp("wide") / "runs" / "wide", rows)
    save_frames(run)
    return written_page(run, run.parent / "report")


@pytest.fixture
def sized(browser):
    """Sets the window's width, and gives it back."""

    def at(width):
        facts = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", facts)

    yield at
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


PAINTED = "return (document.getElementById('stage').dataset.painted || '').startsWith('three ')"
VIEW = "split=mini/fast&clip=000&mode=three&a=truth&b=blend%2Bbicubic"


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1400])
def test_no_column_is_cut_and_what_scrolls_shows_its_bar(browser, wide, opened, until, no_errors, sized, width):
    sized(width)
    opened(browser, wide, VIEW)
    until(browser, PAINTED)
    browser.execute_script("document.getElementById('published-details').open = true")
    assert browser.execute_script(CUT) == []
    boxes = dict(browser.execute_script(BOXES))
    assert all(bar > 2 for bar in boxes.values()), boxes
    if width == 1400:
        assert "Table of methods" not in boxes, "two data sets of three splits with five costs fit a desk"
    no_errors(browser)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_can_be_computed_of_wcag_is_kept(browser, wide, opened, until, theme):
    opened(browser, wide, f"{VIEW}&theme={theme}")
    until(browser, PAINTED)
    browser.execute_script("document.getElementById('published-details').open = true")
    assert browser.execute_script(RULES) == []


@pytest.mark.browser
def test_the_title_has_the_run_and_its_date_and_names_break_at_their_signs(browser, wide, opened):
    opened(browser, wide)
    assert browser.title == "wide, 2026-01-01 · stvsr-bench"
    assert browser.find_element("tag name", "h1").text == "wide 2026-01-01"
    parts = "return document.querySelector(`#table tr[data-method^='name:'] th`).innerHTML"
    assert browser.execute_script(parts).startswith("name:<wbr>option=value:<wbr>other=12+<wbr>bicubic@<wbr>best")


@pytest.mark.browser
def test_every_section_is_reached_by_keys_and_its_focus_is_seen(browser, wide, opened, until):
    opened(browser, wide, VIEW)
    until(browser, PAINTED)
    buttons = browser.find_elements("css selector", "nav button")
    shown = "return [...document.querySelectorAll('main section:not([hidden]) > h2')].map((head) => head.textContent)"
    assert [button.text for button in buttons] == browser.execute_script(shown)
    assert {"Plane", "Provenance"} <= {button.text for button in buttons}
    buttons[-1].send_keys("\ue007")  # enter
    assert browser.execute_script("return document.activeElement.id") == "provenance-title"
    browser.find_element("css selector", "#table td button").send_keys("\ue004")  # tab
    outline = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
    style, thick = browser.execute_script(outline)
    assert style == "solid" and thick >= 2


@pytest.mark.browser
def test_keys_zoom_move_and_slide(browser, wide, opened, until, no_errors):
    opened(browser, wide, VIEW)
    until(browser, PAINTED)
    stage = browser.find_element("id", "stage")
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    stage.send_keys("+")
    ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
    until(browser, "return location.hash.includes('z=1.5') && location.hash.includes('cx=0.567')")
    stage.send_keys("1", ".")
    until(browser, "return location.hash.includes('s=0.520') && !location.hash.includes('mode=')")
    no_errors(browser)


@pytest.mark.browser
def test_a_and_b_and_their_difference_are_side_by_side(browser, wide, opened, until, no_errors):
    opened(browser, wide, f"{VIEW}&t=3")
    until(browser, PAINTED)
    script = """const c = document.querySelector('#stage canvas'), pen = c.getContext('2d');
        return [0, 1, 2].map((at) => pen.getImageData(Math.floor((c.width * (at + 0.6)) / 3), 2, 1, 1).data[0])"""
    first, second, difference = browser.execute_script(script)
    assert (first, second, difference) == (0, 80, 255)  # four times 80 is more than a pixel has
    tags = browser.execute_script("return [...document.querySelectorAll('#stage .tag')].map((tag) => tag.textContent)")
    assert sorted(tags) == sorted(["truth", "blend+bicubic", "|truth − blend+bicubic| × 4"])
    no_errors(browser)


@pytest.mark.browser
def test_paper_shows_all_tables(browser, wide, opened):
    opened(browser, wide, "split=mini/fast")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        hidden = """return ['table', 'plane-table', 'clips', 'provenance'].filter((id) => {
            const table = document.getElementById(id), box = table.closest('.scroll');
            return !table.offsetHeight || box.scrollHeight > box.clientHeight + 1; })"""
        assert browser.execute_script(hidden) == []
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.browser
def test_three_methods_on_all_of_vimeo_open_within_a_second(browser, tmp_path, written_page, opened, until, no_errors):
    page = written_page(vimeo(tmp_path / "runs" / "vimeo"), tmp_path / "report")
    assert page.stat().st_size < 5_000_000
    took = []
    while not took or (min(took) >= 1000 and len(took) < 6):  # other programs of a busy machine
        time.sleep(len(took))
        opened(browser, page)
        took.append(browser.execute_script("const t = performance.timing; return t.loadEventEnd - t.navigationStart"))
    assert 0 < min(took) < 1000, took
    opened(browser, page, "split=vimeo90k/medium&of=stdan@w")
    assert until(browser, "return document.querySelectorAll('#clips tr[data-clip]').length") == 100
    start = time.monotonic()
    browser.execute_script(
        "const o = document.getElementById('order'); o.value = 'apart'; o.dispatchEvent(new Event('change'))"
    )
    assert time.monotonic() - start < 2
    no_errors(browser)


def vimeo(folder):
    """3 x 7,815 rows, of the clips that Vimeo-90K's lists have."""
    from dataclasses import replace

    from stvsr_bench.schema import Row
    from tests.report.conftest import make_row, write_run

    random = np.random.default_rng(0)
    rows: list[Row] = []
    for method in ("stdan", "zsm", "tmnet"):
        template = make_row(method, "w", "vimeo90k", "s", "c", [1.0] * 7, motion_px=1.0)
        for split, count in (("fast", 1225), ("medium", 4977), ("slow", 1613)):
            for i, psnr in enumerate(random.normal(30, 3, (count, 7)).round(3).tolist()):
                values = {"psnr_y": psnr, "ssim_y": [0.9] * 7}
                one = replace(template, split=split, clip=f"{i // 1000:05}/{i % 1000:04}", values=values)
                rows.append(replace(one, key=one.own_key))
    return write_run(folder, rows)
