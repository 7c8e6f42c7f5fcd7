"""`exp`, `log10` and `power` rounded as float64 allows, the same on every processor and system.

numpy takes other code for them on AVX-512, and libm's differs between processors and versions, by one unit in the last
place. That is nothing to a reader, but a tolerance of zero then fails for no reason. Python's `decimal` computes with
whole numbers; 30 digits, rounded once, take about 30 microseconds.
"""

from decimal import Context, Decimal

_DIGITS = Context(prec=30, traps=[])


def exp(x: float) -> float:
    """e to the power of x."""
    return float(_DIGITS.exp(Decimal(x)))


def log10(x: float) -> float:
    """The decimal logarithm of x; minus infinity for 0."""
    return float(_DIGITS.log10(Decimal(x)))


def power(x: float, y: float) -> float:
    """x to the power of y, for x of at least 0."""
    return float(_DIGITS.power(Decimal(x), Decimal(y)))
