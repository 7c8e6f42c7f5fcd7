"""`run --from`: the run that a file asks for, without what is never taken from a file."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stvsr_bench.cli import reader
from stvsr_bench.errors import UsageError

if TYPE_CHECKING:
    from stvsr_bench.runner.plan import RunSpec


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
