"""What another way to run a method (half precision, tiles, compiled) moves against the plain one, clip by clip."""

import re

import numpy as np
import pandas as pd

_WAY = re.compile(r" \[[^\]]*\]")
MOVED_DB = 0.01  # less is a tie everywhere in this suite


def notes(tidy: pd.DataFrame) -> list[str]:
    """A sentence for each method `name [way]` whose PSNR-Y lies more than `MOVED_DB` from that of `name`.

    Both are compared on the clips of one protocol that both have; without a clip in common nothing is said.
    """
    if "psnr_y" not in tidy.columns:
        return []
    said = []
    on = ["protocol_key", "dataset", "split", "clip"]
    values = {key: rows.set_index(on)["psnr_y"] for key, rows in tidy.groupby(["method", "weights"], sort=True)}
    for (method, weights), changed in values.items():
        # what follows the bracket belongs to the label of both: `a#5f54 [bf16]`, `a [bf16] (older rows)`
        name = _WAY.sub("", str(method))
        plain = values.get((name, weights))
        if name == method or plain is None:
            continue
        moved = (changed - plain).replace([np.inf, -np.inf], np.nan).dropna()
        if len(moved) and abs(moved.mean()) > MOVED_DB:
            clips = f"{len(moved)} clip{'s' if len(moved) > 1 else ''}"
            said.append(
                f"{method}: {moved.mean():+.3f} dB PSNR-Y against {name} run in float32 on whole frames, {clips}"
            )
    return said
