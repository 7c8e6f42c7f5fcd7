"""Blocks that two or more methods share; torch only (a numba kernel is used where it is installed)."""
