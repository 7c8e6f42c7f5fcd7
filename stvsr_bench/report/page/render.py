"""The page itself: one HTML file that works offline, with its styles, scripts, plot library and data inside.

To add a section: `html/<name>.html` with its markup, a script with a function that draws it, a line in `SECTIONS`, and
the call of that function in `drawAll` of `html/main.js`; data that the document lacks come from `document.py`.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

# in the order of the page: the section's markup, and the scripts that draw it
SECTIONS = {
    "numbers": ("table",),
    "plane": ("plane",),
    "response": ("response",),
    "figures": ("charts", "plots"),
    "clips": ("clips",),
    "viewer": ("viewer",),
    "published": ("published",),
    "provenance": ("provenance",),
}
_SCRIPTS = ("state", *(script for scripts in SECTIONS.values() for script in scripts), "main")
_LIBRARY = "chart.umd.min.js"  # Chart.js 4.6.1 as its authors publish it; chart.LICENSE.md stands beside it


def html(document: dict[str, Any], downloads: dict[str, str], embedded: dict[str, dict[int, str]] | None = None) -> str:
    """The page itself; `embedded` frames (see `frame_urls`) make it one file at the price of its size."""
    here = files("stvsr_bench.report.page").joinpath("html")
    text = {name: here.joinpath(name).read_text("utf-8") for name in ("page.html", "page.css")}
    sections = "".join(here.joinpath(f"{name}.html").read_text("utf-8") for name in SECTIONS)
    scripts = "\n".join(here.joinpath(f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    # names of methods and clips come from other people's folders: all but our own files is escaped
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return environment.from_string(text["page.html"]).render(
        name=document["about"]["run"],
        date=_date(document["about"].get("started", [])),
        css=Markup(text["page.css"]),
        sections=Markup(sections),
        script=Markup(scripts),
        library=Markup(_library(here.joinpath(_LIBRARY).read_text("utf-8"))),
        document=document,
        downloads=downloads,
        embedded=embedded or {},
    )


def _date(started: Sequence[str]) -> str:
    """The day of the first run, and of the last where it is another one: `2026-01-01 to 2026-01-05`."""
    days = sorted({text[:10] for text in started})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def _library(text: str) -> str:
    """The plot library without its last line, which asks a browser's tools for a file that is not there."""
    return text.partition("//# sourceMappingURL=")[0]
