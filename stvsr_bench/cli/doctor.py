"""`stvsr-bench doctor`: does a method do what its numbers rely on? Does this machine?"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import FAILED_CLIPS, OK, UsageError, counted

if TYPE_CHECKING:
    from stvsr_bench.inspection.doctor import Finding

Report = Annotated[bool, typer.Option("--report", help="Facts of this machine, to paste into a bug report.")]


def doctor(
    method: Annotated[
        str, typer.Argument(help="A method, e.g. stdan@mini, rife+span or your own; without one, this machine.")
    ] = "",
    methods: options.Methods = None,
    report: Report = False,
    include: options.Include = None,
    override: options.Override = None,
    device: options.Device = "cpu",
    threads: options.Threads = 0,
    trust_pickle: options.TrustPickle = False,
    as_json: options.Json = False,
) -> int:
    """Check a method: shapes, sizes, colours, determinism, batches, precision. Exit code 3 if a check fails.

    Without a method, or with --report: versions, processor and a test of the metrics on this machine. No path below
    your home and no value of a variable is printed.
    """
    if not (method or methods):
        if include or override or threads or trust_pickle or device != "cpu":
            raise UsageError("no method named; write it as the first word, e.g. stvsr-bench doctor stdan@mini")
        return _machine(as_json)
    if report:
        raise UsageError("--report is about this machine; leave the method away, or leave --report away")
    if threads:
        import torch

        torch.set_num_threads(threads)
    from stvsr_bench import methods as known
    from stvsr_bench.inspection import doctor as work
    from stvsr_bench.restore import pick_device, place
    from stvsr_bench.schema import Settings

    options.plug_in(include, override)
    named = options.one("method", method, methods)
    built = place(known.build(named, trust_pickle), Settings(pick_device(device)))
    findings = []
    for finding in work.examine(built):
        findings.append(finding)
        if not as_json:
            reader.say(f"{finding.verdict:5} {finding.check}: {finding.seen}")
    if as_json:
        reader.document({"method": built.spec, "weights": built.weights_tag, "findings": [asdict(f) for f in findings]})
    else:
        reader.say(f"{built.spec}: {_counted(findings)}")
    return FAILED_CLIPS if work.failed(findings) else OK


def _counted(findings: "list[Finding]") -> str:
    words = {"pass": "passed", "fail": "failed", "note": "to note", "skip": "skipped"}
    counts = {word: sum(finding.verdict == verdict for finding in findings) for verdict, word in words.items()}
    return f"{counted(len(findings), 'check')}, " + ", ".join(
        f"{count} {word}" for word, count in counts.items() if count
    )


def _machine(as_json: bool) -> int:
    from stvsr_bench.inspection import machine

    facts = machine.facts()
    if as_json:
        reader.document(facts, indent=1)
    else:
        reader.say(machine.text(facts))
    return OK
