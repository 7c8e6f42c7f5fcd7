"""`stvsr-bench weights`: which weights are here, what a checkpoint is, and keeping one by its SHA-256."""

from dataclasses import asdict
from typing import Annotated

import typer

from stvsr_bench.cli import getting, identifying, options, proving, reader, removing
from stvsr_bench.errors import WeightsError

HELP = "List, get, add, remove, verify, identify and prove checkpoints."
app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
app.command(name="get")(getting.get)
app.command(name="prove")(proving.prove)
app.command(name="identify")(identifying.identify)
app.command(name="remove")(removing.remove)


@app.command(name="list")
def list_weights(
    include: options.Include = None, override: options.Override = None, as_json: options.Json = False
) -> None:
    """List the weights of every learned method: here or not, where, and how to get them."""
    from stvsr_bench.methods import inventory

    options.plug_in(include, override)
    items = inventory.all_weights()
    if as_json:
        reader.document([asdict(item) for item in items], indent=1)
    for item in () if as_json else items:
        mark = item.sha256[:12] if item.state == "here" else item.state
        what = item.what.removeprefix(f"{item.method}@{item.tag}: weights not installed: ")
        reader.say(reader.wrapped(what, " " * 40, f"{item.method + '@' + item.tag:24} {mark:14} "))


@app.command()
def add(
    file: identifying.File,
    name: Annotated[str, typer.Option("--as", help="Keep it under the name METHOD@TAG; default: what it is.")] = "",
    trust_pickle: options.TrustPickle = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file that has this name.")] = False,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
) -> None:
    """Find the method of a checkpoint and keep the file, so that METHOD@TAG finds it."""
    from stvsr_bench.methods import recognise

    options.plug_in(include, override)
    state, fits = identifying.recognised(file, trust_pickle)
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
def verify(include: options.Include = None, override: options.Override = None, as_json: options.Json = False) -> None:
    """Hash every checkpoint that is here and check that it fits its method."""
    from stvsr_bench.methods import inventory

    options.plug_in(include, override)
    items = [item for item in inventory.all_weights(check=True) if item.state != "missing"]
    broken = [item for item in items if item.state != "here"]
    if as_json:
        reader.document([asdict(item) for item in items], indent=1)
    else:
        for item in items:
            verdict = "ok " if item.state == "here" else "BAD"
            reader.say(reader.wrapped(item.what, " " * 8, f"{verdict} {item.method}@{item.tag}: "))
        reader.say(f"{len(items)} checked, {len(broken)} bad")
    if broken:
        raise WeightsError(f"{broken[0].method}@{broken[0].tag}: {broken[0].what}")
