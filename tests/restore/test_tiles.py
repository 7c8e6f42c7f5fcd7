"""Tiles against the whole picture: exact where a network sees no further than its overlap, close where it sees far."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stvsr_bench import datasets, methods, protocols
from stvsr_bench.errors import ClipError, WeightsError
from stvsr_bench.methods import identity
from stvsr_bench.restore import low_resolution, restore
from stvsr_bench.restore.tiles import Tiling
from stvsr_bench.schema import Clip, Method, MethodCard, Settings, TileNeeds

SUITE = protocols.get("suite-1")
SAFE = TileNeeds(least=16, overlap=8, safe=True)
CARD = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False, tiles=SAFE)
WITHIN_DB = 0.05  # what a card promises of tiles from its least on


class Doubled(nn.Module):
    """What `look` makes of each frame, x4 by repetition; frames between are the mean. Notes what it is given."""

    def __init__(self, look=lambda frames: frames, most=None):
        super().__init__()
        self.look, self.most, self.given = look, most, []

    def forward(self, lr_BTChw):
        self.given.append(lr_BTChw)
        if self.most is not None and lr_BTChw[0, 0, 0].numel() > self.most:
            raise MemoryError
        looked = self.look(lr_BTChw.flatten(0, 1)).unflatten(0, lr_BTChw.shape[:2])
        between = (looked[:, :-1] + looked[:, 1:]) / 2
        dense = torch.stack([looked[:, :-1], between], dim=2).flatten(1, 2)
        dense = torch.cat([dense, looked[:, -1:]], dim=1)
        return F.interpolate(dense.flatten(0, 1), scale_factor=4, mode="nearest").unflatten(0, dense.shape[:2])


def method(net=None, **card):
    return Method(spec="toy", card=replace(CARD, **card), net=net or Doubled())


def noise(height, width, frames=3, seed=0):
    return np.random.default_rng(seed).random((frames, 3, height, width), dtype=np.float32)


def convolutions(depth):
    """A network that sees `depth` pixels to each side, with what tiles could spoil: borders and nonlinear steps."""
    torch.manual_seed(depth)
    layers = [[nn.Conv2d(3, 3, 3, padding=1), nn.Tanh()] for _ in range(depth)]
    return nn.Sequential(*itertools.chain(*layers)).requires_grad_(False)


def seen_whole(net, lr_SChw, grid):
    """What the network makes of the picture padded once, not by our code: zeros to the right and below."""
    height, width = lr_SChw.shape[-2:]
    given = torch.from_numpy(lr_SChw[::2])[None]
    sr = net(F.pad(given, (0, -width % grid, 0, -height % grid)))
    return sr[0, ..., : 4 * height, : 4 * width].numpy()


@pytest.mark.parametrize(("depth", "overlap"), [(0, 0), (0, 5), (1, 6), (1, 8), (3, 14), (3, 16)])
@pytest.mark.parametrize("grid", [1, 4, 8, 6])
def test_tiles_are_exact_where_the_network_sees_no_further_than_half_the_overlap(depth, overlap, grid):
    look = convolutions(depth)
    for height, width in [(29, 46), (40, 32)]:
        lr_SChw = noise(height, width)
        whole = seen_whole(Doubled(look), lr_SChw, grid)
        for tile in (overlap + 7, overlap + 8, 27, 45):
            settings = Settings(tile=tile, tile_overlap=overlap)
            tiled = restore(method(Doubled(look), multiple_of=grid), lr_SChw, SUITE, settings)
            np.testing.assert_allclose(tiled.sr_SCHW, whole, atol=1e-5, err_msg=f"{tile}-{overlap} of {height}x{width}")


def test_no_tile_is_padded_by_itself():
    net = Doubled()
    lr_SChw = noise(29, 46) + 1  # so that zeros can only be padding
    restored = restore(method(net, multiple_of=8), lr_SChw, SUITE, Settings(tile=23, tile_overlap=8))
    assert restored.how == {"tile": "16-8", "pad": "zeros 2x3"}
    picture = np.pad(lr_SChw[::2], ((0, 0), (0, 0), (0, 3), (0, 2)))
    places = list(itertools.product((0, 8, 16), (0, 8, 16, 24, 32)))
    assert len(net.given) == len(places)
    for given, (top, left) in zip(net.given, places, strict=True):
        np.testing.assert_array_equal(given[0], picture[..., top : top + 16, left : left + 16])


@pytest.mark.parametrize("grid", [1, 3, 4, 8])
def test_every_tile_asked_for_is_rounded_to_the_grid(grid):
    for size, overlap in itertools.product(range(1, 66), range(34)):
        used = Tiling.on(grid, size, overlap)
        assert used.size % grid == used.overlap % grid == 0
        assert overlap <= used.overlap < overlap + grid
        assert used.size >= used.overlap + grid
        if size >= used.overlap + grid:
            assert size - grid < used.size <= size


def test_the_row_says_the_tile_that_was_used_not_the_one_that_was_asked_for():
    asked = Settings(tile=62, precision="bf16")
    restored = restore(method(multiple_of=8), noise(64, 72), SUITE, asked)
    assert restored.how["tile"] == "56-16"
    assert asked.name_after("zsm", restored.how) == "zsm [bf16,tile56-16]"
    # the same method has the same name on a clip that one tile covers: one line of a table, not two
    small = restore(method(multiple_of=8), noise(48, 56), SUITE, asked)
    assert asked.name_after("zsm", small.how) == "zsm [bf16,tile56-16]"
    assert Settings().name_after("zsm", {"pad": "zeros 0x4"}) == "zsm"


def test_the_seams_of_a_network_that_sees_far_are_ramps():
    def with_mean(frames):
        return frames + frames.mean((1, 2, 3), keepdim=True)

    lr_SChw = noise(40, 60)
    lr_SChw[..., 30:] /= 4  # so that the means of tiles differ
    # where the last tile begins inside another's ramp, two rise at once against the third that falls
    for size, overlap, at_once in [(24, 16, 1), (24, 8, 1), (32, 12, 1), (39, 20, 2)]:
        net = Doubled(with_mean)
        tiled = restore(method(net), lr_SChw, SUITE, Settings(tile=size, tile_overlap=overlap)).sr_SCHW
        means = [float(given[0, 0].mean()) for given in net.given]
        added = tiled[0] - lr_SChw[0].repeat(4, axis=1).repeat(4, axis=2)  # of each pixel, a mixture of the means
        assert min(means) - 1e-5 <= added.min() and added.max() <= max(means) + 1e-5
        # between two tiles their mean gives way over the middle half of the overlap, not at once
        steepest = at_once * (max(means) - min(means)) / (4 * overlap / 2)
        assert max(abs(np.diff(added, axis=1)).max(), abs(np.diff(added, axis=2)).max()) <= steepest * 1.001 + 1e-5
        # the outer quarter of the overlap counts nothing: the first tile is alone until then
        alone = 4 * (min(size - overlap, 40 - size) + overlap // 4)
        np.testing.assert_allclose(added[:, :alone, :alone], means[0], atol=1e-5)


@pytest.mark.fault(
    "D",
    "a network runs out of memory",
    "smaller tiles that are safe for it; the row's name says so",
    "0",
)
def test_memory_that_runs_out_gives_safe_tiles_the_flag_and_the_name():
    net = Doubled(convolutions(1), most=24 * 40)
    lr_SChw = noise(37, 70)
    settings = Settings(tile_overlap=6)
    restored = restore(method(net, multiple_of=4), lr_SChw, SUITE, settings)
    # half of 72 is still too much; half of that is 18, on the grid 16
    assert restored.how == {"pad": "zeros 2x3", "tile": "16-8", "fall_back": "out of memory"}
    np.testing.assert_allclose(restored.sr_SCHW, seen_whole(Doubled(convolutions(1)), lr_SChw, 4), atol=1e-5)
    assert settings.name_after("toy", restored.how) == "toy [tile16-8,fell back]"
    assert settings.name("toy") == "toy"
    with pytest.raises(MemoryError):
        restore(method(net, multiple_of=4), lr_SChw, SUITE, replace(settings, fall_back=False))


def test_a_clip_that_fell_back_keeps_its_tiles():
    net = Doubled(most=40 * 40)
    restored = restore(method(net), noise(40, 60, frames=13), SUITE, Settings(tile_overlap=8))
    whole = [given for given in net.given if given.shape[-2:] == (40, 60)]
    assert len(restored.windows.passes) == 2 and len(whole) == 1


def test_the_least_tile_is_rounded_up_to_the_grid():
    net = Doubled(most=30 * 30)
    restored = restore(method(net, multiple_of=8, tiles=TileNeeds(20, 8, safe=True)), noise(40, 40), SUITE)
    assert restored.how["tile"] == "24-16"  # 16 pixels are asked for, 8 needed


def test_tiles_that_gave_no_frame_leave_no_flag():
    asked = Settings(tile=32, tile_overlap=4)
    restored = restore(method(Doubled(most=20 * 20)), noise(40, 60), SUITE, asked)
    assert restored.how == {"tile": "16-8", "fall_back": "out of memory"}


@pytest.mark.fault(
    "D",
    "a network runs out of memory, and no smaller tile is safe",
    "the clip fails with a sentence",
    "3",
)
@pytest.mark.parametrize(
    ("needs", "settings", "says"),
    [
        (SAFE, Settings(tile_overlap=8), "in tiles of 16 pixels, and smaller tiles than 16-8 would change its numbers"),
        (TileNeeds(32, 16, safe=True), Settings(), "in tiles of 32 pixels, and smaller tiles than 32-16 would"),
        (TileNeeds(64, 16, safe=True), Settings(), "on whole frames, and smaller tiles than 64-16 would"),
        (TileNeeds(64, 16, safe=True), Settings(tile=80), "on whole frames, and smaller tiles than 64-16 would"),
        (SAFE, Settings(tile=12, tile_overlap=4), "in tiles of 12 pixels, and smaller tiles than 16-8 would"),
        (TileNeeds(safe=False), Settings(), "on whole frames, and its numbers change in tiles of every size"),
        (TileNeeds(safe=False), Settings(tile=32), "in tiles of 32 pixels, and its numbers change in tiles of every"),
        (TileNeeds(), Settings(), "on whole frames, and smaller tiles than 64-32 would change its numbers"),
    ],
)
def test_memory_that_runs_out_below_what_is_safe_is_one_sentence(needs, settings, says):
    with pytest.raises(ClipError, match=f"^toy ran out of memory {says}.*; use smaller frames, --precision bf16 or"):
        restore(method(Doubled(most=10), tiles=needs), noise(40, 60), SUITE, settings)


@pytest.mark.parametrize(
    ("needs", "asked", "flag"),
    [
        (SAFE, "16-8", None),
        (SAFE, "15-8", "tile-below-least"),
        (SAFE, "24-7", "tile-below-least"),
        (SAFE, "60-7", None),  # the picture is whole in it
        (TileNeeds(safe=False), "48-16", "tile-unsafe"),
        (TileNeeds(safe=False), "60-16", None),
        (TileNeeds(), "48-16", "tile-unmeasured"),
        (TileNeeds(), "56-40", "tile-unmeasured"),
    ],
)
def test_doubtful_tiles_are_measured_and_flagged(needs, asked, flag):
    tiling = Tiling.read(asked)
    restored = restore(
        method(tiles=needs), noise(40, 60), SUITE, Settings(tile=tiling.size, tile_overlap=tiling.overlap)
    )
    assert restored.how.get("tile_flag") == flag
    assert restored.how["tile"] == asked


def test_a_method_that_says_nothing_of_tiles_falls_back_to_large_ones_under_a_flag():
    net = Doubled(most=70 * 70)
    restored = restore(method(net, tiles=TileNeeds()), noise(70, 120), SUITE, Settings())
    assert restored.how == {"tile": "64-32", "tile_flag": "tile-unmeasured", "fall_back": "out of memory"}


def test_two_stage_methods_need_what_the_needier_part_needs():
    def part(spec):
        return identity.resolve(spec).card.tiles

    assert part("blend+bicubic") == part("bicubic+blend") == methods.card("bicubic").tiles
    assert part("dis+bicubic").safe is part("bicubic+dis").safe is part("rife@none+span@none").safe is False


def test_what_was_measured_with_small_weights_is_not_said_of_others():
    mini, untrained = (methods.resolve(f"zsm@{weights}").card.tiles for weights in ("mini", "none"))
    assert mini == methods.card("zsm").tiles and mini.safe
    assert untrained.safe is None and untrained.least >= 64 and untrained.overlap >= 32
    assert TileNeeds(40, 8, safe=True).of("any") == TileNeeds(40, 8, safe=True)
    assert TileNeeds(40, 8, safe=False, weights=["mini"]).of("any").safe is False


def test_the_second_part_sees_larger_frames():
    sr = replace(CARD, kind="sr", tiles=TileNeeds(20, 4, safe=True))
    vfi = replace(CARD, kind="vfi", scale=1, tiles=TileNeeds(101, 32, safe=None))
    assert identity._tiles_of_both(sr, vfi) == TileNeeds(26, 8, safe=None)
    assert identity._tiles_of_both(vfi, sr) == TileNeeds(101, 32, safe=None)


@pytest.mark.parametrize("name", methods.names())
def test_every_card_of_ours_says_what_was_measured_of_its_tiles(name):
    assert methods.card(name).tiles.safe is not None


def clip_of_mini():
    """Three frames of the fast split, of which the methods see 69x47 pixels: no multiple of 4 or 8."""
    clip = next(iter(datasets.clips("mini", "fast")))
    return Clip("mini", "fast", clip.name, np.ascontiguousarray(clip.hr_SCHW[:3, :, 30:218, 50:326]))


def psnr_y(sr_SCHW, hr_SCHW):
    """Mean PSNR of BT.601 luma in dB, by numpy alone."""
    weights = np.array([65.481, 128.553, 24.966])[:, None, None]
    sr, hr = ((np.rint(clip.clip(0, 1) * 255) / 255 * weights).sum(1) + 16 for clip in (sr_SCHW, hr_SCHW))
    return float(np.mean(10 * np.log10(255**2 / ((sr - hr) ** 2).mean((1, 2)))))


@pytest.fixture(scope="module")
def whole_of():
    kept = {}

    def whole(spec):
        if spec not in kept:
            try:
                built = methods.build(spec)
            except WeightsError as error:
                pytest.skip(str(error))
            clip = clip_of_mini()
            lr_SChw = low_resolution(clip, SUITE)
            kept[spec] = built, lr_SChw, clip, psnr_y(restore(built, lr_SChw, SUITE).sr_SCHW, clip.hr_SCHW)
        return kept[spec]

    return whole


@pytest.mark.parametrize("spec", ["stdan@mini", "zsm@mini", "tmnet@mini", "blend+span"])
def test_from_the_least_on_every_tile_is_close_to_the_whole(whole_of, spec):
    built, lr_SChw, clip, whole_db = whole_of(spec)
    needs = built.card.tiles
    # all that sizes up to 64 are rounded to; where each stands for itself, every fourth
    grid = built.card.multiple_of
    asked = {Tiling.on(grid, tile, needs.overlap): tile for tile in range(needs.least, 65, 1 if grid > 1 else 4)}
    for used, tile in asked.items():
        restored = restore(built, lr_SChw, SUITE, Settings(tile=tile, tile_overlap=needs.overlap))
        assert restored.how["tile"] == str(used) and "tile_flag" not in restored.how
        assert abs(psnr_y(restored.sr_SCHW, clip.hr_SCHW) - whole_db) < WITHIN_DB, used


def test_a_network_that_fell_back_is_close_to_the_whole(whole_of):
    built, lr_SChw, clip, whole_db = whole_of("zsm@mini")

    class Small(nn.Module):
        def forward(self, lr_BTChw):
            if lr_BTChw[0, 0, 0].numel() > 40 * 64:
                raise MemoryError
            return built.net(lr_BTChw)

    restored = restore(replace(built, net=Small()), lr_SChw, SUITE)
    assert restored.how["fall_back"] == "out of memory" and "tile_flag" not in restored.how
    assert Settings().name_after("zsm", restored.how) == f"zsm [tile{restored.how['tile']},fell back]"
    assert abs(psnr_y(restored.sr_SCHW, clip.hr_SCHW) - whole_db) < WITHIN_DB
