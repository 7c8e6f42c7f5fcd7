"""Procedural clips with exact motion: textured layers that move, turn, grow and hide each other.

A scene is a background and sprites in front of it, each an affine map from its texture to the screen at every frame.
Pixels are the same to the byte on every machine: positions are fixed-point integers, colours are blended in 16-bit
lanes of a 64-bit word (red, green, blue, cover), and nothing depends on a library's rounding. Frames are drawn at twice
the size and averaged. The flow of a pixel is that of the layer that covers most of it.

Axes: S frames, H W screen, Y X texture. Screen coordinates are pixels, the centre of the first pixel is (0.5, 0.5).
"""

import math
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Affine = tuple[float, float, float, float, float, float]  # x' = a x + b y + c, y' = d x + e y + f

_LANES = np.uint64(0x00FF00FF00FF00FF)
_HALF = np.uint64(0x0080008000800080)
_SUPER = 2  # samples per pixel along each axis


@dataclass(frozen=True)
class Motion:
    """Where a layer is, `t` units of time from the middle: pixels from the middle of the screen, radians, zoom."""

    x: float = 0.0
    y: float = 0.0
    vx: float = 0.0
    vy: float = 0.0
    ax: float = 0.0
    ay: float = 0.0
    angle: float = 0.0
    spin: float = 0.0
    zoom: float = 1.0
    growth: float = 0.0

    def faster(self, factor: float) -> "Motion":
        """The same path walked `factor` times as fast; the middle frame stays where it is."""
        return replace(
            self,
            vx=self.vx * factor,
            vy=self.vy * factor,
            ax=self.ax * factor,
            ay=self.ay * factor,
            spin=self.spin * factor,
            growth=self.growth * factor,
        )

    def at(self, t: float) -> Affine:
        """The map from the layer's own coordinates (its centre is the origin) to the screen."""
        turn = self.angle + self.spin * t
        zoom = self.zoom * (1 + self.growth * t)
        # 12 digits: the last bit of a cosine differs between C libraries, and must not reach a pixel
        cos, sin = round(math.cos(turn) * zoom, 12), round(math.sin(turn) * zoom, 12)
        x = self.x + self.vx * t + self.ax * t * t / 2
        y = self.y + self.vy * t + self.ay * t * t / 2
        return cos, -sin, x, sin, cos, y


@dataclass(frozen=True)
class Layer:
    """A texture with its motion. `cover_YX` (0..255) is its shape; a background has none and repeats as mirrors."""

    texture_YXC: Bytes
    motion: Motion
    cover_YX: Bytes | None = None


@dataclass(frozen=True)
class Scene:
    """Layers from back to front, and a camera that moves them all, about the middle of the screen.

    `frames` are one unit of time apart; with a `rate` of R there are R - 1 more between each two of them.
    """

    layers: tuple[Layer, ...]
    camera: Motion
    frames: int = 7
    height: int = 256
    width: int = 448
    rate: int = 1

    @property
    def times(self) -> list[float]:
        """When each frame is taken, in units of time from the middle of the scene."""
        middle = (self.frames - 1) / 2
        # i / rate is exact where it is whole: those are the moments of rate 1, to the bit
        return [i / self.rate - middle for i in range((self.frames - 1) * self.rate + 1)]

    def faster(self, factor: float) -> "Scene":
        """The same scene with every motion, the camera's too, `factor` times as fast."""
        layers = tuple(replace(layer, motion=layer.motion.faster(factor)) for layer in self.layers)
        return replace(self, layers=layers, camera=self.camera.faster(factor))

    def maps(self) -> NDArray[np.float64]:
        """The map of every layer and frame from texture to screen, shape (layers, S, 6)."""
        from_middle: Affine = (1, 0, self.width / 2, 0, 1, self.height / 2)
        rows = []
        for layer in self.layers:
            y_texels, x_texels = layer.texture_YXC.shape[:2]
            centred: Affine = (1, 0, -x_texels / 2, 0, 1, -y_texels / 2)
            row = []
            for t in self.times:
                seen = _after(from_middle, self.camera.at(t))
                row.append(_after(seen, _after(layer.motion.at(t), centred)))
            rows.append(row)
        return np.array(rows, dtype=np.float64)


