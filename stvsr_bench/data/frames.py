"""Files to frames and back: PNG and other still pictures, arrays.

Axes: S frames, C channels, H W size. On disk frames are 8-bit RGB; in memory float32 RGB in [0, 1], value / 255.
A picture that is not 8-bit RGB is converted where nothing is lost (grey, palette) and that is logged; where
something would be lost (16 bits, transparency) it is refused, whatever its suffix says it is.
"""

import logging
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data import compiled, tiff
from stvsr_bench.data.atomic import replacing
from stvsr_bench.data.elsewhere import leads_nowhere, pointer, why_nowhere
from stvsr_bench.errors import DataError
from stvsr_bench.opencv import silent
from stvsr_bench.schema import Frames

Bytes = NDArray[np.uint8]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MAX_PIXELS = 2**26  # 8192 x 8192: above it a header lies, or a picture is no frame
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
# chunks that change no pixel that OpenCV reads; a frame with any other (eXIf turns it, PLTE) is left to OpenCV
_HARMLESS = frozenset(
    (b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"gAMA", b"cHRM", b"sRGB", b"iCCP")
)
_DEFLATE_RATIO = 1040  # no deflate stream grows by more than about 1032

log = logging.getLogger(__name__)


class PngHeader(NamedTuple):
    """What a PNG says of itself."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    kinds: frozenset[bytes] = frozenset()
    deflated: tuple[memoryview, ...] = ()


def from_bytes(frames_SHWC: Bytes) -> Frames:
    """8-bit frames as float32 (S, C, H, W) in [0, 1]."""
    count, height, width, channels = frames_SHWC.shape
    frames_SCHW = np.empty((count, channels, height, width), np.float32)
    kernel = compiled.function("levels", "to_frame") if channels == 3 else None
    for out_CHW, frame_HWC in zip(frames_SCHW, frames_SHWC, strict=True):
        if kernel is not None:
            kernel(frame_HWC, out_CHW)
            continue
        for out_HW, plane_HW in zip(out_CHW, cv2.split(np.ascontiguousarray(frame_HWC)), strict=True):
            np.divide(plane_HW, np.float32(255), out=out_HW, dtype=np.float32)  # plane by plane: 7 times as fast
    return frames_SCHW


def to_bytes(frames_SCHW: Frames) -> Bytes:
    """Frames as a saved PNG would hold them: clipped to [0, 1], rounded half to even, (S, H, W, C)."""
    count, channels, height, width = frames_SCHW.shape
    frames_SHWC = np.empty((count, height, width, channels), np.uint8)
    for out_HWC, frame_CHW in zip(frames_SHWC, frames_SCHW, strict=True):
        scaled = np.clip(frame_CHW, 0, 1)
        # times 255 in the frames' own float32, then half to even: the published scripts' tensor2img (metrics.md, 1)
        scaled *= scaled.dtype.type(255)
        np.rint(scaled, out=scaled)
        out_HWC[:] = cv2.merge([plane_HW.astype(np.uint8) for plane_HW in scaled]).reshape(height, width, channels)
    return frames_SHWC


def digest_of(frames_SCHW: Frames) -> str:
    """The first 16 digits of the SHA-256 of frames: of their values, type and shape."""
    found = sha256(f"{frames_SCHW.dtype.str} {frames_SCHW.shape}".encode())
    for frame_CHW in frames_SCHW:  # a cut-out has no bytes in a row, and a copy of a whole clip may be a gigabyte
        found.update(np.ascontiguousarray(frame_CHW).data)
    return found.hexdigest()[:16]


def read(paths: Sequence[Path]) -> Bytes:
    """Pictures of one size as 8-bit RGB (S, H, W, C).

    Raises:
        DataError: one is missing, broken, not 8-bit, transparent, or of another size than the first.
    """
    if not paths:
        raise DataError("a clip of no frames cannot be read")
    pictures = [read_one(path) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise DataError(f"{path} is {_size(picture)}, but {paths[0].name} of the same clip is {_size(pictures[0])}")
    return np.stack(pictures)


def read_one(path: Path) -> Bytes:
    """One picture as 8-bit RGB (H, W, C).

    Raises:
        DataError: it is missing, empty, damaged, not 8-bit, or transparent.
    """
    try:
        encoded = path.read_bytes()
    except FileNotFoundError:
        raise DataError(why_nowhere(path) if leads_nowhere(path) else f"{path} is missing") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if not encoded:
        raise DataError(f"{path} is empty (0 bytes)")
    if said := pointer(encoded):
        raise DataError(f"{path} {said}")
    header = _png_header(encoded, path) if path.suffix.lower() == ".png" else None
    if header is None:
        _check_kind(encoded, path)
    decoded = _plain_rgb(header) if header is not None else None
    if decoded is None:
        decoded = _by_opencv(encoded)
    if decoded is None:
        raise DataError(f"{path} cannot be decoded: it is damaged or no picture")
    if header is not None and decoded.shape[:2] not in _sizes(header):
        raise DataError(f"{path} decodes to {_size(decoded)}, its header says {header.width}x{header.height}")
    return decoded


def _sizes(header: PngHeader) -> tuple[tuple[int, int], ...]:
    """Height and width that a PNG may be decoded to: OpenCV turns it as its eXIf says."""
    stored = (header.height, header.width)
    return (stored, stored[::-1]) if b"eXIf" in header.kinds else (stored,)


def size(path: Path) -> tuple[int, int]:
    """Width and height of a picture; of a PNG without decoding it."""
    if path.suffix.lower() == ".png":
        try:
            with path.open("rb") as file:
                head = file.read(33)  # the signature and the header chunk
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
        if head[:8] == _SIGNATURE and head[12:16] == b"IHDR":
            return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    height, width = read_one(path).shape[:2]
    return width, height


def write_png(path: Path, frame_HWC: Bytes) -> None:
    """An 8-bit RGB frame as a PNG, whole or not at all."""
    # naming a level also takes zlib's usual strategy in place of OpenCV's run lengths: a smaller file
    done, encoded = cv2.imencode(".png", cv2.cvtColor(frame_HWC, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert done
    with replacing(path) as file:
        file.write(encoded.tobytes())


def _png_header(encoded: bytes, path: Path) -> PngHeader:
    """The header of a sound PNG that can become 8-bit RGB without loss.

    Raises:
        DataError: it is no PNG, damaged, or of a kind that 8-bit RGB cannot hold.
    """
    if not encoded.startswith(_SIGNATURE):
        found = "a web page" if encoded.lstrip()[:1] == b"<" else f"something that starts with {encoded[:8]!r}"
        raise DataError(f"{path} is not a PNG but {found}")
    header = _chunks(encoded, path)
    if header.width * header.height == 0 or header.width * header.height > MAX_PIXELS:
        raise DataError(f"{path} says it is {header.width}x{header.height}, which is not a possible frame")
    # before anything is allocated for it
    if header.width * header.height * header.depth // 8 > len(encoded) * _DEFLATE_RATIO:
        raise DataError(
            f"{path} says it is {header.width}x{header.height}, but its {len(encoded)} bytes are too few for that"
        )
    if b"acTL" in header.kinds:
        raise DataError(f"{path} is an animated PNG; write one file for each frame")
    if header.depth == 16:
        raise DataError(f"{path} has 16 bits per channel; frames are 8-bit RGB, so convert it first")
    if header.colour in (_GREY_ALPHA, _RGBA) or b"tRNS" in header.kinds:
        _check_opaque(encoded, path)
    if header.colour in (_GREY, _PALETTE):
        _say_converted(path.parent, "grey" if header.colour == _GREY else "palette")
    return header


def _plain_rgb(header: PngHeader) -> Bytes | None:
    """A PNG of the usual kind (8-bit RGB in order), decoded here because that is faster; None: leave it to OpenCV."""
    unfilter = _unfilter()
    if unfilter is None or (header.depth, header.colour, header.interlaced) != (8, _RGB, False):
        return None
    if header.kinds - _HARMLESS:
        return None
    size = header.height * (1 + 3 * header.width)
    try:
        # one byte more than wanted, so that a stream that holds more is of wrong length and left to OpenCV
        inflated = _inflater().decompressobj().decompress(b"".join(header.deflated), size + 1)
    except _inflater().error:
        return None
    return unfilter(inflated, header.height, header.width)


def _by_opencv(encoded: bytes) -> Bytes | None:
    decoded = _decoded(encoded, cv2.IMREAD_COLOR_RGB)
    return None if decoded is None else decoded.astype(np.uint8, copy=False)


def _decoded(encoded: bytes, how: int) -> NDArray[Any] | None:
    try:
        with silent():  # what is wrong with the file is our sentence to say
            return cv2.imdecode(np.frombuffer(encoded, np.uint8), how)
    except cv2.error:  # a header that asks for more pixels than OpenCV allows
        return None


def _check_kind(encoded: bytes, path: Path) -> None:
    """Refuses a picture that is no PNG and that OpenCV would cut down to 8-bit RGB without a word.

    By its contents: a 16-bit PNG or TIFF under another suffix is still one.

    Raises:
        DataError: it has more than 8 bits, an alpha channel that hides something, inks, or several pages.
    """
    if encoded.startswith(_SIGNATURE):
        _png_header(encoded, path)
        return
    if encoded.startswith(_JPEG):
        _check_jpeg(encoded, path)
        return
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP" and b"ANIM" in encoded[12:64]:
        raise DataError(f"{path} is an animated WebP; write one file for each frame")
    about = tiff.header(encoded)
    if about is not None and about.refused:
        raise DataError(f"{path} {about.refused}")
    decoded = _decoded(encoded, cv2.IMREAD_UNCHANGED)
    if decoded is None:
        return  # the sentence for damaged files follows
    if decoded.dtype != np.uint8:
        held = "floating-point numbers" if decoded.dtype.kind == "f" else f"{8 * decoded.itemsize} bits per channel"
        raise DataError(f"{path} has {held}; frames are 8-bit RGB, so convert it first")
    channels = 1 if decoded.ndim == 2 else decoded.shape[2]
    if channels == 4:
        # the fourth byte of a 32-bit bitmap is unused, and then 0 everywhere
        if not (encoded.startswith(b"BM") and not decoded[..., 3].any()):
            _check_opaque(encoded, path)
    elif about is not None and about.extra and about.samples > channels:
        # OpenCV drops the alpha of grey TIFF even when asked for all that is there
        raise DataError(f"{path} has an alpha channel beside grey; frames are opaque, so flatten it first")
    elif channels == 1:
        _say_converted(path.parent, "grey")


def _check_jpeg(encoded: bytes, path: Path) -> None:
    """A JPEG has no alpha, and 8 bits of grey or of luma and chroma; those of printers have inks, which OpenCV mixes.

    Raises:
        DataError: it has four components, or more than 8 bits.
    """
    at = 2
    while at + 9 < len(encoded) and encoded[at] == 0xFF:
        kind, length = encoded[at + 1], int.from_bytes(encoded[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame's header, whatever its coding
            bits, components = encoded[at + 4], encoded[at + 9]
            if components == 4:
                raise DataError(f"{path} has inks (CMYK); frames are 8-bit RGB, so convert it first")
            if bits > 8:
                raise DataError(f"{path} has {bits} bits per channel; frames are 8-bit RGB, so convert it first")
            return
        at += 2 + length if kind != 0xFF else 1  # markers may be filled up with FF


def _unfilter() -> Callable[[bytes, int, int], Bytes | None] | None:
    """The compiled PNG filters, where they can be used."""
    return compiled.function("unfilter", "rgb")


@lru_cache(maxsize=1)
def _inflater() -> Any:
    """isal's zlib, twice as fast, where it is installed; else Python's own."""
    return import_module("isal.isal_zlib") if find_spec("isal") else zlib


def _check_opaque(encoded: bytes, path: Path) -> None:
    """An alpha channel that is 255 everywhere may be dropped; nothing is lost."""
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.ndim != 3 or decoded.shape[2] != 4 or (decoded[..., 3] != 255).any():
        raise DataError(f"{path} is transparent (alpha channel); frames are opaque, so flatten it first")
    _say_converted(path.parent, "opaque RGBA")


def _chunks(encoded: bytes, path: Path) -> PngHeader:
    """The header, after the checksums of all chunks were found right."""
    at, kind, header, kinds = 8, b"", None, set()
    deflated = []
    view, checksum = memoryview(encoded), _inflater().crc32
    while kind != b"IEND":
        length = int.from_bytes(view[at : at + 4], "big")
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(encoded):
            raise DataError(f"{path} is cut short: {len(encoded)} bytes, its last chunk needs {end + 4}")
        # OpenCV finds this too, but says no more than that it cannot decode
        if checksum(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise DataError(f"{path} is damaged: the checksum of its {kind!r} chunk is wrong")
        if at == 8:
            header = _ihdr(bytes(view[16:end])) if kind == b"IHDR" else None
        kinds.add(kind)
        if kind == b"IDAT":
            deflated.append(view[at + 8 : end])
        at = end + 4
    if header is None:
        raise DataError(f"{path} is damaged: it has no header")
    return header._replace(kinds=frozenset(kinds), deflated=tuple(deflated))


def _ihdr(fields: bytes) -> PngHeader | None:
    if len(fields) != 13:
        return None
    width, height = int.from_bytes(fields[0:4], "big"), int.from_bytes(fields[4:8], "big")
    return PngHeader(width, height, fields[8], fields[9], fields[12] != 0)


@lru_cache(maxsize=1000)
def _say_converted(folder: Path, kind: str) -> None:
    """Once a folder, not once a frame."""
    log.warning("%s: %s pictures are read as RGB (nothing is lost)", folder, kind)


def _size(picture_HWC: NDArray[Any]) -> str:
    return f"{picture_HWC.shape[1]}x{picture_HWC.shape[0]}"
