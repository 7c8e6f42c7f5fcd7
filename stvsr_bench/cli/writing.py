"""How `infer` writes a video: its options, its bar, and what it says at the end."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from stvsr_bench.cli import reader
from stvsr_bench.errors import UsageError, counted, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task

    from stvsr_bench.restore.beside import Sound
    from stvsr_bench.restore.film import Done

Crf = Annotated[int, typer.Option("--crf", min=0, max=51, help="Quality of the encoder; lower is better.")]
PixFmt = Annotated[
    str, typer.Option("--pix-fmt", help="yuv420p, yuv422p, yuv444p, or with 10le; default as many bits as in.")
]
Fps = Annotated[
    str, typer.Option("--fps", help="A constant rate, e.g. 60 or 60000/1001: frames are repeated or left out.")
]
Audio = Annotated[
    str, typer.Option("--audio", help="copy; aac encodes sound that the file format does not take; none leaves it out.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that exists, or an unfinished earlier one.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted command.")]


def bar(console: "Console", hidden: bool) -> "Progress":
    """A bar with frames done, frames per second and the time that is left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: "Task") -> Text:
            speed = task.finished_speed or task.speed
            return reader.text(f"{speed:.3g} frames/s" if speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    # a window takes long on a CPU: the speed of the last minutes, not of the last half minute
    return Progress(*columns, console=console, disable=hidden or not console.is_terminal, speed_estimate_period=300)


def say(console: "Console", out: Path, done: "Done") -> None:
    """What was written and what was not, a line for each."""
    cuts = f", {counted(len(done.cuts), 'cut')}" if done.cuts else ""
    sound = f", sound kept ({done.audio})" if done.audio > 1 else ", sound kept" if done.audio else ""
    under = f", subtitles kept ({done.subtitles})" if done.subtitles else ""
    deep = f", {done.pix_fmt}" if done.pix_fmt != "yuv420p" else ""
    size = f"{done.size[0]}x{done.size[1]}"
    rate = f"{done.fps:g} fps{' on average, variable' if done.variable else ''}"
    lines = [
        f"{out}: {counted(done.frames_out, 'frame')} of {size} at {rate}{deep}{cuts}{sound}{under}",
        *done.left_out,
    ]
    if done.lossy:
        lines.append(f"lossy-input: the source was coded with loss ({done.lossy}); a method restores its artefacts too")
    if done.colours:
        lines.append(f"colours of the source: {done.colours}")
    if done.tile:
        lines.append(f"memory ran out: frames were restored in tiles of {done.tile}")
    if done.trouble:
        lines.append(f"{done.trouble}; what could be read is restored ({counted(done.frames_in, 'frame')})")
    for line in lines:
        console.print(printable(line), highlight=False, markup=False, soft_wrap=True)


def rate(text: str) -> Fraction | None:
    """The constant rate that is asked for; None for the times of the source.

    Raises:
        UsageError: it is not a rate.
    """
    if not text:
        return None
    try:
        rate = Fraction(text).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps {text}: write a number of frames per second, e.g. 60 or 60000/1001") from None
    if not 1 <= rate <= 1000:
        raise UsageError(f"--fps {text}: write a number between 1 and 1000")
    return rate


def sound(text: str) -> "Sound":
    """What becomes of sound, checked.

    Raises:
        UsageError: no such way.
    """
    from stvsr_bench.restore.beside import Sound

    for known in get_args(Sound):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"--audio {text}: write copy, aac or none")
