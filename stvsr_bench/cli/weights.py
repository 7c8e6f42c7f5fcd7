"""`stvsr-bench weights`: which weights are here, whose a checkpoint is, and keeping one by its SHA-256."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import BenchError, UsageError, WeightsError, printable

if TYPE_CHECKING:
    from stvsr_bench.checkpoints import Entry, Fit, State

SHOWN = 8  # key names listed per kind; --json has all

app = typer.Typer(
    help="List, add, verify and identify checkpoints.", no_args_is_help=True, pretty_exceptions_enable=False
)

File = Annotated[Path, typer.Argument(help="A checkpoint: .pth, .pt, .pkl or .safetensors.")]
TrustPickle = Annotated[
    bool, typer.Option("--trust-pickle", help="Let the file run code while it is read. Only if you trust its author.")
]


@app.command(name="list")
def list_weights(as_json: options.Json = False) -> None:
    """Every weights tag of every learned method: here or not, where, and how to get it."""
    rows = _card_rows() + _cache_rows()
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        mark = row["sha256"][:12] if row["state"] == "here" else row["state"]
        print(f"{row['method'] + '@' + row['tag']:24} {mark:14} {row['what']}")


@app.command()
def add(
    file: File,
    name: Annotated[str, typer.Option("--as", help="METHOD@TAG to keep it under; default: what it is.")] = "",
    trust_pickle: TrustPickle = False,
    as_json: options.Json = False,
) -> None:
    """Find out whose checkpoint FILE is and keep it in the cache, so that METHOD@TAG finds it."""
    state = _state(file, trust_pickle)
    fit = _chosen(file, _fits(state), name)
    tag = name.partition("@")[2] or _tag(fit)
    _check_card(fit.method, tag, file)
    entry = _kept(file, state, fit.method, tag, trust_pickle)
    known = [name for name in _known_as(entry.sha256, "") if name != f"{fit.method}@{tag}"]
    if as_json:
        print(json.dumps({"method": fit.method, "tag": tag, "sha256": entry.sha256, "path": str(entry.path)}, indent=1))
        return
    print(f"{file.name} is {fit.sentence()}")
    if known:
        print(f"it is also known as {', '.join(known)}")
    print(f"kept as {fit.method}@{tag}, SHA-256 {entry.sha256}")


@app.command()
def verify(as_json: options.Json = False) -> None:
    """Hash every checkpoint that is here and check that it still fits its method."""
    rows = [row for row in _card_rows() + _cache_rows(check=True) if row["state"] != "missing"]
    broken = [row for row in rows if row["state"] != "here"]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        for row in rows:
            print(f"{'ok ' if row['state'] == 'here' else 'BAD'} {row['method']}@{row['tag']} {row['what']}")
        print(f"{len(rows)} checked, {len(broken)} bad")
    if broken:
        raise WeightsError(f"{broken[0]['method']}@{broken[0]['tag']}: {broken[0]['what']}")


@app.command()
def identify(file: File, trust_pickle: TrustPickle = False, as_json: options.Json = False) -> None:
    """Say whose checkpoint FILE is, and what is missing or unexpected."""
    from stvsr_bench import checkpoints

    state = _state(file, trust_pickle)
    fits = _fits(state)
    facts: dict[str, Any] = {
        "file": file.name,
        "sha256": checkpoints.sha256(file),
        "fingerprint": checkpoints.fingerprint(state),
        "tensors": len(state),
        "numbers": sum(tensor.numel() for tensor in state.values()),
    }
    facts["known_as"] = _known_as(facts["sha256"], facts["fingerprint"])
    if as_json:
        print(json.dumps(facts | {"fits": [_as_dict(fit) for fit in fits]}, indent=1, ensure_ascii=False))
    else:
        _print_identity(facts, fits)
    if not fits or not fits[0].exact:
        best = f"; closest: {fits[0].sentence()}" if fits else ""
        raise WeightsError(f"{file.name}: no method's network fits it exactly{best}")


def _state(file: Path, trust_pickle: bool) -> "State":
    """The tensors of a checkpoint; of a file that a card knows by its SHA-256, as that card reads it."""
    from stvsr_bench import checkpoints, methods, plugins
    from stvsr_bench.methods.builder import load_object

    actual = checkpoints.sha256(file)
    for name in methods.names():
        for facts in methods.card(name).weights.values():
            if facts.reader and facts.sha256 == actual:
                found: State = load_object(plugins.find("methods", name), facts.reader)(file)
                return found
    return checkpoints.load_state(file, trust_pickle=trust_pickle)


def _fits(state: "State") -> list["Fit"]:
    from stvsr_bench import checkpoints
    from stvsr_bench.methods.candidates import candidates

    found, broken = candidates()
    for name, why in broken.items():
        print(printable(f"not compared with {name}: {why}"), file=sys.stderr)
    return checkpoints.identify(state, found)


def _chosen(file: Path, fits: list["Fit"], name: str) -> "Fit":
    """The exact fit, of the method named in `--as` if there is one."""
    from stvsr_bench.plugins import canonical, find

    wanted = canonical(name.partition("@")[0])
    if name and (not wanted or not name.partition("@")[2]):
        raise UsageError(f"--as {name}: write METHOD@TAG, e.g. stdan@authors")
    if wanted:
        find("methods", wanted)
    ours = [fit for fit in fits if wanted in ("", fit.method)]
    if not ours:
        of = f" of {wanted}" if wanted else ""
        raise WeightsError(f"{file.name} has nothing in common with the network{of or ' of any method'}")
    if not ours[0].exact:
        raise WeightsError(f"{file.name} does not fit: {ours[0].sentence()}")
    return ours[0]


def _tag(fit: "Fit") -> str:
    """The card's own tag for foreign names; `own` for a checkpoint in our names."""
    return "own" if fit.dialect.startswith("own") else fit.dialect


