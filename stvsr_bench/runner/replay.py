"""`run.toml`: what a run was asked for, in full, so that `stvsr-bench run --from run.toml` asks for it again."""

import dataclasses
import tomllib
from pathlib import Path

import tomli_w
from pydantic import TypeAdapter, ValidationError

from stvsr_bench import words
from stvsr_bench.errors import CardError
from stvsr_bench.rows import store
from stvsr_bench.rows.names import COMMANDS
from stvsr_bench.runner.plan import RunSpec

_SPEC = TypeAdapter(RunSpec)


def write_spec(spec: RunSpec, number: int) -> None:
    """`run.toml` in the run's folder, and the same as `commands/<number>.toml`, where those of earlier commands lie.

    Where results go and who shares the work is not part of what is asked.
    """
    spec = dataclasses.replace(spec, threads=spec.threads_per_worker)  # as a number: the default may change
    root = spec.root and Path(words.stored(str(spec.root)))
    spec = dataclasses.replace(spec, root=root, datasets=tuple(map(words.stored, spec.datasets)))
    fields = {key: value for key, value in _SPEC.dump_python(spec, mode="json").items() if value is not None}
    # the place is the command line's, so that a replay cannot write over what it replays
    fields.pop("out")
    fields.pop("shard")
    text = tomli_w.dumps(fields)
    store.write_atomic(spec.out / COMMANDS / f"{number:04d}.toml", text)
    store.write_atomic(spec.out / "run.toml", text)


def load_all(run: Path) -> list[RunSpec]:
    """Every command that wrote into a run folder, the last one first; of an older suite the last one alone.

    Raises:
        CardError: a file cannot be read, or a key or value in it is wrong.
    """
    files = sorted((run / COMMANDS).glob("*.toml"), reverse=True) or [run / "run.toml"]
    return [load_spec(file, run) for file in files]


def load_spec(path: Path, out: Path) -> RunSpec:
    """The run that a file asks for, to be written to another folder.

    Raises:
        CardError: the file cannot be read, or a key or value in it is wrong.
    """
    file = path / "run.toml" if path.is_dir() else path
    try:
        fields = words.read_toml(file)
        if "how" in fields:  # what run.toml called this table until November 2026
            fields.setdefault("settings", fields.pop("how"))
        for name in fields.keys() - {field.name for field in dataclasses.fields(RunSpec)}:
            raise CardError(f"{file}: '{name}' is no setting of a run")
        spec = _SPEC.validate_python(fields)
        root = spec.root and Path(words.unstored(str(spec.root)))
        return dataclasses.replace(spec, out=out, root=root, datasets=tuple(map(words.unstored, spec.datasets)))
    except OSError as error:
        raise CardError(f"{file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise CardError(f"{file} is no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise CardError(f"{file}: '{'.'.join(map(str, first['loc']))}': {first['msg'].lower()}") from None
