"""Cards: what a method or a data set is, as its folder's `card.toml` says it."""

import math
from dataclasses import field
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.scale import Scale, canonical, ratio
from stvsr_bench.schema.source import Example, Source
from stvsr_bench.schema.strict import STRICT

OptionValue = bool | int | float | str
Kind = Literal["stvsr", "vfi", "sr"]
TimeControl = Literal["midpoint", "any"]
SAMPLES_APART = 8  # frames between the beginnings of the windows that VideoINR and its successors score
USUAL_SCALE = 4  # what nearly every table of the field is measured at


def _scales(value: Any) -> Any:
    """A scale, or the two ends of a range of scales, in canonical form."""
    if isinstance(value, list | tuple):
        low, high = (canonical(each) for each in value) if len(value) == 2 else (0, 0)
        if not ratio(low) < ratio(high):
            raise ValueError(f"scale = {list(value)}: a range is two numbers, the smaller first, e.g. [1, 16]")
        return (low, high)
    return canonical(value)


Scales = Annotated[int | str | tuple[Scale, Scale], BeforeValidator(_scales)]


@checked(frozen=True, config=STRICT)
class Paper:
    """Where a method or data set was described."""

    title: str = ""
    authors: str = ""
    year: int | None = None
    venue: str = ""
    arxiv: str = ""
    url: str = ""
    bibtex: str = ""


@checked(frozen=True, config=STRICT)
class Weights:
    """One trained state of a method: where it comes from and how it is read.

    `file` is a path relative to the method's folder; `package` (`name==version`) with `file` names a file inside an
    installed package, read as data; `url` is for a person to follow. A file is these weights if it has the SHA-256
    (`sha256`) or, in a public git repository, the blob id (`blob`: SHA-1 of "blob <bytes>", NUL, content).
    `rename`/`export` ("module:function") map a foreign state dict to ours and back; `reader` ("module:function":
    Path -> state dict) reads what is no torch file. `options` are option values that these weights were trained with
    (they override the card's defaults). `source` is where `weights get` finds the file.
    """

    origin: Literal["authors", "ours", "package"] = "authors"
    url: str = ""
    file: str = ""
    package: str = ""
    sha256: str = ""
    blob: str = ""
    licence: str = ""
    rename: str = ""
    export: str = ""
    reader: str = ""
    options: dict[str, OptionValue] = field(default_factory=dict)
    notes: str = ""
    source: Source = field(default_factory=Source)


@checked(frozen=True, config=STRICT)
class TileNeeds:
    """The smallest tiles that hardly move a network's numbers, measured; in pixels of the frames that it is given.

    `safe = true`: from `least` and `overlap` on, every tile size is within 0.05 dB PSNR-Y of the whole picture.
    `safe = false`: no tile is, so none is taken unless a person asks for it. Where it is not stated nothing has been
    measured: `least` and `overlap` are then a guess on the safe side, and rows in tiles say so. The same holds of
    weights that are not among `weights` (labels; none = it holds for all): a larger network sees further.
    """

    least: int = 64
    overlap: int = 32
    safe: bool | None = None
    weights: list[str] = field(default_factory=list)

    def of(self, label: str) -> "TileNeeds":
        """What is known of tiles with the weights of this label."""
        if not self.safe or not self.weights or label in self.weights:
            return self
        guess = TileNeeds()
        return TileNeeds(max(self.least, guess.least), max(self.overlap, guess.overlap))


@checked(frozen=True, config=STRICT)
class Streaming:
    """How a video that is too long for memory is cut for `infer`: `window` given frames at a time, neighbours sharing
    one; and beside them up to `context` frames on each side, which the network sees and whose results are not kept."""

    window: int = Field(default=4, ge=2)
    context: int = Field(default=0, ge=0)


