"""`stvsr-bench doctor`: does a method keep the promises that its numbers rest on?"""

from dataclasses import asdict
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import FAILED_CLIPS, OK


def doctor(
    method: Annotated[str, typer.Argument(help="A method, e.g. stdan@mini, rife+span or your own.")],
    include: options.Include = None,
    override: options.Override = None,
    threads: Annotated[int, typer.Option("--threads", min=0, max=1024, help="CPU threads; 0 = all.")] = 0,
    as_json: options.Json = False,
) -> int:
    """Check a method: shapes, sizes, determinism, batches, precision, times, pickling. Exit 3 if a check fails."""
    import torch

    from stvsr_bench import methods
    from stvsr_bench.inspection import doctor as work

    options.plug_in(include, override)
    if threads:
        torch.set_num_threads(threads)
    built = methods.build(method)
    findings = []
    for finding in work.examine(built):
        findings.append(finding)
        if not as_json:
            reader.say(f"{finding.verdict:5} {finding.check}: {finding.seen}")
    bad = work.failed(findings)
    if as_json:
        reader.document({"method": built.spec, "weights": built.weights_tag, "findings": [asdict(f) for f in findings]})
    else:
        reader.say(f"{built.spec}: {len(findings) - len(bad)} of {len(findings)} checks hold")
    return FAILED_CLIPS if bad else OK
