"""What is attached to a decoded frame beside its pixels, by kind."""

from typing import Any

from av import VideoFrame
from av.sidedata.sidedata import Type


def of(frame: VideoFrame) -> Any:
    """The side data of a frame, a mapping by the names of ffmpeg's kinds, e.g. DISPLAYMATRIX."""
    return frame.side_data  # PyAV's stub has a mapping of anything


def _unnamed(kinds: type[Type], value: object) -> Type:
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNNAMED_{value}", value  # type: ignore[assignment]
    return kind


# PyAV 17 has no name for a kind that its ffmpeg makes (EXIF, of MJPEG by cameras), and then hands out none of a frame's
Type._missing_ = classmethod(_unnamed)  # type: ignore[method-assign, assignment]
