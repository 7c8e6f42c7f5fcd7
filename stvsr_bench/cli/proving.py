"""`stvsr-bench weights prove`: does a checkpoint write the pictures that its authors published?"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import bars, options, reader
from stvsr_bench.errors import GateError


def prove(
    name: Annotated[str, typer.Argument(help="METHOD, METHOD@TAG or METHOD@FILE; METHOD alone is @authors.")],
    example: Annotated[
        Path | None, typer.Option("--example", help="Folder with the pictures; default: they are fetched.")
    ] = None,
    device: options.Device = "cpu",
    include: options.Include = None,
    override: options.Override = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Check a checkpoint against pictures that its authors published.

    It is run on their input frames. If it writes their pictures, it counts as the authors' from then on. Exit code 5 if
    it does not.
    """
    from stvsr_bench.inspection import proof

    options.plug_in(include, override)
    with bars.telling("pictures of the example", quiet) as tell:
        pictures = proof.pictures(name, example, tell)
    found = proof.prove(name, pictures, device)
    if as_json:
        reader.document({**asdict(found), "verdict": found.verdict, "counts": found.counts}, indent=1)
    else:
        for frame in found.frames:
            reader.say(
                f"{frame.name:14} equal {frame.equal_percent:8.4f} % of pixels, PSNR {frame.psnr_db:7.3f} dB, "
                f"largest difference {frame.largest}"
            )
        reader.say(found.sentence())
    if found.verdict == "no":
        raise GateError(f"{found.method} does not write the pictures of the example")
