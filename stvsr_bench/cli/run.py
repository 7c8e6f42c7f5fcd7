"""`stvsr-bench run`: measure methods on clips; an interrupted run continues where it was."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import again, options, result
from stvsr_bench.errors import UsageError

Shard = Annotated[str, typer.Option("--shard", help="Part i of n (i/n) of the clips, for job arrays; see: merge.")]


def run(
    context: typer.Context,
    methods: options.Methods = None,
    dataset: options.Datasets = None,
    split: options.Splits = None,
    protocol: options.Protocols = None,
    metrics: options.Metrics = None,
    vmaf_model: options.VmafModel = None,
    root: options.Root = None,
    out: options.Out = Path("runs/default"),
    limit: options.Limit = 0,
    clips: options.Clips = None,
    jobs: options.Jobs = 1,
    threads: Annotated[
        int, typer.Option("--threads", min=0, max=1024, help="CPU threads per worker; 0 = the default, 1.")
    ] = 0,
    engine: Annotated[str, typer.Option("--engine", help="local or dask.")] = "local",
    address: Annotated[str, typer.Option("--address", help="A dask scheduler, tcp://HOST:PORT.")] = "",
    shard: Shard = "1/1",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, max=1_000_000, help="Longest time for one clip, in seconds; 0 = any.")
    ] = 0,
    device: options.Device = "cpu",
    precision: options.Precision = "fp32",
    tile: Annotated[int, typer.Option("--tile", min=0, help="Tile size in low-resolution pixels; 0 = whole.")] = 0,
    tile_overlap: Annotated[int, typer.Option("--tile-overlap", min=0, max=65536, help="Overlap of tiles.")] = 16,
    compile_: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Weights in channels-last layout.")] = False,
    oom_fallback: Annotated[bool, typer.Option(help="When memory runs out, continue in tiles.")] = True,
    save_frames: options.Save = "worst:3",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Measure again what is there already.")] = False,
    seed: Annotated[int, typer.Option("--seed", max=2**63 - 1, help="Seed of anything random.")] = 0,
    include: options.Include = None,
    override: options.Override = None,
    trust_pickle: options.TrustPickle = False,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    from_: Annotated[
        Path | None, typer.Option("--from", help="Replay a run.toml; what runs code is not taken from it.")
    ] = None,
    weights: options.Weights = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be done, and stop.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Measure methods on the clips of a data set. To continue an interrupted run, repeat the command.

    For example: stvsr-bench run --methods stdan,dis+bicubic --dataset mini --limit 2
    """
    from stvsr_bench.runner.plan import RunSpec
    from stvsr_bench.schema import Settings

    included, overrides = options.plug_in(include, override)
    if from_ is not None:
        said = {"include": included, "override": overrides, "trust_pickle": trust_pickle, "overwrite": overwrite}
        work = {"engine": engine, "address": address, "jobs": jobs, "timeout_s": timeout, "shard": options.part(shard)}
        spec = again.spec_of(from_, out, weights or [], {**said, **work})
        spec = again.here(context, spec, root, device, save_frames)
        return result.perform(spec, dry_run, as_json, quiet)
    if weights:
        raise UsageError(f"--weights {weights[0]} is for --from; name a file of weights as METHOD@{weights[0]}")
    settings = Settings(device, options.precision(precision), tile, tile_overlap, compile_, channels_last, oom_fallback)
    spec = RunSpec(
        methods=options.methods(methods),
        datasets=options.datasets(dataset),
        splits=options.several(split),
        protocols=options.protocols(protocol),
        metrics=options.metrics(metrics, vmaf_model),
        root=root,
        out=out,
        limit=limit,
        clips=options.clips(clips),
        shard=options.part(shard),
        engine=engine,
        address=address,
        jobs=jobs,
        threads=threads,
        timeout_s=timeout,
        save_frames=save_frames,
        overwrite=overwrite,
        seed=seed,
        settings=settings,
        include=included,
        override=overrides,
        trust_pickle=trust_pickle,
        reading=options.reading(track, allow_vfr, deinterlace, hdr),
    )
    return result.perform(spec, dry_run, as_json, quiet)