@dataclass(frozen=True)
class Rendered:
    """What a scene looks like: frames (S, H, W, 3), which layer each pixel shows (S, H, W), and the layers' maps."""

    frames_SHWC: Bytes
    layer_SHW: Bytes
    maps: NDArray[np.float64]

    def flow(self) -> NDArray[np.float32]:
        """Exact forward flow (S-1, H, W, 2), x then y, in pixels: frame i to i+1, of what is seen in frame i."""
        frames, height, width = self.layer_SHW.shape
        ys, xs = np.mgrid[0:height, 0:width] + 0.5
        flow = np.empty((frames - 1, height, width, 2), np.float32)
        for i in range(frames - 1):
            steps = _steps(self.maps, i)
            a, b, c, d, e, f = steps[self.layer_SHW[i]].transpose(2, 0, 1)
            flow[i, ..., 0] = a * xs + b * ys + c - xs
            flow[i, ..., 1] = d * xs + e * ys + f - ys
        return flow


def render(scene: Scene) -> Rendered:
    """The frames of a scene, the same to the byte everywhere; every `rate`-th is that of rate 1, to the byte too."""
    maps = scene.maps()
    packed = [_packed(layer, maps[k], scene) for k, layer in enumerate(scene.layers)]
    count = len(scene.times)
    frames = np.empty((count, scene.height, scene.width, 3), np.uint8)
    seen = np.zeros((count, scene.height, scene.width), np.uint8)
    for i in range(count):
        canvas = np.zeros((scene.height * _SUPER, scene.width * _SUPER), np.uint64)
        for k, texture in enumerate(packed):
            inverse = _inverse(maps[k, i])
            top, bottom, left, right = _box(texture, maps[k, i], scene) if k else _whole(scene)
            if top >= bottom or left >= right:
                continue
            rows, columns = slice(top * _SUPER, bottom * _SUPER), slice(left * _SUPER, right * _SUPER)
            drawn = _sample(texture, inverse, rows, columns)
            canvas[rows, columns] = _over(canvas[rows, columns], drawn)
            mostly = _mean((drawn >> np.uint64(48)).astype(np.uint64)) >= 128
            seen[i, top:bottom, left:right][mostly] = k
        frames[i] = _unpacked(_mean(canvas))
    return Rendered(frames, seen, maps)


