"""What a person types for a method: `stdan`, `stdan:top_t=9`, `tmnet@weights.pth`, `rife+span`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.plugins import canonical
from stvsr_bench.schema import MethodCard, OptionValue

# everything after the first @ is the weights: a path may hold ':', '=', '@' and '+'
_PART = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?P<options>(:[A-Za-z_]+=[^:@]*)*)(@(?P<weights>.+))?")
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


def typed_options(card: MethodCard, typed: Mapping[str, str]) -> dict[str, OptionValue]:
    """All options of a card with the typed values put in, each in the type of its default.

    Raises:
        UnknownNameError: the card has no such option.
        UsageError: the value is of another type, or not among the choices that the card names.
    """
    options = dict(card.options)
    for name, text in typed.items():
        if name not in options:
            raise UnknownNameError(f"option of {card.name}", name, options)
        options[name] = _convert(card.name, name, text, options[name])
        choices = card.choices.get(name)
        if choices and options[name] not in choices:
            known = ", ".join(str(choice) for choice in choices)
            raise UsageError(f"{card.name}: option {name}={text} is not possible; choose one of {known}")
    return options


def canonical_text(card: MethodCard, options: Mapping[str, OptionValue], weights: Mapping[str, OptionValue]) -> str:
    """The identity of a method in rows: its name and the options that differ from the card's, sorted.

    Options that its weights were trained with (`weights`) are theirs to name, not the method's.
    """
    usual = {**card.options, **weights}
    # sorted, so that a method has one name in rows however it was typed
    changed = {key: value for key, value in sorted(options.items()) if usual.get(key) != value}
    return card.name + "".join(f":{key}={_text(value)}" for key, value in changed.items())


def _split(text: str) -> list[str]:
    ends = [match.start() for match in _JOINT.finditer(text)]
    return [text[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)]


def _part(piece: str, whole: str) -> Part:
    match = _PART.fullmatch(piece.strip())
    if match is None:
        raise UsageError(
            f"method '{whole}' cannot be read; write name[:option=value ...][@weights], e.g. stdan:top_t=9@mini"
        )
    pairs = [pair.split("=", 1) for pair in (match["options"] or "").split(":") if pair]
    return Part(canonical(match["name"].lower()), dict(pairs), match["weights"] or "")


def _convert(method: str, name: str, text: str, default: OptionValue) -> OptionValue:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        if isinstance(default, bool):  # before `type(default)`: bool("false") is True
            return words[text.lower()]
        return type(default)(text)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "text")
        raise UsageError(f"{method}: option {name}={text} must be {kind}, e.g. {name}={_text(default)}") from None


def _text(value: OptionValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
