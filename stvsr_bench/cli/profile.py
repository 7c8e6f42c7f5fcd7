"""`stvsr-bench profile`: parameters, multiply-adds, time and memory of methods on this machine."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import OK, UsageError

Out = Annotated[Path | None, typer.Option("--out", "-o", help="Run folder; its profile.jsonl gets the rows.")]
MaxSize = Annotated[bool, typer.Option("--max-size", help="Find the largest frame that fits, by bisection.")]
MemoryBudget = Annotated[
    float, typer.Option("--memory-budget", min=0, help="MiB for --max-size; 0 = 80 % of what is free.")
]
TopT = Annotated[
    bool, typer.Option("--top-t", help="Compare T = 1, 2, 4, 9 of methods that choose points, timed alternately.")
]
CountsOnly = Annotated[bool, typer.Option("--counts-only", help="Only parameters and multiply-adds; nothing is timed.")]


def profile(
    methods: options.Methods = None,
    size: Annotated[str, typer.Option("--size", help="Height x width of the input frames.")] = "64x112",
    frames: Annotated[int, typer.Option("--frames", min=1, max=10_000, help="Number of input frames.")] = 4,
    scale: Annotated[str, typer.Option("--scale", help="Scale, e.g. 4 or 5/2; default each method's own.")] = "",
    time_scale: Annotated[
        int, typer.Option("--time-scale", min=2, max=1000, help="Output frames per input frame.")
    ] = 2,
    device: options.Device = "cpu",
    precision: options.Precision = "fp32",
    compile_: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Weights in channels-last layout.")] = False,
    threads: options.Threads = 0,
    budget: Annotated[float, typer.Option("--budget", min=0, help="Seconds of timing for each method.")] = 30.0,
    out: Out = None,
    max_size: MaxSize = False,
    memory_budget: MemoryBudget = 0.0,
    sweep: Annotated[str, typer.Option("--sweep", help="Measure over several: size or frames.")] = "",
    top_t: TopT = False,
    counts_only: CountsOnly = False,
    include: options.Include = None,
    override: options.Override = None,
    trust_pickle: options.TrustPickle = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Measure parameters, multiply-adds, time and memory of methods. No weights are needed."""
    _check(sweep, counts_only, timed=max_size or bool(sweep) or top_t)
    names = options.methods(methods)
    if not names:
        raise UsageError("no method named; write e.g. --methods stdan,zsm,tmnet")
    measured_size, how_precision = _size(size), options.precision(precision)
    plug_ins = options.plug_in(include, override)
    from stvsr_bench.cli import profile_show
    from stvsr_bench.profiling.profiler import Profiler
    from stvsr_bench.profiling.subject import ProfileSpec
    from stvsr_bench.schema import Settings

    settings = Settings(device, how_precision, compile=compile_, channels_last=channels_last)
    where = (_scale(scale), time_scale)
    asked = ProfileSpec(measured_size, frames, settings, threads, budget, *plug_ins, trust_pickle, *where)
    with profile_show.Said(hidden=quiet or as_json) as said:
        profiler = Profiler(asked, out, said.now, said.note)
        rows = profiler.count(names) if counts_only else profiler.compare_top_t(names) if top_t else []
        if sweep and not rows:
            rows = profiler.sweep(names, "size" if sweep == "size" else "frames")
        # also where a method takes none of the sweep's numbers of frames
        rows = rows or profiler.profile(names, memory_budget if max_size else None)
    if as_json:
        reader.document({"rows": rows})
    else:
        profile_show.tables(rows)
        if out is not None:
            reader.note(f"rows: {out / 'profile.jsonl'}")
    return OK


def _check(sweep: str, counts_only: bool, timed: bool) -> None:
    if sweep not in ("", "size", "frames"):
        raise UsageError(f"--sweep {sweep}: write size or frames")
    if counts_only and timed:
        raise UsageError("--counts-only times nothing and cannot be combined with --max-size, --sweep or --top-t")


def _scale(text: str) -> Fraction | None:
    from stvsr_bench.schema import canonical, ratio

    try:
        return ratio(canonical(text)) if text else None
    except ValueError as error:
        raise UsageError(f"--scale: {error}") from None


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch("([0-9]{1,5})x([0-9]{1,5})", text.strip().lower())
    if match is None or not all(int(side) for side in match.groups()):
        raise UsageError(f"--size {text}: write height x width in pixels, e.g. 64x112")
    return int(match[1]), int(match[2])
