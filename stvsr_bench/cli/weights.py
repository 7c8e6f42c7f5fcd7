"""`stvsr-bench weights`: which weights are here, whose a checkpoint is, and keeping one by its SHA-256."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import WeightsError, printable

if TYPE_CHECKING:
    from stvsr_bench.checkpoints import Fit, State
    from stvsr_bench.methods.recognise import Facts

SHOWN = 8  # key names listed per kind; --json has all

HELP = "List, add, verify and identify checkpoints."
app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)

File = Annotated[Path, typer.Argument(help="A checkpoint: .pth, .pt, .pkl or .safetensors.")]
TRUST = "Let the file run code while it is read. Only if you trust its author."
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help=TRUST)]


@app.command(name="list")
def list_weights(as_json: options.Json = False) -> None:
    """Every weights tag of every learned method: here or not, where, and how to get it."""
    from stvsr_bench.methods import inventory

    items = inventory.all_weights()
    if as_json:
        print(json.dumps([asdict(item) for item in items], indent=1, ensure_ascii=False))
        return
    for item in items:
        mark = item.sha256[:12] if item.state == "here" else item.state
        print(f"{item.method + '@' + item.tag:24} {mark:14} {item.what}")


@app.command()
def add(
    file: File,
    name: Annotated[str, typer.Option("--as", help="METHOD@TAG to keep it under; default: what it is.")] = "",
    trust_pickle: TrustPickle = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of what has this name.")] = False,
    as_json: options.Json = False,
) -> None:
    """Find out whose checkpoint FILE is and keep it in the cache, so that METHOD@TAG finds it."""
    from stvsr_bench import checkpoints, methods
    from stvsr_bench.methods import recognise
    from stvsr_bench.methods.weights import label_of

    state, fits = _recognised(file, trust_pickle)
    fit, tag = recognise.place(file, fits, name)
    old = checkpoints.listed(fit.method, tag)
    entry = checkpoints.keep(file, state, fit.method, tag, trusted=trust_pickle, replace=replace)
    known = [name for name in recognise.known_as(entry.sha256) if name != f"{fit.method}@{tag}"]
    label = label_of(methods.card(fit.method), tag, entry.path)
    replaced = old if old is not None and old.sha256 != entry.sha256 else None
    if as_json:
        kept = {"method": fit.method, "tag": tag, "label": label, "sha256": entry.sha256, "path": str(entry.path)}
        print(json.dumps({**kept, "replaced": replaced.sha256 if replaced else ""}, indent=1))
        return
    print(f"{file.name} is {fit.sentence()}")
    if known:
        print(f"it is also known as {', '.join(known)}")
    if replaced is not None:
        print(f"it replaces {replaced.name or 'a file'}, SHA-256 {replaced.sha256}")
    print(f"kept as {fit.method}@{tag}, SHA-256 {entry.sha256}")
    if label != tag:
        print(f"the card does not know this SHA-256 or git blob id, so tables say '{label}'")


@app.command()
def verify(as_json: options.Json = False) -> None:
    """Hash every checkpoint that is here and check that it still fits its method."""
    from stvsr_bench.methods import inventory

    items = [item for item in inventory.all_weights(check=True) if item.state != "missing"]
    broken = [item for item in items if item.state != "here"]
    if as_json:
        print(json.dumps([asdict(item) for item in items], indent=1, ensure_ascii=False))
    else:
        for item in items:
            print(f"{'ok ' if item.state == 'here' else 'BAD'} {item.method}@{item.tag} {item.what}")
        print(f"{len(items)} checked, {len(broken)} bad")
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
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        _print_identity(facts, fits)
    recognise.check_exact(file, fits)


def _recognised(file: Path, trust_pickle: bool) -> tuple["State", list["Fit"]]:
    """The tensors of a checkpoint and its fits; a method that cannot be compared is named on stderr."""
    from stvsr_bench.methods import recognise

    state = recognise.read(file, trust_pickle)
    fits, broken = recognise.fits(state, file)
    for name, why in broken.items():
        print(printable(f"not compared with {name}: {why}"), file=sys.stderr)
    return state, fits


def _print_identity(facts: "Facts", fits: list["Fit"]) -> None:
    print(f"{facts.file}: {facts.tensors} tensors, {facts.numbers:,} numbers")
    print(f"SHA-256      {facts.sha256}\nfingerprint  {facts.fingerprint}")
    if facts.known_as:
        print(f"known as     {', '.join(facts.known_as)}")
    for fit in fits[:3]:
        print(fit.sentence())
        for word, keys in fit.wrong.items() if fit is fits[0] else ():
            for key in keys[:SHOWN]:
                print(f"  {word:10} {key}")
            if len(keys) > SHOWN:
                print(f"  {word:10} ... and {len(keys) - SHOWN} more (--json lists all)")
