"""`stvsr-bench --version` alone is a whole command."""

import subprocess
import sys

from stvsr_bench import __version__


def test_the_version_is_printed_without_a_verb():
    done = subprocess.run(
        [sys.executable, "-m", "stvsr_bench", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"stvsr-bench {__version__}\n", "")
