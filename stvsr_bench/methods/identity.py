"""Which method and weights a spec means on this machine, found without importing torch or any method's code."""

import dataclasses
import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass

from stvsr_bench import plugins
from stvsr_bench.errors import NotRunnableError, UsageError
from stvsr_bench.installing import pip
from stvsr_bench.methods.cards import card as read
from stvsr_bench.methods.spec import Part, canonical_text, parse, typed_options
from stvsr_bench.methods.weights import Chosen, choose
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard, OptionValue, TileNeeds, digest, ratio


@dataclass(frozen=True)
class Resolved:
    """One method of a spec: card, folder, options and weights, all checked."""

    card: MethodCard
    plugin: Plugin
    options: Mapping[str, OptionValue]
    chosen: Chosen

    @property
    def text(self) -> str:
        """Its canonical spec, without weights."""
        return canonical_text(self.card, self.options, self.chosen.options)


@dataclass(frozen=True)
class Identity:
    """What stands in every row for a method: canonical spec, label and SHA-256 of the weights."""

    spec: str
    weights: str
    sha256: str
    untrained: bool
    card: MethodCard
    parts: tuple[Resolved, ...]

    @property
    def code(self) -> str:
        """A digest of the code of all parts, as this process runs it or would."""
        return digest([plugins.code(part.plugin) for part in self.parts])[:16]


def resolve(spec: str) -> Identity:
    """The identity of a spec.

    Raises:
        UnknownNameError, UsageError: no such method or option, or two parts that do not compose.
        WeightsError, NotRunnableError: weights or a package are missing here; the sentence says what to do.
    """
    parts = tuple(_resolve(part) for part in parse(spec).parts)
    card = parts[0].card if len(parts) == 1 else composed_card(*parts)
    return Identity(
        spec="+".join(part.text for part in parts),
        weights=_label([part.chosen.label for part in parts]),
        sha256=_joined([part.chosen.sha256 for part in parts]),
        untrained=any(part.card.learned and not part.chosen.sha256 for part in parts),
        card=card,
        parts=parts,
    )


def check_names(spec: str) -> None:
    """Refuses a spec whose methods or options do not exist; weights are not looked for.

    Raises:
        UnknownNameError, UsageError: the name or option that is wrong.
    """
    for part in parse(spec).parts:
        typed_options(read(part.name), part.options)


def composed_card(first: Resolved, second: Resolved) -> MethodCard:
    """The card of `first+second`, of kind "stvsr".

    Raises:
        UsageError: they are not one interpolator and one upscaler.
    """
    kinds = (first.card.kind, second.card.kind)
    if set(kinds) != {"vfi", "sr"}:
        raise UsageError(
            f"{first.card.name} ({kinds[0]}) and {second.card.name} ({kinds[1]}) do not compose; "
            "join an interpolator (vfi) and an upscaler (sr), in either order"
        )
    vfi, sr = (first.card, second.card) if kinds[0] == "vfi" else (second.card, first.card)
    # an interpolator that comes second sees frames that are already larger
    first_vfi = kinds[0] == "vfi"
    return dataclasses.replace(
        vfi,
        name=f"{first.card.name}+{second.card.name}",
        title=f"{first.card.title} + {second.card.title}",
        kind="stvsr",
        scale=sr.scale,
        scale_trained=sr.scale_trained,
        multiple_of=math.lcm(vfi.multiple_of if first_vfi else 1, sr.multiple_of),
        hr_multiple_of=math.lcm(1 if first_vfi else vfi.multiple_of, sr.hr_multiple_of),
        tiles=_tiles_of_both(first.card, second.card),
        # of two neighbours in time the one that needs more; an upscaler that comes second sees more frames than that
        stream=max(vfi.stream, sr.stream, key=lambda one: (one.window, one.context)),
        learned=vfi.learned or sr.learned,
        bit_exact=vfi.bit_exact and sr.bit_exact,
        group="two-stage",
        options={},
        choices={},
        weights={},
    )


def _tiles_of_both(first: MethodCard, second: MethodCard) -> TileNeeds:
    """What the needier of two methods needs, in pixels of the frames that the first is given."""
    one, two = first.tiles, second.tiles
    known = None not in (one.safe, two.safe)
    # of a range the smallest scale: the second sees no more pixels than that
    larger = ratio(first.scale[0] if isinstance(first.scale, tuple) else first.scale)
    return TileNeeds(
        least=max(one.least, math.ceil(two.least / larger)),
        overlap=max(one.overlap, math.ceil(two.overlap / larger)),
        safe=False if False in (one.safe, two.safe) else True if known else None,
    )


def _resolve(part: Part) -> Resolved:
    card = read(part.name)
    plugin = plugins.find("methods", part.name)
    for package in card.needs:
        if importlib.util.find_spec(package.partition(".")[0]) is None:  # of one below it, the parent would be run
            hint = pip(package.partition(".")[0])
            raise NotRunnableError(f"{card.name} needs the package '{package}', which is not installed: run {hint}")
    typed_options(card, part.options)  # a wrong option is said before missing weights are
    chosen = choose(card, plugin, part.weights)
    trained_with = {key: str(value) for key, value in chosen.options.items()}
    card = dataclasses.replace(card, tiles=card.tiles.of(chosen.label))
    return Resolved(card, plugin, typed_options(card, {**trained_with, **part.options}), chosen)


def _label(labels: list[str]) -> str:
    """One word where all learned parts have the same, else one for each part."""
    named = {label for label in labels if label}
    return named.pop() if len(named) == 1 else _joined(labels)


def _joined(labels: list[str]) -> str:
    return "+".join(label or "-" for label in labels) if any(labels) else ""
