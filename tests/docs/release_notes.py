"""Prints what CHANGELOG.md says about one version: `make release-notes VERSION=0.1.0`.

With `--released`, a version that is still called unreleased is an error; the release workflow uses this.
"""

import argparse
import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
_HEADING = re.compile(r"^## v?(\S+)(.*)$", re.MULTILINE)


def notes(text: str, version: str, released: bool = False) -> str:
    """The text between the heading of a version and the next heading.

    Raises:
        ValueError: the changelog has no such version, or it is not released yet; the sentence says which there are.
    """
    headings = list(_HEADING.finditer(text))
    for heading, end in zip(headings, [*(found.start() for found in headings[1:]), len(text)], strict=True):
        if heading[1] == version.removeprefix("v"):
            if released and "unreleased" in heading[2]:
                raise ValueError(f"{version} is still called unreleased in CHANGELOG.md; write the date there")
            return text[heading.end() : end].strip() + "\n"
    known = ", ".join(heading[1] for heading in headings)
    raise ValueError(f"CHANGELOG.md has no version {version!r}; it has {known}")


def main(argv: list[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="e.g. 0.1.0; v0.1.0, as a tag is called, is the same")
    parser.add_argument("--released", action="store_true", help="refuse a version that is called unreleased")
    asked = parser.parse_args(argv)
    try:
        sys.stdout.write(notes(CHANGELOG.read_text(encoding="utf-8"), asked.version, asked.released))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
