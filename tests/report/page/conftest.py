"""Pages and a browser, for the tests of the page."""

import json
import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from stvsr_bench import protocols
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.write import Output, load, write_page

RESTORING = protocols.restoring_key(protocols.get("suite-1"))

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium; a test without it is skipped."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium or chromedriver is not installed")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1400,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def _opened(browser, path, address=""):
    browser.get("about:blank")
    browser.get(path.as_uri() + (f"#{address}" if address else ""))
    _until(browser, "return document.documentElement.dataset.ready === '1'")


def _until(browser, script, seconds=20):
    end = time.monotonic() + seconds
    while not (found := browser.execute_script(script)):
        assert time.monotonic() < end, f"never came true: {script}"
        time.sleep(0.05)
    return found


def _no_errors(browser):
    # "rendering": Chromium's advice on the pixels that these tests themselves read
    found = [entry for entry in browser.get_log("browser") if entry["source"] != "rendering"]
    assert [entry for entry in found if entry["level"] in ("SEVERE", "WARNING")] == []


def _document_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="document">(.*?)</script>', text, re.S).group(1))


def _save_frames(run, methods=("_hr", "stdan_mini", "blend+bicubic"), clip="000"):
    for strength, method in enumerate(methods):
        folder = run / "frames" / RESTORING / method / "mini" / "fast" / clip
        folder.mkdir(parents=True)
        for index in range(7):
            pixels = np.full((16, 24, 3), 40 * strength, np.uint8)
            pixels[:, index : index + 4] = 200
            Image.fromarray(pixels).save(folder / f"{index:05d}.png")


def _written_page(run, folder, embed=False, quality=0, page_clips=3):
    from stvsr_bench.report import write

    measured = load([run])
    written = write.Written(folder)
    tables = write.build(measured.tidy, measured.profiles, Options())
    output = Output(embed=embed, frame_quality=quality, page_clips=page_clips)
    write_page(written, measured, tables, output, measured.chosen(Options()))
    return folder / "index.html"


@pytest.fixture(scope="session")
def opened():
    """Opens a page, at an address within it, and waits until it is drawn."""
    return _opened


@pytest.fixture(scope="session")
def until():
    """Waits until a script gives something true, and gives it."""
    return _until


@pytest.fixture(scope="session")
def no_errors():
    """Asserts that the browser said nothing that is wrong."""
    return _no_errors


@pytest.fixture(scope="session")
def document_of():
    """The document inside a page."""
    return _document_of


@pytest.fixture(scope="session")
def save_frames():
    """Writes frames as a run saves them."""
    return _save_frames


@pytest.fixture(scope="session")
def written_page():
    """Writes the page of a run."""
    return _written_page
