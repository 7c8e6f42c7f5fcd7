"""Whose checkpoint is this? Keys and shapes are compared with every network that could have made it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stvsr_bench.checkpoints.loading import State, unprefixed
from stvsr_bench.errors import BenchError, counted

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Dialect:
    """One set of key names that a method's weights come in.

    `shapes` are in these names. `rename` maps a foreign state to the names of `shapes` where the names themselves are
    not known beforehand.
    """

    name: str
    shapes: Shapes
    rename: Callable[[State], State] | None = None


@dataclass(frozen=True)
class Candidate:
    """One method that may have made the checkpoint, with the names it knows its weights by."""

    method: str
    dialects: tuple[Dialect, ...]


@dataclass(frozen=True)
class Fit:
    """How a checkpoint fits one method: what is missing, unexpected, or of another shape or number type."""

    method: str
    dialect: str
    matched: int
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def exact(self) -> bool:
        """Would it load strictly?"""
        return not (self.missing or self.unexpected or self.reshaped or self.note)

    @property
    def wrong(self) -> dict[str, list[str]]:
        """The keys that keep it from loading, by what is wrong with them."""
        return {"missing": self.missing, "unexpected": self.unexpected, "shape": self.reshaped}

    @property
    def share(self) -> float:
        """Matched keys among all keys of either side, 0..1."""
        return self.matched / max(self.matched + sum(map(len, self.wrong.values())), 1)

    def sentence(self) -> str:
        """The verdict in one line."""
        if self.exact:
            return f"{self.method} ({self.dialect} names): all {counted(self.matched, 'key')} and shapes fit"
        parts = [f"{len(self.missing)} missing"] if self.missing else []
        parts += [f"{len(self.unexpected)} unexpected"] if self.unexpected else []
        parts += [f"{len(self.reshaped)} of another shape"] if self.reshaped else []
        parts += [self.note] if self.note else []
        first = (self.missing + self.unexpected + self.reshaped)[:1]
        example = f", e.g. {first[0]}" if first else ""
        return f"{self.method} ({self.dialect} names): {counted(self.matched, 'key')} fit; {', '.join(parts)}{example}"


def identify(state: State, candidates: list[Candidate]) -> list[Fit]:
    """Every method's best fit, the best first; methods that share nothing with the checkpoint are left out."""
    fits = []
    for candidate in candidates:
        # of equal fits the first: that of the names as they are
        tried = (_fit(one, candidate.method, dialect) for one in unprefixed(state) for dialect in candidate.dialects)
        fit = max(tried, key=_order, default=None)
        if fit is not None and fit.matched:
            fits.append(fit)
    return sorted(fits, key=_order, reverse=True)


def compare(state: State, shapes: Shapes, method: str = "", dialect: str = "own") -> Fit:
    """How the keys and shapes of a checkpoint fit the wanted ones."""
    both = [name for name in shapes if name in state]
    reshaped = [
        f"{name}: {tuple(state[name].shape)} instead of {tuple(shapes[name])}"
        for name in both
        if tuple(state[name].shape) != tuple(shapes[name])
    ]
    return Fit(
        method=method,
        dialect=dialect,
        matched=len(both) - len(reshaped),
        missing=[name for name in shapes if name not in state],
        unexpected=[name for name in state if name not in shapes],
        reshaped=reshaped,
        note=_number_types(state),
    )


def _fit(state: State, method: str, dialect: Dialect) -> Fit:
    if dialect.rename is None:
        return compare(state, dialect.shapes, method, dialect.name)
    try:
        return compare(dialect.rename(state), dialect.shapes, method, dialect.name)
    except (BenchError, KeyError) as error:  # a renaming made for other keys than these
        return Fit(method, dialect.name, matched=0, note=str(error))


def _order(fit: Fit) -> tuple[bool, float]:
    return fit.exact, fit.share


def _number_types(state: State) -> str:
    """A warning if weights that should be real numbers are stored as whole ones (another program's quantisation)."""
    whole = [
        name for name, tensor in state.items() if tensor.ndim >= 2 and name.endswith("weight") and not _real(tensor)
    ]
    return f"'{whole[0]}' is stored as {state[whole[0]].dtype}, a real type is wanted" if whole else ""


def _real(tensor: object) -> bool:
    return bool(tensor.is_floating_point())  # type: ignore[attr-defined]
