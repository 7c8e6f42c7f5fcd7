"""The `mini` data set: scenes drawn from images that come with scikit-image.

Every clip is a function of its split and name alone; `rate` says how densely it is rendered, the true frames between
those of `mini` included. Test and train share no image. Numbers come from `random.Random`,
whose stream Python promises to keep, so that a clip is the same to the byte on every machine.
"""

import hashlib
import math
import random
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from stvsr_bench.data import cache, synth
from stvsr_bench.data.frames import from_bytes
from stvsr_bench.errors import DataError, NotRunnableError, UnknownNameError
from stvsr_bench.installing import pip
from stvsr_bench.schema import Clip, Contents, DatasetCard

CLIPS = 8
TRAIN_CLIPS = 256
SPREAD = (0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3)  # of the split's speed, clip by clip; their mean is 1
SPEED_PX = {"slow": 1.0, "medium": 4.0, "fast": 10.0}
TRAIN_SPEED_PX = (0.5, 14.0)

# SHA-256 of the image files of scikit-image 0.26.0, first 16 digits: another image would be another clip
TEXTURES = {
    "coffee.png": "cc02f8ca188b167c",
    "chelsea.png": "596aa1e7cb875eb7",
    "motorcycle_left.png": "db18e9c415761740",
    "gravel.png": "c48615b451bf1e60",
    "coins.png": "f8d773fc9cfa6f4d",
    "text.png": "bd84aa3a6e3c9887",
    "color.png": "7d2df993de2b4fa2",
    "astronaut.png": "88431cd9653ccd53",
    "ihc.png": "f8dd1aa387ddd1f4",
    "camera.png": "b0793d2adda0fa6a",
    "grass.png": "b6b6022426b38936",
    "brick.png": "7966caf324f6ba84",
    "moon.png": "78739619d11f7eb9",
    "page.png": "341a6f0a61557662",
    "hubble_deep_field.jpg": "3a19c5dd8a927a93",
    "retina.jpg": "38a07f36f27f095e",
    "rocket.jpg": "c2dd0de7c538df8d",
}
TEST_BACKGROUNDS = ("coffee.png", "chelsea.png", "motorcycle_left.png", "gravel.png")
TEST_SPRITES = ("coffee.png", "chelsea.png", "motorcycle_left.png", "coins.png", "text.png", "color.png")
TRAIN_BACKGROUNDS = (
    "astronaut.png", "astronaut.png", "ihc.png", "ihc.png", "camera.png", "camera.png", "grass.png", "brick.png",
    "hubble_deep_field.jpg", "retina.jpg", "rocket.jpg",
)  # fmt: skip
TRAIN_SPRITES = ("astronaut.png", "ihc.png", "camera.png", "moon.png", "page.png", "brick.png", "grass.png")


class Mini:
    """Clips drawn on demand, kept in the cache."""

    def __init__(self, card: DatasetCard, root: Path | None = None, lists: str = "") -> None:
        self.card = card
        rate = card.options["rate"]
        assert isinstance(rate, int)  # the type of the card's own value
        self._rate = rate

    def names(self, split: str) -> list[str]:
        """`0000` to `0007` for the test splits, `0000` to `0255` for train."""
        if split not in self.card.splits:
            raise UnknownNameError(f"split of {self.card.name}", split, self.card.splits)
        return [f"{i:04d}" for i in range(TRAIN_CLIPS if split == "train" else CLIPS)]

    def made_from(self, split: str, name: str) -> list[Path]:
        """No file: a clip is a function of its name, and the images it is made of are checked by their SHA-256."""
        return []

    def contents(self, split: str) -> Contents:
        """As the card says, with the frames that `rate` puts in between."""
        said = self.card.contents[split]
        return replace(said, frames_each=(said.frames_each - 1) * self._rate + 1)

    def read(self, split: str, name: str) -> Clip:
        """One clip with its exact flow; `train` takes any number, the other splits only their own names."""
        if not (name.isascii() and name.isdigit()) or (split != "train" and name not in self.names(split)):
            raise UnknownNameError(f"clip of {self.card.name}/{split}", name, self.names(split)[:8])
        rendered = drawn(split, int(name), self._rate)
        flow = rendered.flow()
        motion_px = float(np.hypot(flow[..., 0], flow[..., 1], dtype=np.float64).mean())
        return Clip(self.card.name, split, name, from_bytes(rendered.frames_SHWC), flow_FHW2=flow, motion_px=motion_px)


def scene(split: str, number: int) -> synth.Scene:
    """The scene of one clip, at its speed."""
    chance = random.Random(f"mini {split} {number}")
    train = split == "train"
    backgrounds, sprites = (TRAIN_BACKGROUNDS, TRAIN_SPRITES) if train else (TEST_BACKGROUNDS, TEST_SPRITES)
    background = _pick(chance, backgrounds) if train else backgrounds[number % len(backgrounds)]
    layers = [_background(chance, background)]
    layers += [_sprite(chance, _pick(chance, sprites)) for _ in range(3 + int(chance.random() * 3))]
    heading = chance.random() * 2 * math.pi
    pace = _between(chance, 0.5, 1.2)
    camera = synth.Motion(
        vx=pace * math.cos(heading), vy=0.6 * pace * math.sin(heading),
        ax=_between(chance, -0.1, 0.1), ay=_between(chance, -0.1, 0.1),
        spin=_between(chance, -0.003, 0.003), growth=_between(chance, -0.003, 0.003),
    )  # fmt: skip
    if train:
        low, high = TRAIN_SPEED_PX
        speed = low * (high / low) ** chance.random()
    else:
        speed = SPEED_PX[split] * SPREAD[number]
    return synth.at_speed(synth.Scene(tuple(layers), camera), speed)


