"""Flags of rows as sentences under a table."""

import pandas as pd

_WAYS = ("180", "90-left", "90-right")  # in which a video may be stored
# said by badges, or by a note of their own
_NO_NOTE = ("partial", "external", "override", "flat")
_SAYS = {
    "black": "Clips have totally black frames; their PSNR may be infinite",
    "leak": "Held-out frames were inputs, because the protocol's last window is given them",
    "unscored": "Some frames are never scored under this protocol",
    "scale-untrained": "The weights were not trained for this scale",
    "ties": "Some pixels lie exactly between two low-resolution ones, and rounding decides which is taken",
    "rounded-files": "The files are rounded to 8 bits, but the protocol scores unrounded numbers",
    "shifted": "The frames handed in lie some pixels beside the truth",
    "unlike-truth": "The frames handed in have next to nothing in common with the truth",
    "held": "Interpolated frames are copies of another frame",
    "frozen": "Interpolated frames repeat a neighbouring frame although the true frames move",
    "ignores-time": "All interpolated frames of a gap are alike although the true frames move",
    "looping": "Interpolated frames show again what an earlier frame showed, and the true frames do not",
    "whole-video": "Cut out of one whole video; input frames count from its start",
    "tile-unsafe": "Tiles of any size change this method's numbers, as its card says",
    "tile-unmeasured": "How much tiles change this method's numbers with these weights is not known",
    "tile-below-least": "Tiles are smaller than the smallest that the method's card allows",
    "matrix-assumed": "The video does not name its colour matrix; BT.709 or BT.601 was taken by its size",
    "lossy-truth": "The true frames are from a video with lossy coding",
    "lossy-input": "The video handed in has lossy coding, so its scores include the coding loss",
    "truth-as-ffmpeg": "The true video is converted as ffmpeg does by default; the input frames are equal to that",
    "bits": "The video has more than 8 bits; it was rounded to 8",
    "sar": "Pixels of the video are not square; they are measured as they are stored",
    "hdr": "HDR video, measured in its stored values (--hdr as-is)",
    "deinterlaced": "Interlaced video was made into whole frames (--deinterlace)",
    "vfr": "Frames are at uneven times, and are measured as if they were even (--allow-vfr)",
    "track": "Not the first video track of its file (--track)",
    "changes": "The method changes settings of its process (threads, dtype, ...); they are restored after each call",
    "python-object": "The method was a Python object; its rows have a digest of its code, and no file of it",
    "hidden-code": "No digest covers all that the method computes with, so its rows are never taken as done",
    "mirrored": "Mirrored as the video's header says",
    **{f"{first}turned-{way}": "Turned as the video's header says" for first in ("", "mirrored-") for way in _WAYS},
}


def notes(tidy: pd.DataFrame) -> list[str]:
    """What rows say of themselves, a sentence per kind of flag, each with its number of clips and the flag's name."""
    kinds: dict[str, set[tuple[str, str, str]]] = {}
    of = tidy[["dataset", "split", "clip", "flags"]].itertuples(index=False, name=None)
    for dataset, split, clip, flags in of:
        for flag in flags:
            kinds.setdefault(flag.split(":", 1)[0], set()).add((dataset, split, clip))
    return [_note(kind, len(clips)) for kind, clips in sorted(kinds.items()) if kind not in _NO_NOTE]


def _note(kind: str, clips: int) -> str:
    counted = f"{clips} clip{'s' if clips > 1 else ''}"
    if kind.startswith("list-"):
        said = f"The clip list is not a published one (hash {kind.removeprefix('list-')}): not comparable with papers"
        return f"{said}; {counted}"
    return f"{_SAYS.get(kind, 'A flag that this version of stvsr-bench does not know')}; {counted} (flag: {kind})"
