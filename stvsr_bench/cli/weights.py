"""`stvsr-bench weights`: which weights are here, whose a checkpoint is, and keeping one by its SHA-256."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import getting, options, proving, reader
from stvsr_bench.errors import WeightsError

if TYPE_CHECKING:
    from stvsr_bench.checkpoints import Fit, State
    from stvsr_bench.methods.recognise import Facts

SHOWN = 8  # key names listed per kind; --json has all
HELP = "List, get, add, verify, identify and prove checkpoints."
app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
app.command(name="get")(getting.get)
app.command(name="prove")(proving.prove)

File = Annotated[Path, typer.Argument(help="A checkpoint: .pth, .pt, .pkl or .safetensors.")]
TRUST = "Let the file run code while it is read. Only if you trust its author."
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help=TRUST)]


@app.command(name="list")
def list_weights(as_json: options.Json = False) -> None:
    """Every weights tag of every learned method: here or not, where, and how to get it."""
    from stvsr_bench.methods import inventory

    items = inventory.all_weights()
    if as_json:
        reader.document([asdict(item) for item in items], indent=1)
    for item in () if as_json else items:
        mark = item.sha256[:12] if item.state == "here" else item.state
        reader.say(f"{item.method + '@' + item.tag:24} {mark:14} {item.what}")


@app.command()
def add(
    file: File,
    name: Annotated[str, typer.Option("--as", help="METHOD@TAG to keep it under; default: what it is.")] = "",
    trust_pickle: TrustPickle = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of what has this name.")] = False,
    as_json: options.Json = False,
) -> None:
    """Find out whose checkpoint FILE is and keep it in the cache, so that METHOD@TAG finds it."""
    from stvsr_bench.methods import recognise

    state, fits = _recognised(file, trust_pickle)
    fit, tag = recognise.place(file, fits, name)
    kept = recognise.keep(file, state, fit.method, tag, trusted=trust_pickle, replace=replace)
    sha256, replaced = kept.entry.sha256, kept.replaced
    if as_json:
        facts = {"method": fit.method, "tag": tag, "label": kept.label, "sha256": sha256, "path": str(kept.entry.path)}
        reader.document({**facts, "replaced": replaced.sha256 if replaced else ""}, indent=1)
        return
    also = f"\nit is also known as {', '.join(kept.also)}" if kept.also else ""
    instead = f"\nit replaces {replaced.name or 'a file'}, SHA-256 {replaced.sha256}" if replaced else ""
    reader.say(f"{file.name} is {fit.sentence()}{also}{instead}")
    reader.say(f"kept as {fit.method}@{tag}, SHA-256 {sha256}")
    if kept.label != tag:
        reader.say(f"the card does not know this SHA-256 or git blob id, so tables say '{kept.label}'")


@app.command()
def verify(as_json: options.Json = False) -> None:
    """Hash every checkpoint that is here and check that it still fits its method."""
    from stvsr_bench.methods import inventory

    items = [item for item in inventory.all_weights(check=True) if item.state != "missing"]
    broken = [item for item in items if item.state != "here"]
    if as_json:
        reader.document([asdict(item) for item in items], indent=1)
    else:
        for item in items:
            reader.say(f"{'ok ' if item.state == 'here' else 'BAD'} {item.method}@{item.tag} {item.what}")
        reader.say(f"{len(items)} checked, {len(broken)} bad")
    if broken:
        raise WeightsError(f"{broken[0].method}@{broken[0].tag}: {broken[0].what}")


@app.command()
def identify(file: File, trust_pickle: TrustPickle = False, as_json: options.Json = False) -> None:
    """Say whose checkpoint FILE is, and what is missing or unexpected."""
    from stvsr_bench.methods import recognise

    state, fits = _recognised(file, trust_pickle)
    facts = recognise.facts_of(file, state)
    if as_json:
        document = {**asdict(facts), "fits": [{**asdict(fit), "exact": fit.exact} for fit in fits]}
        reader.document(document, indent=1)
    else:
        _print_identity(facts, fits)
    recognise.check_exact(file, fits)


def _recognised(file: Path, trust_pickle: bool) -> tuple["State", list["Fit"]]:
    """The tensors of a checkpoint and its fits; a method that cannot be compared is named on stderr."""
    from stvsr_bench.methods import recognise

    state = recognise.read(file, trust_pickle)
    fits, broken = recognise.fits(state, file)
    for name, why in broken.items():
        reader.note(f"not compared with {name}: {why}")
    return state, fits


def _print_identity(facts: "Facts", fits: list["Fit"]) -> None:
    known = f"\nknown as     {', '.join(facts.known_as)}" if facts.known_as else ""
    reader.say(f"{facts.file}: {facts.tensors} tensors, {facts.numbers:,} numbers")
    reader.say(f"SHA-256      {facts.sha256}\nfingerprint  {facts.fingerprint}{known}")
    for fit in fits[:3]:
        reader.say(fit.sentence())
        for word, keys in fit.wrong.items() if fit is fits[0] else ():
            for key in keys[:SHOWN]:
                reader.say(f"  {word:10} {key}")
            if len(keys) > SHOWN:
                reader.say(f"  {word:10} ... and {len(keys) - SHOWN} more (--json lists all)")
