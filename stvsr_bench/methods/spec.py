"""What a person types for a method: `stdan`, `stdan:top_t=9`, `tmnet@weights.pth`, `rife+span`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stvsr_bench import words
from stvsr_bench.errors import UsageError
from stvsr_bench.plugins import canonical, options
from stvsr_bench.schema import MethodCard, OptionValue

# everything after the first @ is the weights: a path may hold ':', '=', '@' and '+'
_PART = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?P<options>" + options.PATTERN + r")(@(?P<weights>.+))?")
# a '+' joins two methods only where a whole name follows: in `stdan@runs/a+b.pth` none does
_JOINT = re.compile(r"\+(?=\s*[A-Za-z0-9_-]+(:[A-Za-z_]+=[^:@+]*)*\s*(@|\+|$))")


@dataclass(frozen=True)
class Part:
    """One method of a spec: its name, the options as typed, and the weights asked for ("" = choose)."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""


@dataclass(frozen=True)
class Spec:
    """A whole spec: one part, or two that are run one after the other."""

    text: str
    parts: tuple[Part, ...]


def parse(text: str) -> Spec:
    """The parts of a spec, unchecked against any card.

    Raises:
        UsageError: it does not have the form `name[:option=value ...][@weights]`, once or twice joined by `+`.
    """
    pieces = _split(text.strip())
    if len(pieces) > 2:
        raise UsageError(f"method '{text}': at most two methods can be joined by '+' (an interpolator and an upscaler)")
    return Spec(text.strip(), tuple(_part(piece, text) for piece in pieces))


def text_of(parts: tuple[Part, ...]) -> str:
    """Parts as they are typed; what `parse` reads back."""
    return "+".join(
        part.name
        + "".join(f":{name}={value}" for name, value in part.options.items())
        + (f"@{part.weights}" if part.weights else "")
        for part in parts
    )


def typed_options(card: MethodCard, said: Mapping[str, str]) -> dict[str, OptionValue]:
    """All options of a card with the typed values put in, each in the type of its default.

    Raises:
        UnknownNameError: the card has no such option.
        UsageError: the value is of another type, or not among the choices that the card names.
    """
    return options.with_typed(card.name, card.options, said, card.choices, {})


def canonical_text(card: MethodCard, chosen: Mapping[str, OptionValue], weights: Mapping[str, OptionValue]) -> str:
    """The identity of a method in rows: its name and the options that differ from the card's, sorted.

    Options that its weights were trained with (`weights`) are theirs to name, not the method's.
    """
    return card.name + options.changed(chosen, {**card.options, **weights})


def _split(text: str) -> list[str]:
    """The methods that are joined; a file of weights that exists is one path, with whatever `+` there is in it."""
    name, _, weights = text.partition("@")
    if "+" not in name and words.is_path(weights.strip()):
        return [text]
    ends = [match.start() for match in _JOINT.finditer(text)]
    for end in ends:
        pair = [text[:end], text[end + 1 :]]
        if all(_is_whole(piece) for piece in pair):
            return pair
    return [text[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)]


def _is_whole(piece: str) -> bool:
    """Whether a piece names no weights, a tag of weights, or a file that exists."""
    weights = piece.partition("@")[2].strip()
    return ("/" not in weights and "+" not in piece) or words.is_path(weights)


def _part(piece: str, whole: str) -> Part:
    match = _PART.fullmatch(piece.strip())
    if match is None:
        raise UsageError(
            f"method '{whole}' cannot be read; write name[:option=value ...][@weights], e.g. stdan:top_t=9@mini"
            + (f"; {words.QUOTING}" if "/" in whole or "." in whole else "")
        )
    said = options.typed(match["options"] or "", whole)
    return Part(canonical(match["name"].lower()), said, match["weights"] or "")
