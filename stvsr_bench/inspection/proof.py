"""Whether a checkpoint writes the pictures that its authors published of their own network.

No table proves whose a file is: a number may be hit by another file. Pictures of 800,000 values are not.
Axes: S frames made, T frames given, C channels, H W size.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch

from stvsr_bench import checkpoints, methods, metrics, plugins, protocols
from stvsr_bench.acquire.connection import Progress
from stvsr_bench.acquire.download import Wanted, download
from stvsr_bench.acquire.published import address
from stvsr_bench.data import frames
from stvsr_bench.data.frames import Bytes
from stvsr_bench.errors import DataError, UsageError, counted
from stvsr_bench.restore import forward, pick_device, place
from stvsr_bench.schema import Example, Method, MethodCard, Settings, Shown, Source

# float32 differs in the last bits between machines: 1e-5 of a grey level's 1/255 moves about 0.5 % of all values over a
# rounding border, by one level. Another training step moves far more, and further
LEAST_EQUAL_PERCENT = 99.0
LARGEST = 1


@dataclass(frozen=True)
class Pictures:
    """The frames given and those made of them; `published` if their pixels are those that the card names."""

    given_THWC: Bytes
    made_SHWC: Bytes
    names: tuple[str, ...]
    published: bool


@dataclass(frozen=True)
class Frame:
    """One frame of ours against the published one: pixels equal in all three colours, in percent; PSNR of RGB in dB
    (infinite if equal); the largest difference in grey levels."""

    name: str
    equal_percent: float
    psnr_db: float
    largest: int


@dataclass(frozen=True)
class Proof:
    """What a checkpoint made of the example; `counts` if it is the authors' from now on."""

    method: str
    sha256: str
    published: bool
    frames: tuple[Frame, ...]
    counts: bool = False

    @property
    def verdict(self) -> Literal["equal", "rounding", "no"]:
        """ "rounding": no value differs by more than one level, and 99 % of the pixels of each frame are equal."""
        if all(frame.largest == 0 for frame in self.frames):
            return "equal"
        close = all(frame.largest <= LARGEST and frame.equal_percent >= LEAST_EQUAL_PERCENT for frame in self.frames)
        return "rounding" if close else "no"

    def sentence(self) -> str:
        """The verdict in a sentence or two."""
        said = {
            "equal": "writes the pictures of the example, every pixel",
            "rounding": "writes the pictures of the example, except for rounding in the last grey level",
            "no": "does not write the pictures of the example: it is another training, another file, or run otherwise",
        }[self.verdict]
        whose = "" if self.published else ". The pictures are not those that the card names, so nothing is proved of it"
        kept = ". It counts as the authors' from now on" if self.counts else ""
        return f"{self.method} (SHA-256 {self.sha256[:12]}...) {said}{whose}{kept}"


def pictures(name: str, folder: Path | None = None, progress: Progress = lambda there, total: None) -> Pictures:
    """The pictures of a method's example, from a folder (of a person, or of a clone) or fetched file by file.

    Raises:
        UsageError: its card names no example.
        DataError: a picture is missing, broken or not the published one; see also `download`.
    """
    example = _card(name).example
    if not example.made:
        raise UsageError(f"{name.partition('@')[0]}: its card names no published pictures to prove weights by")
    if folder is None:
        folder = plugins.home() / "examples" / example.repo.replace("/", "+") / example.commit
        shown = [*example.given, *example.made]
        for done, picture in enumerate(shown):
            source = Source(repo=example.repo, commit=example.commit, path=picture.path)
            download(Wanted(address(source), folder / picture.path, blob=picture.blob))
            progress(done + 1, len(shown))
    given, made = ([_found(folder, picture) for picture in part] for part in (example.given, example.made))
    given_THWC, made_SHWC = frames.read(given), frames.read(made)
    published = _are(given_THWC, example.given) and _are(made_SHWC, example.made)
    return Pictures(given_THWC, made_SHWC, tuple(path.name for path in made), published)


def prove(name: str, shown: Pictures, device: str = "cpu") -> Proof:
    """What METHOD, METHOD@TAG or METHOD@FILE makes of the example; kept in the cache's index if it proves the file.

    Raises:
        WeightsError, UsageError: no such method or weights.
        DataError: the pictures are of another size than the network makes.
        ClipError: the network fails.
    """
    card = _card(name)
    tag = name.partition("@")[2] or card.example.weights
    method = methods.build(f"{name.partition('@')[0]}@{tag}")
    if method.card.name != card.name or not method.weights_sha256:
        raise UsageError(f"{name} is not one method with weights")
    ours_SHWC = _run(method, shown, device)
    compared = _compared(shown.names, ours_SHWC, shown.made_SHWC)
    proof = Proof(f"{card.name}@{method.weights_tag}", method.weights_sha256, shown.published, compared)
    return _recorded(proof, card) if shown.published and proof.verdict != "no" else proof


def _card(name: str) -> MethodCard:
    return methods.card(plugins.canonical(name.partition("@")[0].partition(":")[0]))


def _found(folder: Path, picture: Shown) -> Path:
    """The file of a picture in a clone, or in a folder that has them side by side."""
    beside = folder / PurePosixPath(picture.path).name
    path = folder / picture.path
    if not path.is_file() and not beside.is_file():
        raise DataError(f"{folder} has neither {picture.path} nor {beside.name}")
    return path if path.is_file() else beside


def _are(pictures_SHWC: Bytes, shown: list[Shown]) -> bool:
    found = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures_SHWC]
    return found == [picture.pixels for picture in shown]


def _run(method: Method, shown: Pictures, device: str) -> Bytes:
    settings = Settings(device=pick_device(device))
    with torch.inference_mode():
        sr_SCHW = forward(
            place(method, settings), frames.from_bytes(shown.given_THWC), protocols.get(protocols.DEFAULT), settings, {}
        )
    ours_SHWC = frames.to_bytes(sr_SCHW)
    if ours_SHWC.shape != shown.made_SHWC.shape:
        raise DataError(
            f"{method.spec} makes frames of (S, H, W, C) {ours_SHWC.shape} of the example, its pictures are "
            f"{shown.made_SHWC.shape}"
        )
    return ours_SHWC


def _compared(names: tuple[str, ...], ours_SHWC: Bytes, theirs_SHWC: Bytes) -> tuple[Frame, ...]:
    psnr_S = metrics.psnr_rgb(ours_SHWC.transpose(0, 3, 1, 2), theirs_SHWC.transpose(0, 3, 1, 2))
    apart_SHW = np.abs(ours_SHWC.astype(np.int16) - theirs_SHWC).max(axis=3)
    return tuple(
        Frame(name, equal_percent=100 * float(np.mean(apart_HW == 0)), psnr_db=float(psnr), largest=int(apart_HW.max()))
        for name, psnr, apart_HW in zip(names, psnr_S, apart_SHW, strict=True)
    )


def _recorded(proof: Proof, card: MethodCard) -> Proof:
    """With the file listed as proved, where the cache keeps it under the tag that the example is of."""
    entry = checkpoints.listed(card.name, card.example.weights)
    if entry is None or entry.sha256 != proof.sha256:
        return proof
    checkpoints.prove(entry, _described(card.example, proof))
    return Proof(f"{card.name}@{card.example.weights}", proof.sha256, proof.published, proof.frames, counts=True)


def _described(example: Example, proof: Proof) -> str:
    return f"{example.repo}@{example.commit[:7]}: {counted(len(proof.frames), 'picture')}, {proof.verdict}"
