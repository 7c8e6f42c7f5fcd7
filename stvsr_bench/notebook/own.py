"""Networks and functions of a Python session as methods."""

import copy
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from stvsr_bench import plugins
from stvsr_bench.errors import CardError, UsageError, interrupted, told
from stvsr_bench.methods.fingerprint import fingerprint, weights
from stvsr_bench.plugins import objects
from stvsr_bench.plugins.objects import Held
from stvsr_bench.schema import MethodCard

Net = nn.Module | Callable[..., Any]


@dataclass(frozen=True)
class Own:
    """A network or function with the name and the card that it is measured under; see `method`.

    `own + "bicubic"` (or the other way round) joins an interpolator and an upscaler, in the order written.
    """

    net: Net = field(repr=False)
    name: str = ""
    card: "dict[str, Any]" = field(default_factory=dict)
    joined: "tuple[str | Own, ...]" = ()

    def __add__(self, other: "str | Own") -> "Own":
        return replace(self, joined=(*(self.joined or (self,)), *_parts(other)))

    def __radd__(self, other: str) -> "Own":
        return replace(self, joined=(*_parts(other), *(self.joined or (self,))))


def method(
    net: Net,
    name: str = "",
    kind: str = "stvsr",
    scale: int | str | Sequence[int | str] = 4,
    time: str = "midpoint",
    *,
    title: str = "",
    frames_in: Sequence[int] = (2, 1000),
    multiple_of: int = 1,
    hr_multiple_of: int = 1,
    pad: str = "zeros",
) -> Own:
    """A network or a plain function as a method for `run`.

    Frames are float32 RGB in [0, 1], B batch, T frames given, S = 2T - 1 frames wanted. By `kind`:
    "stvsr": lr (B, T, 3, h, w) to sr (B, S, 3, 4h, 4w); "vfi": (B, T, 3, H, W) to (B, S, 3, H, W), the given frames
    kept; "sr": (B, T, 3, h, w) to (B, T, 3, 4h, 4w). "vfi" and "sr" are measured joined: `method(net, kind="sr")` as
    `"blend" + own`. With `time="any"` it is called with a second value, the times (B or 1, n) in (0, 1); with a range
    `scale=(1, 16)` with the keyword `size=(H, W)`. The other options are fields of a card (methods/README.md).

    Raises:
        UsageError: `net` is neither a network nor a function, or `name` cannot be a name.
    """
    if isinstance(net, Own | str) or not callable(net) or isinstance(net, type):
        what = f"the class {net.__name__}" if isinstance(net, type) else repr(net)[:80]
        raise UsageError(f"{what} cannot be a method; give a torch.nn.Module or a function of frames")
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot be a name; use small letters, digits, - and _")
    fields = {"kind": kind, "scale": list(scale) if not isinstance(scale, int | str) else scale, "time": time}
    more = {"frames_in": tuple(frames_in), "multiple_of": multiple_of, "hr_multiple_of": hr_multiple_of, "pad": pad}
    return Own(net, name, {**fields, **more, **({"title": title} if title else {})})


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def named(asked: Sequence[object]) -> tuple[list[str], dict[str, Held]]:
    """What was asked for as texts, and the objects behind the names in them.

    Raises:
        UsageError: one of them is nothing that can be measured, or has the name of another method.
        CardError: a field of its card is wrong.
    """
    of: dict[str, Own] = {}
    texts = []
    for one in asked:
        if isinstance(one, str):
            texts.append(one)
            continue
        own = one if isinstance(one, Own) else method(one)  # type: ignore[arg-type]
        parts = [part if isinstance(part, str) else _name(part, of) for part in own.joined or (own,)]
        texts.append("+".join(parts))
    return texts, {name: _held(name, own) for name, own in of.items()}


def _parts(other: "str | Own") -> "tuple[str | Own, ...]":
    return (other,) if isinstance(other, str) else other.joined or (other,)


def _name(own: Own, of: dict[str, Own]) -> str:
    """A name that no other method has; the same object asked for twice has one."""
    if (known := next((name for name, one in of.items() if one == own), "")) and known:
        return known
    name = plugins.canonical(own.name) or _derived(own.net)
    if name in plugins.plugins("methods"):
        raise UsageError(f"'{name}' is the name of another method; write stvsr_bench.method(net, name=\"...\")")
    if own.name and name in of:
        raise UsageError(f"two of the methods have the name '{name}'; give each a name that no other has")
    free = next(one for n in range(1, len(of) + 2) if (one := name if n == 1 else f"{name}-{n}") not in of)
    of[free] = own
    return free


def _derived(net: Net) -> str:
    """A name out of that of the class or function: `MyNet` is `my-net`."""
    while isinstance(net, partial):
        net = net.func
    text = getattr(net, "__name__", "") if not isinstance(net, nn.Module) else ""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text or type(net).__name__)
    name = re.sub(r"[^a-z0-9_-]+", "", text.lower()).lstrip("_-")[:60]
    return "function" if name == "lambda" or not name else plugins.canonical(name)


def _held(name: str, own: Own) -> Held:
    net = own.net
    digest = weights(net) if isinstance(net, nn.Module) else ""
    found = fingerprint(own.net)
    card = {"title": name, "net": "net", "call": "function", "licence": "", **own.card, "learned": bool(digest)}
    plugins.card_from(card, plugins.Plugin("methods", name, Path(), objects.OBJECT), MethodCard)
    once = secrets.token_hex(8) if found.hidden else ""
    take: Callable[[], Any] = partial(_copied, name, net) if isinstance(net, nn.Module) else lambda: net
    return Held(card, take, found.code, digest, found.hidden, once)


def _copied(name: str, net: nn.Module) -> nn.Module:
    """A copy: the run moves it to a device, without gradients and in eval mode, and the session keeps its own."""
    try:
        return copy.deepcopy(net)
    except Exception as error:
        if interrupted(error):
            raise
        raise CardError(
            f"{name}: the network cannot be copied ({told(error)}); give a function that calls it"
        ) from error
