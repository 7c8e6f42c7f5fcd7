"""Scales in space: whole numbers, and fractions in lowest terms, so that neither keys nor sizes depend on rounding."""

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator

# frames are cut to a multiple of the numerator, and padded to one of the denominator: larger ones leave nothing to
# cut, or pad more than there is. The field's oddest published scale is 12
MOST, MOST_DENOMINATOR = 64, 16


def canonical(value: Any) -> int | str:
    """A scale as protocols and cards hold it: `4` of 4, "4" and "8/2"; "5/2" of "2.5" and "10/4".

    Raises:
        ValueError: it is no number from 1 to 64, or its denominator is larger than 16.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        scale = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"scale {value!r} is not a number; write 4 or 5/2") from None
    if not 1 <= scale <= MOST:
        raise ValueError(f"scale {value} is not possible; it must be from 1 to {MOST}")
    if scale.denominator > MOST_DENOMINATOR:
        near = scale.limit_denominator(MOST_DENOMINATOR)
        raise ValueError(f"scale {value} is {scale} in lowest terms; write a fraction such as {near}")
    return int(scale) if scale.denominator == 1 else str(scale)


def ratio(scale: int | str) -> Fraction:
    """The number that a canonical scale stands for."""
    return Fraction(scale)


Scale = Annotated[int | str, BeforeValidator(canonical)]