@checked(frozen=True, config=STRICT)
class MethodCard:
    """What a method is and what it can take; read from `methods/<name>/card.toml`.

    `net` is "module:callable" inside the method's folder (or the callable's name in a one-file method). With
    `call = "factory"` it is called with the options as keywords and returns an `nn.Module`; with `call = "function"` it
    is itself the function of the clip; with `call = "process"` `net` is a command that speaks JSON lines
    (`methods/README.md`). The contract of each kind:
    stvsr: net(lr_BTChw, times=None) -> sr_BSCHW; vfi: net(frames_BTCHW, times=None) -> frames_BSCHW (given frames
    kept); sr: net(frames_BTChw) -> frames_BTCHW. Frames are RGB in [0, 1].
    `scale` is one scale, or the ends of a range `[1, 16]`: then stvsr and sr also take `size=(H, W)`, the size wanted
    of the picture as it is handed over (None: x4); `scale_trained` is the range that its weights were trained for.
    `frames_in`: fewest and most frames of one call; windows are cut, or filled by repeating the last frame, to fit.
    `hr_multiple_of`: what each side of the picture that is asked for must be a multiple of.
    `tiles`: what its tiles must be (docs/video.md); absent where nobody measured it.
    `stream`: how `infer` cuts a long video; four frames at a time where the card says nothing.
    `ties`: it takes the nearest pixel, and of two equally near ones rounding decides; at scales p/q with an even q.
    `example`: pictures that the authors published, by which `weights prove` tells whether a checkpoint is theirs.
    `bit_exact`: the same 8-bit frames on every x86 processor (a test holds it to that); networks are not.
    """

    name: str
    title: str
    kind: Kind
    net: str
    call: Literal["factory", "function", "process"] = "factory"
    options: dict[str, OptionValue] = field(default_factory=dict)
    choices: dict[str, list[OptionValue]] = field(default_factory=dict)
    scale: Scales = USUAL_SCALE
    scale_trained: Scales | None = None
    time: TimeControl = "midpoint"
    frames_in: tuple[int, int] = (2, 1000)
    multiple_of: int = 1
    hr_multiple_of: int = 1
    pad: Literal["zeros", "replicate", "reflect"] = "zeros"
    tiles: TileNeeds = field(default_factory=TileNeeds)
    stream: Streaming = field(default_factory=Streaming)
    learned: bool = True
    time_symmetric: bool = False
    ties: bool = False
    bit_exact: bool = False
    group: str = ""
    paper: Paper = field(default_factory=Paper)
    weights: dict[str, Weights] = field(default_factory=dict)
    example: Example = field(default_factory=Example)
    licence: str = ""
    needs: list[str] = field(default_factory=list)
    notes: str = ""

    @property
    def continuous(self) -> bool:
        """Whether it makes every scale of a range, and is told the size."""
        return isinstance(self.scale, tuple)

    @property
    def usual(self) -> Fraction:
        """The scale that it makes when none is asked for."""
        return ratio(self.scale) if not isinstance(self.scale, tuple) else _within(self.scale, Fraction(USUAL_SCALE))

    def makes(self, scale: Fraction) -> bool:
        """Whether it can make this scale."""
        return _holds(self.scale, scale)

    def grid(self, scale: Fraction) -> int:
        """The pixels that each side of what it is given must be a multiple of, at a scale."""
        # at p/q, sides of a multiple of q make whole pixels; and p/q of them must be a multiple of `hr_multiple_of`
        whole = scale.denominator * (self.hr_multiple_of // math.gcd(self.hr_multiple_of, scale.numerator))
        return math.lcm(self.multiple_of, whole)

    def trained_for(self, scale: Fraction) -> bool:
        """Whether its weights were trained for this scale, as far as the card says."""
        return self.scale_trained is None or _holds(self.scale_trained, scale)


def _holds(scales: int | str | tuple[int | str, int | str], scale: Fraction) -> bool:
    low, high = scales if isinstance(scales, tuple) else (scales, scales)
    return ratio(low) <= scale <= ratio(high)


def _within(ends: tuple[int | str, int | str], scale: Fraction) -> Fraction:
    return min(max(scale, ratio(ends[0])), ratio(ends[1]))


@checked(frozen=True, config=STRICT)
class SplitList:
    """One published list of clips of a data set; `file` is its name on this machine, `<split>_testset.txt` if "".

    `blob` is its git blob id, where it lies in a public git repository.
    """

    url: str = ""
    file: str = ""
    blob: str = ""
    sha256: str = ""
    count: int = 0
    by: str = ""
    notes: str = ""


@checked(frozen=True, config=STRICT)
class Download:
    """A way to get a data set: an address (`url`, with the SHA-256 where it is known) or a `source`.

    `strip` is what is left out at the beginning of the paths of a listing. `split` is what can be read afterwards ("":
    the card's default splits).
    """

    url: str = ""
    sha256: str = ""
    source: Source = field(default_factory=Source)
    strip: str = ""
    split: str = ""
    notes: str = ""


@checked(frozen=True, config=STRICT)
class Contents:
    """What a complete copy of a split has, as far as is known: `data check` compares. Size is width, height.

    `sizes` are those of single clips where they differ. `samples` is how many windows of nine frames, `SAMPLES_APART`,
    the papers' own options count: the lengths of the clips are not known there, but how much there is to restore is.
    """

    clips: list[int] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=dict)
    frames_each: int = 0
    size: tuple[int, int] | None = None
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    samples: int = 0


