"""`stvsr-bench weights identify`: which method a checkpoint is of."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import counted

if TYPE_CHECKING:
    from stvsr_bench.checkpoints import Fit, State
    from stvsr_bench.methods.recognise import Facts

SHOWN = 8  # key names listed per kind; --json has all
File = Annotated[Path, typer.Argument(help="A checkpoint: .pth, .pt, .pkl or .safetensors.")]


def identify(
    file: File,
    trust_pickle: options.TrustPickle = False,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
) -> None:
    """Say which method a checkpoint is of, and what is missing or unexpected."""
    from stvsr_bench.methods import recognise

    options.plug_in(include, override)
    state, fits = recognised(file, trust_pickle)
    facts = recognise.facts_of(file, state)
    if as_json:
        document = {**asdict(facts), "fits": [{**asdict(fit), "exact": fit.exact} for fit in fits]}
        reader.document(document, indent=1)
    else:
        _print_identity(facts, fits)
    recognise.check_exact(file, fits)


def recognised(file: Path, trust_pickle: bool) -> tuple["State", list["Fit"]]:
    """The tensors of a checkpoint and its fits; a method that cannot be compared is named on stderr."""
    from stvsr_bench.methods import recognise

    state = recognise.read(file, trust_pickle)
    fits, broken = recognise.fits(state, file)
    for name, why in broken.items():
        reader.note(f"not compared with {name}: {why}")
    return state, fits


def _print_identity(facts: "Facts", fits: list["Fit"]) -> None:
    known = f"\nknown as     {', '.join(facts.known_as)}" if facts.known_as else ""
    reader.say(f"{facts.file}: {counted(facts.tensors, 'tensor')}, {facts.numbers:,} numbers")
    reader.say(f"SHA-256      {facts.sha256}\nfingerprint  {facts.fingerprint}{known}")
    for fit in fits[:3]:
        reader.say(fit.sentence())
        for word, keys in fit.wrong.items() if fit is fits[0] else ():
            for key in keys[:SHOWN]:
                reader.say(f"  {word:10} {key}")
            if len(keys) > SHOWN:
                reader.say(f"  {word:10} ... and {len(keys) - SHOWN} more (--json lists all)")
