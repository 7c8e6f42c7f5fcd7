"""Ships `methods/<name>/` and `datasets/<name>/` inside the package; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

plugins = {
    f"stvsr_bench.{kind}.{card.parent.name}": card.parent.as_posix()
    for kind in ("methods", "datasets")
    for card in sorted(Path(kind).glob("*/card.toml"))
}
setup(
    packages=[*find_packages(include=["stvsr_bench*"]), *plugins],
    package_dir=plugins,
    package_data={
        "": [
            "*.toml",
            "*.md",
            "*.json",
            "*.csv",
            "*.html",
            "*.js",
            "*.css",
            "*.txt",
            "py.typed",
            "weights/*",
            "html/*",
        ],
    },
)
