"""Options that several verbs share, and how their values are read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench import words
from stvsr_bench.cli import reader
from stvsr_bench.errors import UsageError

if TYPE_CHECKING:
    from stvsr_bench.schema import Reading

Names = list[str] | None  # of an option that may be given several times, with commas or without
Methods = Annotated[
    Names,
    typer.Option(
        "--methods",
        "-m",
        help="Methods: stdan@mini,dis+bicubic. Written name[:option=value][@weights].",
        metavar="NAMES",
    ),
]
Datasets = Annotated[
    Names,
    typer.Option(
        "--dataset",
        "-d",
        help="Data sets (mini, mini:rate=4) or paths; default vimeo90k where it is set up, else mini.",
        metavar="NAMES",
    ),
]
Dataset = Annotated[
    Names, typer.Option("--dataset", "-d", help="The same, as an option.", metavar="NAME", show_default=False)
]
Splits = Annotated[Names, typer.Option("--split", "-s", help="Splits; default all test splits.", metavar="NAMES")]
Protocols = Annotated[
    Names, typer.Option("--protocol", "-p", help="Protocols; default suite-1. See: ls protocols.", metavar="NAMES")
]
Metrics = Annotated[
    Names,
    typer.Option(
        "--metrics",
        help="More metrics, or groups of them; the usual ones are always there. See: ls metrics.",
        metavar="NAMES",
    ),
]
Clips = Annotated[Names, typer.Option("--clips", help="Only these clips, or @FILE.", metavar="NAMES")]
Root = Annotated[
    Path | None, typer.Option("--root", help="Folder of the data set; default its variable, e.g. VIMEO90K_ROOT.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder. If it exists, the run continues in it.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps or auto.")]
Precision = Annotated[str, typer.Option("--precision", help="fp32, tf32, bf16 or fp16.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; messages go to stderr.")]
Include = Annotated[
    list[Path] | None, typer.Option("--include", help="A one-file method or a plug-in folder; may be repeated.")
]
Override = Annotated[
    list[str] | None,
    typer.Option("--override", help="NAME of a built-in that --include or $STVSR_BENCH_PATH replaces; tables show it."),
]
Weights = Annotated[
    list[Path] | None,
    typer.Option("--weights", help="A file of weights, where the run used a file; may be repeated."),
]
TrustPickle = Annotated[
    bool, typer.Option("--trust-pickle", help="Run the code inside a checkpoint. Only if you trust its author.")
]
Jobs = Annotated[
    int, typer.Option("--jobs", "-j", min=1, max=1024, help="Worker processes; any number gives the same rows.")
]
Threads = Annotated[int, typer.Option("--threads", min=0, max=1024, help="CPU threads; 0 = torch's own choice.")]
Track = Annotated[int, typer.Option("--track", min=1, help="Which video track of a file, counted from 1.")]
AllowVfr = Annotated[
    bool, typer.Option("--allow-vfr", help="Measure videos of variable frame rate as if their frames were even.")
]
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Make whole frames of interlaced video (bwdif).")]
Hdr = Annotated[str, typer.Option("--hdr", help="HDR video (PQ, HLG): refuse, or as-is (its stored values).")]
Save = Annotated[
    str, typer.Option("--save-frames", help="Frames to save for the report: none, all or worst:K per split.")
]
VmafModel = Annotated[Path | None, typer.Option("--vmaf-model", help="A VMAF model file (JSON), one more metric.")]
Limit = Annotated[float, typer.Option("--limit", help="Only the first N clips of each split, or a share such as 0.1.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def plug_in(include: list[Path] | None, override: list[str] | None) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Register what `--include` names; what has the name of a built-in needs `--override` with that name.

    Returned are all paths that are included and all names that may be replaced, for worker processes.

    Raises:
        UsageError: a path is not a plug-in, its name may not be used, or a name of `--override` is not that of a
            plug-in which replaces a known one.
    """
    from stvsr_bench import plugins

    plugins.allow(override or ())
    for path in include or ():
        plugins.include(path)
    if sentence := plugins.cautions():
        reader.note(f"stvsr-bench: {sentence}")
    replacing = [plugin.name for plugin in plugins.everything() if plugin.replaces]
    for name in override or ():
        if plugins.canonical(name) not in replacing:
            raise UsageError(
                f"--override {name} replaces nothing: no --include and no folder of $STVSR_BENCH_PATH has "
                "the name of that built-in"
            )
    return tuple(plugins.included()), plugins.overrides()


