"""`run --from`: the run that a file asks for, without what is never taken from a file."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stvsr_bench.cli import reader
from stvsr_bench.errors import UsageError

if TYPE_CHECKING:
    import typer

    from stvsr_bench.runner.plan import RunSpec


# what may stand beside --from: where the work is done and shared, and what is never taken from a file
BESIDE = (
    "from_", "out", "root", "device", "weights", "include", "override", "trust_pickle", "overwrite", "engine",
    "address", "jobs", "timeout", "shard", "save_frames", "dry_run", "as_json", "quiet",
)  # fmt: skip


def here(context: "typer.Context", spec: "RunSpec", root: Path | None, device: str, save_frames: str) -> "RunSpec":
    """The run of a file, with the folder of data, the device and the saved frames that the command line names.

    Raises:
        UsageError: another option is given, which the file decides.
    """
    given = {name for name in context.params if "COMMANDLINE" in str(context.get_parameter_source(name))}
    if others := [param.opts[0] for param in context.command.params if param.name in given - set(BESIDE)]:
        raise UsageError(
            f"--from and {', '.join(others)} cannot be combined: the file says what to measure. Leave {others[0]} "
            "away, or edit a copy of the file"
        )
    settings = replace(spec.settings, device=device) if "device" in given else spec.settings
    save = save_frames if "save_frames" in given else spec.save_frames
    return replace(spec, root=root or spec.root, settings=settings, save_frames=save)


def spec_of(file: Path, out: Path, weights: list[Path], said: dict[str, Any]) -> "RunSpec":
    """The run of a file; what runs code, reads weights or reaches other machines is what this command line says."""
    from stvsr_bench.runner.replay import load_spec, with_files

    sent = load_spec(file, out)
    if sent.spec.objects:
        raise UsageError(
            f"--from {file}: that run measured Python objects ({', '.join(sent.spec.objects)}), which no file has; "
            "put them into a file, and name it with --include"
        )
    included = said["include"]
    if missing := next((p for p in sent.left_out.get("include", ()) if p.resolve() not in included), None):
        raise UsageError(f"--from {file}: that run used a plug-in; to run its code again, write --include {missing}")
    spec, sentences = sent.again(**said)
    for sentence in sentences:
        reader.note(sentence)
    return replace(spec, methods=tuple(with_files(text, weights) for text in spec.methods))
