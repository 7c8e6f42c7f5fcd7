"""`stvsr-bench score`: rows from anybody's output frames, in the same table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import spelled

if TYPE_CHECKING:
    from stvsr_bench.runner.plan import RunSpec


def score(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with a folder of pictures, or a video, for each clip; of one clip, these alone."),
    ],
    against: Annotated[str, typer.Option("--against", help="The data set that holds the truth, or a path.")],
    name: Annotated[str, typer.Option("--name", help="Name of the row; default the folder's.")] = "",
    split: options.Splits = "",
    protocol: options.Protocols = "suite-1",
    metrics: Annotated[str, typer.Option("--metrics", help="Metrics besides the default ones.")] = "",
    vmaf_model: options.VmafModel = None,
    root: options.Root = None,
    out: options.Out = Path("runs/default"),
    clips: Annotated[str, typer.Option("--clips", help="Only these clips, by commas, or @FILE.")] = "",
    limit: options.Limit = 0,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Score output frames that were made elsewhere; their row carries the badge "external"."""
    from stvsr_bench.runner.plan import RunSpec

    spec = RunSpec(
        methods=(name or spelled(folder.resolve().stem if folder.is_file() else folder.resolve().name),),
        datasets=(against,),
        splits=options.several(split),
        protocols=options.several(protocol),
        metrics=options.metrics(metrics, vmaf_model),
        root=root,
        out=out,
        clips=options.clips(clips),
        limit=limit,
        save_frames="none",
        reading=options.reading(track, allow_vfr, deinterlace, hdr),
    )
    return _perform(spec, folder, as_json, quiet)


def _perform(spec: "RunSpec", folder: Path, as_json: bool, quiet: bool) -> int:
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.cli.result import finish, say_unused
    from stvsr_bench.runner.score import execute, make, unused

    plan = make(spec)
    say_unused(plan)
    for each in unused(spec, plan, folder):
        reader.note(f"{folder.name}: {each.sentence(folder)}")
    with Bar(plan, quiet or as_json, total=sum(len(cell.clips) for cell in plan.cells)) as bar:
        result = execute(spec, plan, folder, bar.update)
    return finish(spec, result, as_json)
