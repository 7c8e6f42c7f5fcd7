"""`run.toml`: what a run was asked for, in full, so that `stvsr-bench run --from run.toml` asks for it again.

The file may come from anybody. What runs code, reads weights, reaches other machines or takes rows away is never taken
from it: whoever reads it says that again.
"""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from stvsr_bench import methods, words
from stvsr_bench.errors import CardError, UsageError, printable, spelled
from stvsr_bench.methods import weights
from stvsr_bench.methods.spec import parse, text_of
from stvsr_bench.rows import store
from stvsr_bench.rows.names import COMMANDS
from stvsr_bench.runner.plan import RunSpec, default_datasets

SUITE, PARTS = "suite", "parts"  # what a suite.toml has besides the fields of a run
_SPEC = TypeAdapter(RunSpec)
# settings that are never taken from a file, and the option that asks for each
_ASKED_AGAIN = {
    "include": "--include",
    "override": "--override",
    "trust_pickle": "--trust-pickle",
    "engine": "--engine",
    "address": "--address",
    "jobs": "--jobs",
    "timeout_s": "--timeout",
    "overwrite": "--overwrite",
    "shard": "--shard",
}


@dataclasses.dataclass(frozen=True)
class Sent:
    """What a file asks for: `spec` without what is asked for again, `left_out` the fields of those that it held."""

    spec: RunSpec
    left_out: Mapping[str, Any]
    file: Path

    def again(self, **said: Any) -> tuple[RunSpec, list[str]]:
        """The run with what the reader says again, and a sentence for each setting that this leaves out."""
        sentences = [
            f"{self.file}: {name} = {_short(value)} is left out: it is not taken from a file; "
            f"to have it, write {_ASKED_AGAIN[name]}"
            for name, value in self.left_out.items()
            if said.get(name) != value
        ]
        return dataclasses.replace(self.spec, **said), sentences


def write_spec(spec: RunSpec, number: int) -> None:
    """`run.toml` in the run's folder, and the same as `commands/<number>.toml`, where those of earlier commands lie.

    Where results go and who shares the work is not part of what is asked.
    """
    spec = dataclasses.replace(spec, threads=spec.threads_per_worker)  # as a number: the default may change
    root = spec.root and Path(words.stored(str(spec.root)))
    named = default_datasets(spec)  # by name: another machine, or tomorrow's terminal, may have another default
    clips = tuple(map(spelled, spec.clips))  # as clips are called whose names are no UTF-8
    spec = dataclasses.replace(spec, root=root, datasets=tuple(map(words.stored, named)), clips=clips)
    fields = {key: value for key, value in _SPEC.dump_python(spec, mode="json").items() if value is not None}
    # the place is the command line's, so that a replay cannot write over what it replays
    fields.pop("out")
    fields.pop("shard")
    text = tomli_w.dumps(fields)
    store.write_atomic(spec.out / COMMANDS / f"{number:04d}.toml", text)
    store.write_atomic(spec.out / "run.toml", text)


def load_all(run: Path) -> list[Sent]:
    """Every command that wrote into a run folder, the last one first; of an older suite the last one alone.

    Raises:
        CardError: a file cannot be read, or a key or value in it is wrong.
    """
    files = sorted((run / COMMANDS).glob("*.toml"), reverse=True) or [run / "run.toml"]
    return [load_spec(file, run) for file in files]


def load_spec(path: Path, out: Path) -> Sent:
    """The run that a file asks for, to be written to another folder, and what of it is asked for again.

    Raises:
        CardError: the file cannot be read, or a key or value in it is wrong.
    """
    file = path / "run.toml" if path.is_dir() else path
    fields = read(file)
    if PARTS in fields:
        raise UsageError(f"{file} asks for several runs; stvsr-bench reproduce {file} makes them")
    return sent_of({name: value for name, value in fields.items() if name != SUITE}, file, out)


def read(file: Path) -> dict[str, Any]:
    """The tables of a `run.toml` or `suite.toml`, not checked.

    Raises:
        CardError: the file cannot be read.
    """
    try:
        fields = words.read_toml(file)
    except OSError as error:
        raise CardError(f"{file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise CardError(f"{file} is not valid TOML: {error}") from None
    if "how" in fields:  # what run.toml called this table until November 2026
        fields.setdefault("settings", fields.pop("how"))
    return fields


def sent_of(fields: Mapping[str, Any], file: Path, out: Path) -> Sent:
    """The run that these fields ask for, and what of it is asked for again.

    Raises:
        CardError: a key or value is wrong.
    """
    for name in fields.keys() - {field.name for field in dataclasses.fields(RunSpec)}:
        raise CardError(f"{file}: '{name}' is not a setting of a run")
    try:
        asked = _SPEC.validate_python(fields)
    except ValidationError as error:
        raise CardError(f"{file}: {first_of(error)}") from None
    root = asked.root and Path(words.unstored(str(asked.root)))
    asked = dataclasses.replace(asked, root=root, datasets=tuple(map(words.unstored, asked.datasets)))
    usual: dict[str, Any] = {
        field.name: field.default for field in dataclasses.fields(RunSpec) if field.name in _ASKED_AGAIN
    }
    left_out = {name: getattr(asked, name) for name in _ASKED_AGAIN if getattr(asked, name) != usual[name]}
    return Sent(dataclasses.replace(asked, out=out, **usual), left_out, file)


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong with what a file says: its place and what it must be."""
    first = error.errors()[0]
    return f"'{'.'.join(map(str, first['loc']))}': {first['msg'].lower()}"


def with_files(text: str, files: Iterable[Path]) -> str:
    """A method as a file names it, with the weights that the reader gave: of a file that it names, that of its name.

    Raises:
        UnknownNameError, CardError, UsageError: no such method, or a file of weights that the reader did not give.
    """
    given: dict[str, Path] = {}
    for file in files:
        if given.setdefault(file.name, file) != file:
            raise UsageError(
                f"--weights {file}: {given[file.name]} has the same name; rows tell them apart by name alone"
            )
    parts = []
    for part in parse(text).parts:
        chosen = part
        if weights.is_file(methods.card(part.name), part.weights):
            name = Path(part.weights).name
            if name not in given:
                raise UsageError(
                    f"{printable(text)}: weights in a file are not read because a folder names them; "
                    f"to use your copy, write --weights PATH/{printable(name)}"
                )
            chosen = dataclasses.replace(part, weights=str(given[name]))
        parts.append(chosen)
    return text_of(tuple(parts))


def _short(value: Any) -> str:
    """A value of somebody's file in a sentence."""
    listed = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
    text = printable(listed).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:80]}..."
