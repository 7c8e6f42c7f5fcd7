"""Ships `methods/<name>/`, `datasets/<name>/` and `reports/<name>/suite.toml` inside the package.

Everything else is in pyproject.toml.
"""

from pathlib import Path

from setuptools import find_packages, setup

plugins = {
    f"stvsr_bench.{kind}.{card.parent.name}": card.parent.as_posix()
    for kind in ("methods", "datasets")
    for card in sorted(Path(kind).glob("*/card.toml"))
}
SUITES = "stvsr_bench.reports"  # of the reports that lie beside the suites, nothing is shipped
setup(
    packages=[*find_packages(include=["stvsr_bench*"]), *plugins, SUITES],
    package_dir={**plugins, SUITES: "reports"},
    package_data={
        SUITES: ["*/suite.toml"],
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