def mean_motion(scene: Scene, stride: int = 8) -> float:
    """Mean length of the forward flow over all pixels and pairs of frames, in pixels, seen on a coarse grid."""
    maps = scene.maps()
    ys, xs = np.mgrid[stride // 2 : scene.height : stride, stride // 2 : scene.width : stride] + 0.5
    total = 0.0
    pairs = len(scene.times) - 1
    for i in range(pairs):
        shown = np.zeros(xs.shape, np.intp)
        for k, layer in enumerate(scene.layers[1:], start=1):
            shown[_covered(layer, _inverse(maps[k, i]), xs, ys)] = k
        a, b, c, d, e, f = _steps(maps, i)[shown].transpose(2, 0, 1)
        total += float(np.hypot(a * xs + b * ys + c - xs, d * xs + e * ys + f - ys).mean())
    return total / pairs


def at_speed(scene: Scene, target_px: float, rounds: int = 6) -> Scene:
    """The scene sped up or slowed down until its mean motion is `target_px` pixels per frame (about 1 %)."""
    factor = 1.0
    for _ in range(rounds):
        # 6 digits: a sum's last bit differs between processors, and must not reach a pixel
        factor = round(factor * target_px / mean_motion(scene.faster(factor)), 6)
    return scene.faster(factor)


def polygon(corners: list[tuple[int, int]], size: int) -> Bytes:
    """A filled polygon as cover 0..255 on a square of `size` texels, by 4x4 samples a texel; corners in texels."""
    grid = np.arange(size * 4, dtype=np.int64) * 2 + 1  # in eighths of a texel, so a sample never meets a corner
    xs, ys = grid[None, :], grid[:, None]
    inside = np.zeros((size * 4, size * 4), bool)
    for first, second in zip(corners, corners[1:] + corners[:1], strict=True):
        (x0, y0), (x1, y1) = sorted(((8 * first[0], 8 * first[1]), (8 * second[0], 8 * second[1])), key=itemgetter(1))
        if y0 != y1:
            inside ^= (ys >= y0) & (ys < y1) & ((xs - x0) * (y1 - y0) < (ys - y0) * (x1 - x0))
    count = inside.reshape(size, 4, size, 4).sum(axis=(1, 3))
    cover: Bytes = ((count * 255 + 8) // 16).astype(np.uint8)
    return cover


def _after(second: Affine, first: Affine) -> Affine:
    """The map that applies `first`, then `second`."""
    a, b, c, d, e, f = second
    g, h, i, j, k, m = first
    return a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f


def _inverse(forward: NDArray[np.float64]) -> Affine:
    a, b, c, d, e, f = (float(value) for value in forward)
    area = a * e - b * d
    return e / area, -b / area, (b * f - c * e) / area, -d / area, a / area, (c * d - a * f) / area


def _steps(maps: NDArray[np.float64], i: int) -> NDArray[np.float64]:
    """How the screen moves from frame i to i+1, for each layer: shape (layers, 6)."""
    return np.array([_after(tuple(row[i + 1].tolist()), _inverse(row[i])) for row in maps])


@dataclass(frozen=True)
class _Packed:
    """A texture as 64-bit words with room around it, and the texel (y, x) that the first word stands for.

    Positions are rounded as distances from the texel `anchor`, which is the same for every rate: room that frames in
    between need must not move the others by a rounding.
    """

    words_YX: Words
    first: tuple[int, int]
    anchor: tuple[int, int]


def _packed(layer: Layer, maps: NDArray[np.float64], scene: Scene) -> _Packed:
    y_texels, x_texels = layer.texture_YXC.shape[:2]
    if layer.cover_YX is None:
        xs, ys = _corners_in_texture(maps, scene)
        top, left = _room_before(xs, ys)
        anchor = _room_before(*_corners_in_texture(maps[:: scene.rate], scene))
        room = (top, max(0, math.ceil(max(ys)) + 2 - y_texels)), (left, max(0, math.ceil(max(xs)) + 2 - x_texels))
        texture = np.pad(layer.texture_YXC, (*room, (0, 0)), mode="symmetric")
        cover = np.full(texture.shape[:2], 255, np.uint8)
    else:
        top, left = anchor = 2, 2
        # the edge's own colours under a cover of 0: bilinear reads beyond the shape, and black would darken its rim
        texture = np.pad(layer.texture_YXC, ((2, 2), (2, 2), (0, 0)), mode="edge")
        cover = np.pad(layer.cover_YX, 2)
    red, green, blue = texture.astype(np.uint64).transpose(2, 0, 1)
    words = red | green << np.uint64(16) | blue << np.uint64(32) | cover.astype(np.uint64) << np.uint64(48)
    return _Packed(words, (-top, -left), (-anchor[0], -anchor[1]))


def _room_before(xs: list[float], ys: list[float]) -> tuple[int, int]:
    """How many texels (y, x) are needed before the first of the texture."""
    return max(0, 2 - math.floor(min(ys))), max(0, 2 - math.floor(min(xs)))


def _corners_in_texture(maps: NDArray[np.float64], scene: Scene) -> tuple[list[float], list[float]]:
    """Texture coordinates of the screen's corners in all frames."""
    xs, ys = [], []
    for row in maps:
        a, b, c, d, e, f = _inverse(row)
        for x, y in ((0, 0), (scene.width, 0), (0, scene.height), (scene.width, scene.height)):
            xs.append(a * x + b * y + c)
            ys.append(d * x + e * y + f)
    return xs, ys


def _whole(scene: Scene) -> tuple[int, int, int, int]:
    return 0, scene.height, 0, scene.width


def _box(texture: _Packed, forward: NDArray[np.float64], scene: Scene) -> tuple[int, int, int, int]:
    """Rows and columns of the screen that a sprite may touch: top, bottom, left, right."""
    a, b, c, d, e, f = (float(value) for value in forward)
    height, width = texture.words_YX.shape
    top, left = texture.first[0] + 1, texture.first[1] + 1
    bottom, right = texture.first[0] + height - 1, texture.first[1] + width - 1
    corners = [(x, y) for x in (left, right) for y in (top, bottom)]
    xs, ys = [a * x + b * y + c for x, y in corners], [d * x + e * y + f for x, y in corners]
    return (
        max(0, math.floor(min(ys))),
        min(scene.height, math.ceil(max(ys)) + 1),
        max(0, math.floor(min(xs))),
        min(scene.width, math.ceil(max(xs)) + 1),
    )


def _sample(texture: _Packed, inverse: Affine, rows: slice, columns: slice) -> Words:
    """The texture at every sample of a part of the screen, bilinear with 8 bits of fraction."""
    height, width = texture.words_YX.shape
    xs, ys = np.arange(columns.start, columns.stop, dtype=np.int64), np.arange(rows.start, rows.stop, dtype=np.int64)
    u = _fixed(inverse[:3], xs, ys, texture.first[1], texture.anchor[1])
    v = _fixed(inverse[3:], xs, ys, texture.first[0], texture.anchor[0])
    np.clip(u, 0, ((width - 2) << 8) + 255, out=u)
    np.clip(v, 0, ((height - 2) << 8) + 255, out=v)
    at = (v >> 8) * width + (u >> 8)
    texels = texture.words_YX.ravel()
    right, down = (u & 255).astype(np.uint64), (v & 255).astype(np.uint64)
    upper = _mix(texels[at], texels[at + 1], right)
    at += width
    return _mix(upper, _mix(texels[at], texels[at + 1], right), down)


def _fixed(
    line: tuple[float, float, float], xs: NDArray[np.int64], ys: NDArray[np.int64], first: int, anchor: int
) -> NDArray[np.int64]:
    """One texture coordinate of every sample, in 1/256 texel from the texel `first`."""
    a, b, c = line
    one = 1 << 24  # rounded here, once per line; from here on only integers, the same everywhere
    per_x, per_y = round(a * one / _SUPER), round(b * one / _SUPER)
    start = round((c - (0.5 + anchor) + (a + b) / (2 * _SUPER)) * one) + (anchor - first) * one
    return ((ys * per_y + start)[:, None] + (xs * per_x)[None, :]) >> 16


def _mix(first: Words, second: Words, weight: Words) -> Words:
    """All four lanes at once: first + (second - first) * weight / 256, rounded."""
    # 255 * 256 + 128 still fits 16 bits, so no lane spills into the next
    mixed: Words = ((first * (np.uint64(256) - weight) + second * weight + _HALF) >> np.uint64(8)) & _LANES
    return mixed


def _over(below: Words, above: Words) -> Words:
    cover = above >> np.uint64(48)
    return _mix(below, above, cover + (cover >> np.uint64(7)))  # 255 becomes 256: fully covered


def _mean(samples: Words) -> Words:
    """The mean of each 2x2 block, all lanes at once."""
    total = samples[0::2, 0::2] + samples[0::2, 1::2] + samples[1::2, 0::2] + samples[1::2, 1::2]
    mean: Words = ((total + np.uint64(0x0002000200020002)) >> np.uint64(2)) & _LANES
    return mean


def _unpacked(words_HW: Words) -> Bytes:
    lanes = [(words_HW >> np.uint64(shift)).astype(np.uint8) for shift in (0, 16, 32)]
    return np.stack(lanes, axis=-1)


def _covered(layer: Layer, inverse: Affine, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    assert layer.cover_YX is not None
    a, b, c, d, e, f = inverse
    size_y, size_x = layer.cover_YX.shape
    u, v = np.floor(a * xs + b * ys + c).astype(int), np.floor(d * xs + e * ys + f).astype(int)
    inside = (u >= 0) & (u < size_x) & (v >= 0) & (v < size_y)
    covered: NDArray[np.bool_] = inside & (layer.cover_YX[np.clip(v, 0, size_y - 1), np.clip(u, 0, size_x - 1)] >= 128)
    return covered