@checked(frozen=True, config=STRICT)
class DatasetCard:
    """What a data set is and where its frames lie; read from `datasets/<name>/card.toml`.

    `version` counts up when a data set that the suite decodes or draws gets other pixels; `convention` says which.
    `options` are what may be typed after its name (`mini:rate=4`), with their usual values, `choices` and `limits`
    (least, greatest) what they may be. A data set with other than the usual options is another data set: its card says
    so in `name`, and its reader finds the values in `card.options`.
    `by_hand` says what a person must do where no program can fetch the data. `sparse` names the splits whose frames
    are not consecutive, each with a sentence on what to use instead.
    """

    name: str
    title: str
    reader: str
    splits: list[str]
    version: int = 1
    source: str = ""
    licence: str = ""
    fps: float | None = None
    root_env: str = ""
    lr: Literal["made", "shipped"] = "made"
    default_splits: list[str] = field(default_factory=list)
    lists: dict[str, dict[str, SplitList]] = field(default_factory=dict)
    downloads: dict[str, Download] = field(default_factory=dict)
    by_hand: str = ""
    contents: dict[str, Contents] = field(default_factory=dict)
    sparse: dict[str, str] = field(default_factory=dict)
    layout: str = ""
    convention: str = ""
    paper: Paper = field(default_factory=Paper)
    needs: list[str] = field(default_factory=list)
    notes: str = ""
    options: dict[str, OptionValue] = field(default_factory=dict)
    choices: dict[str, list[OptionValue]] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse options that nobody could type, or whose usual value the card itself forbids."""
        for name in {*self.choices, *self.limits} - self.options.keys():
            raise ValueError(f"choices or limits of '{name}', which is not an option")
        for name, value in self.options.items():
            low, high = self.limits.get(name, (-math.inf, math.inf))
            if not name.isascii() or not name.replace("_", "a").isalpha():
                raise ValueError(f"option '{name}': a name is made of letters and _")
            if isinstance(value, str) and name not in self.choices:
                raise ValueError(f"option '{name}': a text needs choices, they become names of folders")
            if value not in self.choices.get(name, [value]) or not (isinstance(value, str) or low <= value <= high):
                raise ValueError(f"option '{name}': {value} is not what its own choices or limits allow")

    @property
    def plain_name(self) -> str:
        """Its name without options: what its lists and files are called, however it was asked for."""
        return self.name.partition(":")[0] if self.options else self.name
