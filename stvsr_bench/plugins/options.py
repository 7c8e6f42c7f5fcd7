"""Options typed after a plug-in's name: `stdan:top_t=9`, `mini:rate=4`. One grammar for methods and data sets."""

import math
from collections.abc import Mapping, Sequence

from stvsr_bench.errors import UnknownNameError, UsageError
from stvsr_bench.schema import OptionValue

PATTERN = r"(:[A-Za-z_]+=[^:@]*)*"
Limits = tuple[float, float]


def typed(text: str, whole: str) -> dict[str, str]:
    """The options of `:option=value:option=value`, as typed; `whole` is what it was a part of.

    Raises:
        UsageError: one of them is typed twice.
    """
    found: dict[str, str] = {}
    for pair in filter(None, text.split(":")):
        name, value = pair.split("=", 1)
        if name in found:
            raise UsageError(f"'{whole}' sets {name} twice; write it once")
        found[name] = value
    return found


def with_typed(
    of: str,
    usual: Mapping[str, OptionValue],
    said: Mapping[str, str],
    choices: Mapping[str, Sequence[OptionValue]],
    limits: Mapping[str, Limits],
) -> dict[str, OptionValue]:
    """All options of a card (of the plug-in `of`) with the typed values put in, each in the type of its default.

    Raises:
        UnknownNameError: the card has no such option.
        UsageError: the value is of another type, not among the choices, or outside the limits that the card names.
    """
    options = dict(usual)
    for name, text in said.items():
        if name not in options:
            raise UnknownNameError(f"option of {of}", name, options)
        options[name] = value = _convert(of, name, text, options[name])
        if (known := choices.get(name)) and value not in known:
            listed = ", ".join(str(choice) for choice in known)
            raise UsageError(f"{of}: option {name}={text} is not possible; choose one of {listed}")
        if name in limits and not within(value, limits[name]):
            low, high = limits[name]
            kind = "a whole number" if isinstance(value, int) else "a number"
            raise UsageError(f"{of}: option {name}={text} is not possible; write {kind} from {low:g} to {high:g}")
    return options


def changed(options: Mapping[str, OptionValue], usual: Mapping[str, OptionValue]) -> str:
    """The options that differ from the usual ones, as they are typed: `:rate=4`. Sorted, so that a thing has one name
    however it was typed."""
    return "".join(f":{key}={as_typed(value)}" for key, value in sorted(options.items()) if usual.get(key) != value)


def within(value: OptionValue, limits: Limits) -> bool:
    """Whether a value is a number between two limits, both included."""
    return isinstance(value, int | float) and limits[0] <= value <= limits[1]


def as_typed(value: OptionValue) -> str:
    """A value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _convert(of: str, name: str, text: str, default: OptionValue) -> OptionValue:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        if isinstance(default, bool):  # before `type(default)`: bool("false") is True
            return words[text.lower()]
        value = type(default)(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "text")
        raise UsageError(f"{of}: option {name}={text} must be {kind}, e.g. {name}={as_typed(default)}") from None