def _check_card(method: str, tag: str, file: Path) -> None:
    from stvsr_bench import checkpoints, methods

    facts = methods.card(method).weights.get(tag)
    if tag == "none":
        raise UsageError("the tag 'none' means untrained; choose another")
    if any(
        known.reader and known.sha256 == checkpoints.sha256(file) for known in methods.card(method).weights.values()
    ):
        raise UsageError(
            f"{file.name} is found by itself where its package is installed (make baselines); keep no copy"
        )
    if facts is not None and facts.sha256 and facts.sha256 != checkpoints.sha256(file):
        raise WeightsError(
            f"{file.name} is not the file that the card of {method} names for @{tag} (another SHA-256); "
            f"keep it under another tag: --as {method}@NAME"
        )


def _kept(file: Path, state: "State", method: str, tag: str, trust_pickle: bool) -> "Entry":
    """The cache entry; what only loads as a trusted pickle is kept as plain tensors, to need no trust again."""
    from tempfile import TemporaryDirectory

    from stvsr_bench import checkpoints

    mark = checkpoints.fingerprint(state)
    if not trust_pickle:
        return checkpoints.add(file, method, tag, mark)
    from safetensors.torch import save_file

    with TemporaryDirectory() as folder:
        plain = Path(folder) / f"{file.stem}.safetensors"
        save_file({key: tensor.clone().contiguous() for key, tensor in state.items()}, plain)
        return checkpoints.add(plain, method, tag, mark)


def _card_rows() -> list[dict[str, Any]]:
    """The weights that cards name, those in the cache under the same name included."""
    from stvsr_bench import methods, plugins
    from stvsr_bench.methods import weights

    rows = []
    for name in methods.names():
        card, plugin = methods.card(name), plugins.find("methods", name)
        for tag, facts in card.weights.items() if card.learned else ():
            row = {"method": name, "tag": tag, "state": "here", "sha256": "", "origin": facts.origin, "path": ""}
            row |= {"licence": facts.licence, "what": facts.notes or facts.package or facts.url}
            try:
                chosen = weights.choose(card, plugin, tag)
                row |= {"sha256": chosen.sha256, "path": str(chosen.path or "")}
            except BenchError as error:
                missing = "not installed" in str(error)
                row |= {"state": "missing" if missing else "damaged", "what": str(error)}
            rows.append(row)
    return rows


def _cache_rows(check: bool = False) -> list[dict[str, Any]]:
    """The cache's entries that no card names; with `check`, all of them, hashed and compared with their method."""
    from stvsr_bench import checkpoints

    named = {(row["method"], row["tag"]) for row in _card_rows()}
    rows = []
    for entry, complaint in checkpoints.verify().items():
        if not check and (entry.method, entry.tag) in named:
            continue
        problem = complaint or (_misfit(entry) if check else "")
        row = {"method": entry.method, "tag": entry.tag, "state": "damaged" if problem else "here"}
        row |= {"sha256": entry.sha256, "origin": "cache", "path": str(entry.path), "licence": ""}
        rows.append(row | {"what": problem or f"{entry.name}, in the cache"})
    return rows


def _misfit(entry: "Entry") -> str:
    """What keeps a cached checkpoint from loading into its method, or ""."""
    from stvsr_bench import checkpoints
    from stvsr_bench.methods.candidates import candidates

    found, broken = candidates()
    if entry.method in broken:
        return broken[entry.method]
    ours = [candidate for candidate in found if candidate.method == entry.method]
    try:
        fits = checkpoints.identify(checkpoints.load_state(entry.path), ours)
    except BenchError as error:
        return str(error)
    if not fits:
        return f"nothing in common with {entry.method}"
    return "" if fits[0].exact else fits[0].sentence()


def _known_as(sha256: str, fingerprint: str) -> list[str]:
    """Names under which cards or the cache know this very file, or the same tensors saved anew."""
    from stvsr_bench import checkpoints, methods

    known = [
        f"{name}@{tag}"
        for name in methods.names()
        for tag, facts in methods.card(name).weights.items()
        if facts.sha256 == sha256
    ]
    same = [e for e in checkpoints.entries() if sha256 == e.sha256 or fingerprint == e.fingerprint]
    return list(dict.fromkeys(known + [f"{entry.method}@{entry.tag}" for entry in same]))


def _as_dict(fit: "Fit") -> dict[str, Any]:
    import dataclasses

    return {**dataclasses.asdict(fit), "exact": fit.exact}


def _print_identity(facts: dict[str, Any], fits: list["Fit"]) -> None:
    print(f"{facts['file']}: {facts['tensors']} tensors, {facts['numbers']:,} numbers")
    print(f"SHA-256      {facts['sha256']}\nfingerprint  {facts['fingerprint']}")
    if facts["known_as"]:
        print(f"known as     {', '.join(facts['known_as'])}")
    for fit in fits[:3]:
        print(fit.sentence())
        if fit is fits[0]:
            for word, keys in (("missing", fit.missing), ("unexpected", fit.unexpected), ("shape", fit.reshaped)):
                for key in keys[:SHOWN]:
                    print(f"  {word:10} {key}")
                if len(keys) > SHOWN:
                    print(f"  {word:10} ... and {len(keys) - SHOWN} more (--json lists all)")
