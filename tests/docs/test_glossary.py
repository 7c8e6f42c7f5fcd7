"""docs/glossary.md explains words that the docs use, and links between pages lead to headings that exist."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
TERMS = re.findall(r"^### (.+)$", PAGES["glossary.md"], re.MULTILINE)


def anchors(text):
    """The addresses of a page's headings, as Python-Markdown makes them."""
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", re.sub(r"\]\([^)]*\)", "", title)).strip().lower() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in plain}


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_used_in_the_docs(term):
    others = " ".join(text for name, text in PAGES.items() if name not in ("glossary.md", "published.md"))
    words = term.split(", ")
    assert all(re.search(rf"\b{re.escape(word)}s?\b", others, re.IGNORECASE) for word in words), term


def test_every_term_has_an_explanation_of_its_own():
    parts = re.split(r"^### .+$", PAGES["glossary.md"], flags=re.MULTILINE)[1:]
    assert len(TERMS) > 25 and len(TERMS) == len(set(TERMS)) == len(parts)
    assert min(len(part.split("\n## ")[0].split()) for part in parts) >= 5


def test_the_glossary_is_linked():
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert "(glossary.md)" in PAGES["index.md"] and "glossary.md" in navigation


def test_links_lead_to_pages_and_headings():
    wrong, seen = [], 0
    for name, text in PAGES.items():
        for page, anchor in re.findall(r"\]\(([\w-]*(?:\.md)?)#([\w-]+)\)", text):
            seen += 1
            if anchor not in anchors(PAGES.get(page or name, "")):
                wrong.append(f"{name}: {page}#{anchor}")
    assert seen > 15 and wrong == []
