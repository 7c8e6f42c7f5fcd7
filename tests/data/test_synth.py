"""Scenes are functions of time: denser moments are true ones, and the flow between them is where layers go."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench.data import synth


@pytest.fixture(scope="module")
def scene():
    """A background that turns and grows under two sprites on curved paths; small, so that many rates are quick."""
    random = np.random.default_rng(3)
    texture = random.integers(0, 256, (60, 90, 3)).astype(np.uint8)
    cover = synth.polygon([(2, 2), (30, 4), (26, 28), (3, 25)], 32)
    layers = (
        synth.Layer(texture, synth.Motion(x=3, zoom=0.9, angle=0.2)),
        synth.Layer(texture[:32, :32], synth.Motion(x=-9, y=2, vx=2.3, vy=-0.7, ax=0.4, spin=0.03, zoom=0.8), cover),
        synth.Layer(texture[20:52, 40:72], synth.Motion(x=12, vx=-1.9, ay=0.5, growth=0.02, angle=1.0), cover),
    )
    camera = synth.Motion(vx=1.7, vy=0.9, ax=-0.3, ay=0.2, spin=0.02, growth=0.01)
    return synth.Scene(layers, camera, frames=7, height=40, width=72)


@pytest.fixture(scope="module")
def rendered(scene):
    return synth.render(scene)


@pytest.mark.parametrize("rate", range(2, 17))
def test_the_frames_of_rate_1_are_the_same_bytes_at_every_rate(scene, rendered, rate):
    dense = synth.render(replace(scene, rate=rate))
    assert len(dense.frames_SHWC) == 6 * rate + 1
    assert np.array_equal(dense.frames_SHWC[::rate], rendered.frames_SHWC)
    assert np.array_equal(dense.layer_SHW[::rate], rendered.layer_SHW)
    assert np.array_equal(dense.maps[:, ::rate], rendered.maps)
    assert not np.array_equal(dense.frames_SHWC[1], dense.frames_SHWC[0])


def test_a_moment_is_one_picture_whichever_rate_shows_it(scene):
    four, eight, twelve = (synth.render(replace(scene, rate=rate)).frames_SHWC for rate in (4, 8, 12))
    assert np.array_equal(eight[::2], four)
    assert np.array_equal(twelve[::3], four)


def test_room_that_dense_frames_need_moves_no_other_frame(scene):
    # the camera swings out between its first and last moment: only frames in between see what lies left of the texture
    swing = synth.Motion(vx=0.0, ax=-60.0, x=40.0)
    scene = replace(scene, camera=swing, frames=2, layers=scene.layers[:1])
    sparse, dense = synth.render(scene), synth.render(replace(scene, rate=8))
    rooms = [synth._packed(scene.layers[0], one.maps[0], replace(scene, rate=rate)) for one, rate in
             ((sparse, 1), (dense, 8))]  # fmt: skip
    assert rooms[0].first != rooms[1].first and rooms[0].anchor == rooms[1].anchor
    assert np.array_equal(dense.frames_SHWC[::8], sparse.frames_SHWC)


def matrix(motion, t):
    """The map of a motion at time t by its definition, as a 3x3 matrix."""
    turn, zoom = motion.angle + motion.spin * t, motion.zoom * (1 + motion.growth * t)
    x = motion.x + motion.vx * t + motion.ax * t**2 / 2
    y = motion.y + motion.vy * t + motion.ay * t**2 / 2
    return np.array(
        [
            [zoom * math.cos(turn), -zoom * math.sin(turn), x],
            [zoom * math.sin(turn), zoom * math.cos(turn), y],
            [0, 0, 1],
        ]
    )


def to_screen(scene, layer, t):
    y_texels, x_texels = layer.texture_YXC.shape[:2]
    middle = np.array([[1, 0, scene.width / 2], [0, 1, scene.height / 2], [0, 0, 1]])
    centred = np.array([[1, 0, -x_texels / 2], [0, 1, -y_texels / 2], [0, 0, 1]])
    return middle @ matrix(scene.camera, t) @ matrix(layer.motion, t) @ centred


def shown(scene, t, x, y):
    """The front layer whose shape covers the point; None at the rim of a shape, where it is a matter of rounding."""
    for k in reversed(range(1, len(scene.layers))):
        layer = scene.layers[k]
        u, v, _ = np.linalg.solve(to_screen(scene, layer, t), [x, y, 1])
        near = [(round(u + du), round(v + dv)) for du in (-2.5, 0, 1.5) for dv in (-2.5, 0, 1.5)]
        covers = {0 <= i < 32 and 0 <= j < 32 and bool(layer.cover_YX[j, i] >= 128) for i, j in near}
        if len(covers) > 1:
            return None
        if covers == {True}:
            return k
    return 0


@pytest.mark.parametrize("rate", [1, 4, 16])
def test_flow_is_where_the_shown_layer_is_one_dense_frame_later(scene, rate):
    dense = synth.render(replace(scene, rate=rate))
    flow_FHW2 = dense.flow()
    assert flow_FHW2.shape == (6 * rate, 40, 72, 2)
    random = np.random.default_rng(rate)
    seen = set()
    for _ in range(300):
        i, row, column = random.integers(6 * rate), random.integers(40), random.integers(72)
        t, later = i / rate - 3, (i + 1) / rate - 3
        point = [column + 0.5, row + 0.5, 1]
        if (k := shown(scene, t, *point[:2])) is None:
            continue
        assert dense.layer_SHW[i, row, column] == k
        moved = to_screen(scene, scene.layers[k], later) @ np.linalg.solve(to_screen(scene, scene.layers[k], t), point)
        assert flow_FHW2[i, row, column] == pytest.approx((moved - point)[:2], abs=1e-4)
        seen.add(k)
    assert seen == {0, 1, 2}


def test_motion_of_a_dense_scene_is_per_dense_frame(scene):
    assert synth.mean_motion(replace(scene, rate=8), stride=2) * 8 == pytest.approx(
        synth.mean_motion(scene, stride=2), rel=0.02
    )