def metrics(texts: Names, vmaf_model: Path | None = None) -> tuple[str, ...]:
    """Names of metrics and of their groups (`variant`, `temporal`, `perceptual`, `time`), as metrics.

    Raises:
        UsageError: the file is not a VMAF model.
        NotRunnableError: there is a file, but no ffmpeg with libvmaf.
    """
    from stvsr_bench.metrics import expanded, vmaf

    of_file = (vmaf.chosen(vmaf_model),) if vmaf_model else ()
    return (*expanded(several(texts)), *of_file)


def several(texts: str | Names) -> tuple[str, ...]:
    """Names separated by commas or spaces, of all times that an option was given; see `words.several`."""
    return _joined(texts, words.several)


def protocols(texts: Names) -> tuple[str, ...]:
    """The protocols; without any the suite's own."""
    return several(texts) or ("suite-1",)


def clips(texts: Names) -> tuple[str, ...]:
    """Names of clips as they are typed: which of them are one name, the data set says."""
    return _joined(texts, words.lines)


def datasets(texts: str | Names) -> tuple[str, ...]:
    """Data sets by name or path. A path that exists is one, whatever it contains.

    Raises:
        UsageError: one of several is a path that does not exist.
    """
    found = _joined(texts, lambda text: words.several(text, words.is_path))
    missing = [word for word in found if ("/" in word or word.startswith("~")) and ":" not in word]
    if len(found) > 1 and (wrong := next((word for word in missing if not words.is_path(word)), "")):
        typed = texts if isinstance(texts, str) else ",".join(texts or ())
        raise UsageError(f"--dataset {typed}: there is no {wrong}; {words.QUOTING}")
    return found


def methods(texts: str | Names) -> tuple[str, ...]:
    """Methods by their spec. A file of weights that exists is one path, whatever it contains."""
    return _joined(texts, lambda text: words.several(text, _has_weights))


def one(what: str, first: str, texts: Names, option: str = "--methods") -> str:
    """The one name that a verb takes, as its first word or by its option.

    Raises:
        UsageError: none, or several.
    """
    found = [*([first] if first else []), *(methods(texts) if option == "--methods" else datasets(texts))]
    if len(found) != 1:
        said = f"{', '.join(found)}: one {what} at a time" if found else f"no {what} named"
        raise UsageError(f"{said}; write it as the first word, or with {option}")
    return found[0]


def _joined(texts: str | Names, split: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(word for text in ([texts] if isinstance(texts, str) else texts or ()) for word in split(text))


def _has_weights(word: str) -> bool:
    name, at, path = word.partition("@")
    return bool(at) and not any(sign in name for sign in ", \t\n") and words.is_path(path)


def precision(text: str) -> str:
    """The precision, checked.

    Raises:
        UsageError: no such precision.
    """
    if text not in ("fp32", "tf32", "bf16", "fp16"):
        raise UsageError(f"unknown precision '{text}'; write fp32, tf32, bf16 or fp16")
    return text


def reading(track: int, allow_vfr: bool, deinterlace: bool, hdr: str) -> "Reading":
    """How videos may be read, checked.

    Raises:
        UsageError: no such way with HDR.
    """
    from stvsr_bench.schema import Reading

    if hdr == "refuse":
        return Reading(track, allow_vfr, deinterlace)
    if hdr == "as-is":
        return Reading(track, allow_vfr, deinterlace, "as-is")
    raise UsageError(f"--hdr {hdr}: write refuse or as-is")


def part(text: str) -> tuple[int, int]:
    """`i/n` as numbers.

    Raises:
        UsageError: it is not of that form.
    """
    number, _, parts = text.partition("/")
    if not (re.fullmatch("[0-9]{1,6}", number) and re.fullmatch("[0-9]{1,6}", parts)):
        raise UsageError(f"--shard {text}: write i/n, e.g. 3/8")
    return int(number), int(parts)
