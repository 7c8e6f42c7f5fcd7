"""`python -m stvsr_bench`."""

from stvsr_bench.cli import main

main()
