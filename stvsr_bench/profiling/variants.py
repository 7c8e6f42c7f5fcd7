"""The specs that are profiled in place of those written: without weights, and with each number of points kept (top T).

With the rows of trained variants at hand, the quality of each stands beside its cost.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stvsr_bench import methods, protocols
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.methods.spec import parse
from stvsr_bench.rows import store
from stvsr_bench.rows.counting import NONE, flat_frames, mean_psnr
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


def plain_order(text: str) -> str | None:
    """The spec with every fast engine replaced by the plain one, the paper's order of computation; None without any."""
    pieces, found = [], False
    for typed, part in zip(parse(text).parts, methods.resolve(text).parts, strict=True):
        fast = part.options.get("engine", "plain") != "plain" and "plain" in part.card.choices.get("engine", ())
        options = {**typed.options, **({"engine": "plain"} if fast else {})}
        words = [typed.name, *(f"{key}={value}" for key, value in options.items())]
        pieces.append(":".join(words) + (f"@{typed.weights}" if typed.weights else ""))
        found = found or fast
    return "+".join(pieces) if found else None


def with_quality(lines: list[dict[str, Any]], out: Path | None) -> list[dict[str, Any]]:
    """The lines with the PSNR-Y of the run's trained rows beside them."""
    if out is None or not out.is_dir():
        return lines
    return beside(lines, store.read_rows(out))


def beside(lines: list[dict[str, Any]], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The lines, each with `quality`: a record for each data set that all variants of its method were measured on.

    A record is the mean PSNR-Y (dB, None where it is not finite) over the clips and frames that count for all variants,
    of one file of trained weights, one data set and one protocol: the suite's own where it was measured.
    """
    found = []
    for line in lines:
        alike = [one["method"] for one in lines if _without_top_t(one["method"]) == _without_top_t(line["method"])]
        # a line that was profiled without weights stands for any; a named one for its own
        tag = None if line.get("untrained") or line.get("weights") in ("", "none", None) else line["weights"]
        quality = _quality(line["method"], alike, [row for row in rows if tag in (None, row.weights)])
        found.append({**line, "quality": quality} if quality else line)
    return found


def _quality(method: str, variants: Sequence[str], rows: Sequence[Row]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], dict[tuple[str, str], dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row.method in variants and not row.untrained and row.values.get("psnr_y"):
            # variants are compared as one trained net with another T, not as two nets, and on the same truth
            group = (row.dataset, row.protocol, row.protocol_key, row.weights, row.contents, str(row.incomplete))
            groups[group][row.split, f"{row.clip} {row.truth}"][row.method] = row
    flat = flat_frames(rows)
    records = []
    for (dataset, protocol, key, weights, *_), clips in sorted(groups.items()):
        means = [
            mean_psnr([of[name] for name in variants], flat.get((dataset, split, of[method].clip), NONE))
            for (split, _), of in clips.items()
            if of.keys() == set(variants)
        ]
        counted = [of[variants.index(method)] for of in means if not any(map(math.isnan, of))]
        if counted:
            mean = sum(counted) / len(counted)
            psnr = round(mean, 4) if math.isfinite(mean) else None
            of = {"dataset": dataset, "protocol": protocol, "protocol_key": key, "weights": weights}
            records.append({**of, "psnr_y": psnr, "clips": len(counted)})
    own = [record for record in records if record["protocol_key"] == protocols.PROTOCOLS[protocols.DEFAULT].key]
    return own or records


def _without_top_t(method: str) -> str:
    return ":".join(word for word in method.split(":") if not word.startswith("top_t="))
