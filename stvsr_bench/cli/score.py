"""`stvsr-bench score`: rows from anybody's output frames, in the same table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import spelled

if TYPE_CHECKING:
    from stvsr_bench.runner.plan import RunSpec
    from stvsr_bench.schema import Reading


def score(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with a folder of pictures, or a video, for each clip; of one clip, these alone."),
    ],
    against: Annotated[
        str,
        typer.Option(
            "--dataset",
            "-d",
            help="The data set with the true frames, or a path (--against is the same); without it, a report of what "
            "shows without the truth.",
        ),
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the row; default the folder's.")] = "",
    split: options.Splits = None,
    protocol: options.Protocols = None,
    metrics: options.Metrics = None,
    vmaf_model: options.VmafModel = None,
    root: options.Root = None,
    out: options.Out = Path("runs/default"),
    clips: options.Clips = None,
    limit: options.Limit = 0,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=1024, help="Clips at once; any number gives the same rows.")
    ] = 1,
    save_frames: options.Save = "none",
    include: options.Include = None,
    override: options.Override = None,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Score frames that another program made; their row has the badge "external".

    Without --dataset nothing is compared: the report is of flicker, frozen frames, warping error and sharpness.
    """
    options.plug_in(include, override)
    if not against:
        return _without_truth(folder, options.reading(track, True, deinterlace, hdr), as_json)
    from stvsr_bench.runner.plan import RunSpec

    spec = RunSpec(
        methods=(name or spelled(folder.resolve().stem if folder.is_file() else folder.resolve().name),),
        datasets=(against,),
        splits=options.several(split),
        protocols=options.protocols(protocol),
        metrics=options.metrics(metrics, vmaf_model),
        root=root,
        out=out,
        clips=options.clips(clips),
        limit=limit,
        jobs=jobs,
        save_frames=save_frames,
        reading=options.reading(track, allow_vfr, deinterlace, hdr),
    )
    return _perform(spec, folder, as_json, quiet)


def _without_truth(folder: Path, reading: "Reading", as_json: bool) -> int:
    from stvsr_bench.runner import no_truth

    found = []
    for each in no_truth.reports(folder, reading):
        found.append(each.document())
        for line in [] if as_json else each.lines():
            reader.say(line)
    if as_json:
        reader.document(found, indent=1)
    else:
        reader.say("Nothing here says that the frames are right. To compare with true frames, add --dataset NAME.")
    return 0


def _perform(spec: "RunSpec", folder: Path, as_json: bool, quiet: bool) -> int:
    from stvsr_bench.cli import scoring
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.cli.result import finish, say_unused
    from stvsr_bench.runner.score import execute, make, unused

    plan = make(spec)
    say_unused(plan)
    for each in unused(spec, plan, folder):
        reader.note(f"{folder.name}: {each.sentence(folder)}")
    with Bar(plan, quiet or as_json, total=sum(len(cell.clips) for cell in plan.cells)) as bar:
        result = execute(spec, plan, folder, bar.update)
    code = finish(spec, result, as_json)
    scoring.say_lossy(result)
    scoring.say_doubtful(result)
    return code
