"""`python -m stvsr_bench`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while its own code is read is one sentence, too."""
    try:
        from stvsr_bench.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("stvsr-bench: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
