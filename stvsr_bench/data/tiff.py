"""What a TIFF says of itself: enough to refuse what 8-bit RGB cannot hold, which OpenCV cuts down without a word.

Source: TIFF revision 6.0, sections 2 (structure) and 8 to 18 (fields). Nothing is decoded here.
"""

import struct
from typing import NamedTuple

_LAYOUTS = {b"II*\0": "<", b"MM\0*": ">"}
_SIZES = {1: "B", 3: "H", 4: "I"}  # of the types that the fields below may have: byte, short, long
_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _FORMAT = 258, 262, 277, 338, 339
_INKS, _FLOATS = 5, 3
_MOST_PAGES = 1000  # a chain of pages may lead back to its start


class TiffHeader(NamedTuple):
    """What the first picture of a TIFF is made of, and how many pictures there are."""

    pages: int
    bits: int
    floats: bool
    inks: bool
    samples: int
    extra: int

    @property
    def refused(self) -> str:
        """Why it cannot become 8-bit RGB, as the end of a sentence; "" where it can."""
        if self.pages > 1:
            return f"has {self.pages} pictures; write one file per frame"
        if self.floats:
            return "has floating-point numbers; frames are 8-bit RGB, so convert it first"
        if self.bits > 8:
            return f"has {self.bits} bits per channel; frames are 8-bit RGB, so convert it first"
        if self.inks:
            return "has inks (CMYK), not RGB; convert it first"
        return ""


def header(encoded: bytes) -> TiffHeader | None:
    """The header of a TIFF; None where it is damaged, or a kind whose header is not read here (BigTIFF)."""
    order = _LAYOUTS.get(encoded[:4])
    if order is None:
        return None
    try:
        (at,) = struct.unpack_from(f"{order}I", encoded, 4)
        fields, at = _directory(encoded, order, at)
        pages = 1
        while at and pages < _MOST_PAGES:
            _, at = _directory(encoded, order, at)
            pages += 1
    except struct.error:
        return None
    return TiffHeader(
        pages=pages,
        bits=max(fields.get(_BITS, (1,))),
        floats=_FLOATS in fields.get(_FORMAT, ()),
        inks=fields.get(_PHOTOMETRIC, (0,))[0] == _INKS,
        samples=fields.get(_SAMPLES, (1,))[0],
        extra=len(fields.get(_EXTRA, ())),
    )


def _directory(encoded: bytes, order: str, at: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """The number fields of one picture by tag, and where the next picture is described (0: there is none)."""
    (count,) = struct.unpack_from(f"{order}H", encoded, at)
    fields = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", encoded, entry)
        if tag in (_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _FORMAT) and kind in _SIZES and 0 < values <= 16:
            layout = f"{order}{values}{_SIZES[kind]}"
            where = entry + 8
            if struct.calcsize(layout) > 4:  # else the values themselves stand there
                (where,) = struct.unpack_from(f"{order}I", encoded, where)
            fields[tag] = struct.unpack_from(layout, encoded, where)
    (after,) = struct.unpack_from(f"{order}I", encoded, at + 2 + 12 * count)
    return fields, after
