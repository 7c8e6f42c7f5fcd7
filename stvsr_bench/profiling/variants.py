"""The specs that are profiled in place of those written: without weights, and with each number of points kept (top T).

With the rows of trained variants at hand, the quality of each stands beside its cost.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stvsr_bench import methods
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.rows import store
from stvsr_bench.schema import Row

TOP_T = (1, 2, 4, 9)  # of the 9 points that a 3x3 kernel samples: 2 is the paper's choice, 9 is no selection


def without_weights(text: str) -> str:
    """The spec with `@none` at each part that names no weights and has none installed.

    Raises:
        WeightsError: weights are named and not installed.
    """
    pieces = []
    for piece in text.split("+"):
        try:
            methods.resolve(piece)
        except WeightsError:
            if "@" in piece:  # asked for by name: another network in their place would be a silent change
                raise
            pieces.append(f"{piece}@none")
        else:
            pieces.append(piece)
    return "+".join(pieces)


def top_t_variants(text: str) -> list[str]:
    """The spec with each number of points kept that it can have.

    Raises:
        UsageError: it has no option `top_t`.
    """
    identity = methods.resolve(without_weights(text))
    part = identity.parts[0]
    if len(identity.parts) > 1 or "top_t" not in part.options:
        raise UsageError(f"--top-t: {text} has no option top_t; it is for methods that choose among sampled points")
    head, _, weights = text.partition("@")
    kept = [word for word in head.split(":") if not word.startswith(("top_t=", "top-t="))]
    variants = [":".join([*kept, f"top_t={t}"]) for t in TOP_T]
    return [f"{variant}@{weights}" if weights else variant for variant in variants]


def with_quality(lines: list[dict[str, Any]], out: Path | None) -> list[dict[str, Any]]:
    """The lines with the mean PSNR of the run's trained rows beside them, over the clips that all variants share."""
    if out is None or not out.is_dir():
        return lines
    return beside(lines, store.read_rows(out))


def beside(lines: list[dict[str, Any]], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The lines with the mean PSNR-Y (dB) of trained rows, over the clips that all variants have; else as given."""
    names = {line["method"] for line in lines}
    scored: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for one in rows:
        if one.method in names and not one.untrained and one.values.get("psnr_y"):
            values = one.values["psnr_y"]
            # the weights are part of the place: variants are compared as one trained net with another T, not two nets
            place = (one.weights, one.dataset, one.split, one.protocol_key, one.clip)
            scored.setdefault(place, {})[one.method] = sum(values) / len(values)
    shared = [by_method for by_method in scored.values() if by_method.keys() == names]
    if not shared:
        return lines
    means = {name: sum(by_method[name] for by_method in shared) / len(shared) for name in names}
    return [{**line, "psnr_y": round(means[line["method"]], 4), "psnr_clips": len(shared)} for line in lines]
