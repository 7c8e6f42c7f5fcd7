"""What a look inside an attention leaves on disk: pictures for one pixel, tables and a figure over splits."""

from collections.abc import Sequence
from pathlib import Path

from stvsr_bench.datasets import Clips
from stvsr_bench.inspection import attention, pictures
from stvsr_bench.schema import Clip, Method


def one_pixel(method: Method, clip: Clip, pixel: tuple[int, int], frame: int, out: Path) -> list[Path]:
    """Two pictures of what the pixel (x, y) of one frame takes; a negative `frame` is the middle one."""
    target = _target(clip, frame)
    seen = attention.read(method, clip, target)
    paths = [out / "points.png", out / "shares.png"]
    pictures.draw_points(clip, seen, target, pixel, int(method.card.usual), paths[0])
    pictures.draw_shares(clip, seen, target, paths[1])
    return paths


def over_splits(method: Method, splits: Sequence[Clips], frame: int, limit: int, out: Path) -> list[Path]:
    """Tables by motion and by frame, and a figure, over at most `limit` clips of each split (0: all).

    Raises:
        UsageError: a clip's true motion is not known.
    """
    facts: list[attention.Facts] = []
    spreads: list[attention.Spread] = []
    for clips in splits:
        columns = []
        for clip in clips.first(limit):
            found, spread = attention.followed(method, clip, [_target(clip, frame)])
            columns += found
            spreads += spread
        facts += attention.by_motion(clips.split, columns)
    paths = [out / "motion.csv", out / "frame_weights.csv", out / "motion.png"]
    attention.write_table(paths[0], facts)
    attention.write_table(paths[1], spreads)
    pictures.draw_errors(facts, paths[2])
    return paths


def _target(clip: Clip, frame: int) -> int:
    return len(clip.hr_SCHW) // 2 if frame < 0 else frame