def _background(chance: random.Random, name: str) -> synth.Layer:
    texture = _tinted(chance, _texture(name))
    motion = synth.Motion(
        x=_between(chance, -60, 60), y=_between(chance, -40, 40),
        angle=_between(chance, -0.3, 0.3), zoom=_between(chance, 0.65, 1.0),
    )  # fmt: skip
    return synth.Layer(texture, motion)


def _sprite(chance: random.Random, name: str) -> synth.Layer:
    """A star or a blob cut out of a texture, with a path of its own."""
    zoom = _between(chance, 0.65, 1.0)
    radius = int(_between(chance, 26, 60) / zoom)
    size = 2 * radius + 2
    texture = _cut(chance, _tinted(chance, _texture(name)), size)
    spikes = 5 + int(chance.random() * 7)
    inner = _between(chance, 0.45, 0.9)
    corners = []
    for i in range(2 * spikes):
        turn = math.pi * i / spikes
        reach = radius * (1.0 if i % 2 else inner) * _between(chance, 0.85, 1.0)
        corners.append((size // 2 + round(reach * math.cos(turn)), size // 2 + round(reach * math.sin(turn))))
    heading, pace = chance.random() * 2 * math.pi, _between(chance, 0.3, 1.6)
    motion = synth.Motion(
        x=_between(chance, -170, 170), y=_between(chance, -90, 90),
        vx=pace * math.cos(heading), vy=pace * math.sin(heading),
        ax=_between(chance, -0.15, 0.15), ay=_between(chance, -0.15, 0.15),
        angle=chance.random() * 2 * math.pi, spin=_between(chance, -0.012, 0.012),
        zoom=zoom, growth=_between(chance, -0.006, 0.006),
    )  # fmt: skip
    return synth.Layer(texture, motion, synth.polygon(corners, size))


def _cut(chance: random.Random, texture_YXC: synth.Bytes, size: int) -> synth.Bytes:
    """A square of the texture; a texture smaller than that is continued by its mirror image."""
    height, width = texture_YXC.shape[:2]
    texture_YXC = np.pad(texture_YXC, ((0, max(0, size - height)), (0, max(0, size - width)), (0, 0)), mode="symmetric")
    top = int(chance.random() * (texture_YXC.shape[0] - size + 1))
    left = int(chance.random() * (texture_YXC.shape[1] - size + 1))
    return texture_YXC[top : top + size, left : left + size]


def _tinted(chance: random.Random, texture_YXC: synth.Bytes) -> synth.Bytes:
    """The texture in a slightly different light: each channel times 0.7 to 1, sometimes mirrored."""
    gains = np.array([180 + int(chance.random() * 77) for _ in range(3)], np.uint32)
    lit = ((texture_YXC * gains + 128) >> 8).astype(np.uint8)
    return lit[:, ::-1] if chance.random() < 0.5 else lit


def _pick(chance: random.Random, names: tuple[str, ...]) -> str:
    return names[int(chance.random() * len(names))]


def _between(chance: random.Random, low: float, high: float) -> float:
    return low + (high - low) * chance.random()


@lru_cache(maxsize=20)
def _texture(name: str) -> synth.Bytes:
    """An image of scikit-image as RGB bytes; the package is not imported, its file is read."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise NotRunnableError(
            f"mini draws its clips from images of scikit-image, which is not installed: run {pip('scikit-image')}"
        )
    path = Path(spec.origin).parent / "data" / name
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise NotRunnableError(
            f"mini needs scikit-image's {name}, but {path} cannot be read: {error.strerror}"
        ) from None
    if hashlib.sha256(encoded).hexdigest()[:16] != TEXTURES[name]:
        raise DataError(
            f"mini was defined with another {name} than this scikit-image has: run {pip('scikit-image==0.26.0')}"
        )
    decoded = cv2.imdecode(np.frombuffer(_without_profile(encoded), np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise DataError(f"{path} cannot be decoded by this OpenCV ({cv2.__version__})")
    return np.ascontiguousarray(decoded[..., ::-1]).astype(np.uint8)


def _without_profile(encoded: bytes) -> bytes:
    """A PNG without its colour profile, which OpenCV ignores but libpng complains about on stderr."""
    at = encoded.find(b"iCCP", 0, 4096)
    if at < 0:
        return encoded
    length = int.from_bytes(encoded[at - 4 : at], "big")
    return encoded[: at - 4] + encoded[at + 8 + length :]


def drawn(split: str, number: int, rate: int = 1) -> synth.Rendered:
    """The frames, layers and maps of one clip: from the cache, else drawn and put there."""
    path = cache.clips("mini") / _recipe() / split / f"{number:04d}{f'-rate{rate}' if rate > 1 else ''}.npz"
    kept = cache.load(path)
    if kept is not None:
        return synth.Rendered(kept["frames"], kept["layers"], kept["maps"])
    # its speed is that of rate 1, whatever the rate: the scene is one, only the moments are more
    rendered = synth.render(replace(scene(split, number), rate=rate))
    cache.store(path, frames=rendered.frames_SHWC, layers=rendered.layer_SHW, maps=rendered.maps)
    return rendered


@lru_cache(maxsize=1)
def _recipe() -> str:
    """A digest of the code that draws, so that a changed recipe never meets an old cache."""
    return hashlib.sha256(Path(__file__).read_bytes() + Path(synth.__file__).read_bytes()).hexdigest()[:12]
