"""`stvsr-bench data`: which data sets there are, getting them, what is wrong with them, how they move."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from stvsr_bench.cli import clipwise, measuring, options, packing, preparing, reader
from stvsr_bench.errors import FailedClipsError, counted, spelled

if TYPE_CHECKING:
    from stvsr_bench.datasets.survey import Checked

app = typer.Typer(
    help="List, prepare, check and measure data sets.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.command(name="prepare")(preparing.prepare)
app.command(name="pack")(packing.pack)


@app.command(name="list")
def list_datasets(
    include: options.Include = None, override: options.Override = None, as_json: options.Json = False
) -> None:
    """List every data set: splits, licence, and where it is here."""
    from stvsr_bench.datasets import listing

    options.plug_in(include, override)
    rows = listing.details()
    if as_json:
        reader.document(rows, indent=1)
        return
    for row in rows:
        reader.say(f"{row['name']:12} {row['where']:24} {', '.join(row.get('splits', []))}")
        texts = {**row, "options": listing.options_of(row)}
        for fact in ("title", "licence", "options", "convention", "notes"):
            if texts.get(fact):
                reader.say(reader.wrapped(str(texts[fact]), " " * 25, f"{'':12} {fact + ':':11} "))


@app.command()
def check(
    name: clipwise.Name = "",
    dataset: options.Dataset = None,
    split: options.Splits = None,
    root: options.Root = None,
    lists: clipwise.Lists = "zsm",
    sample: clipwise.Sample = 0,
    jobs: clipwise.Jobs = 0,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    include: options.Include = None,
    override: options.Override = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Check clips: counts, sizes, order, repeated and black frames, cuts.

    Also says how low-resolution frames beside them were made. Exit code 3 if a clip has an error.
    """
    from stvsr_bench.datasets import survey

    options.plug_in(include, override)
    name = options.one("data set", name, dataset, "--dataset")
    reading = options.reading(track, allow_vfr, deinterlace, hdr)
    checked: list[Checked] = []
    for clips in survey.splits(name, options.several(split), root, lists, reading):
        with clipwise.telling("checking", clips, quiet) as tell:
            checked.append(survey.check(clips, survey.Pace(sample, jobs), tell))
    if as_json:
        rows = [{"split": each.split, **asdict(finding)} for each in checked for finding in each.findings]
        clips_of = {each.split: each.clips for each in checked if each.clips}
        reader.document({"dataset": spelled(name), "checked": clips_of, "findings": rows}, indent=1)
    else:
        for each in checked:
            _print_findings(each)
    errors = [finding for each in checked for finding in each.findings if finding.level == "error"]
    if errors:
        bad = len({finding.clip for finding in errors if finding.clip})
        total = sum(each.clips for each in checked)
        raise FailedClipsError(f"{name}: {counted(len(errors), 'error')} in {bad} of {counted(total, 'clip')}")


app.command()(measuring.stats)


def _print_findings(checked: "Checked") -> None:
    """Equal findings of several clips on one line."""
    from stvsr_bench.data.check import grouped

    for level, what, clips in grouped(checked.findings):
        named = clipwise.named(clips)
        times = f" ({len(clips)} clips)" if len(clips) > 1 else ""
        reader.say(f"{level:8} {checked.split}{' ' if named else ''}{named}{times}: {what}")
    errors, warnings = (sum(found.level == level for found in checked.findings) for level in ("error", "warning"))
    found = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    reader.say(f"{checked.split}: {counted(checked.clips, 'clip')} checked, {found}")
