"""The key names and shapes by which every method's weights can be recognised."""

from collections.abc import Iterator, Mapping
from functools import cache

from torch import nn

from stvsr_bench import plugins
from stvsr_bench.checkpoints import Candidate, Dialect, Trained
from stvsr_bench.errors import interrupted, told
from stvsr_bench.methods.builder import load_object, make_net
from stvsr_bench.methods.cards import card as read
from stvsr_bench.methods.cards import names
from stvsr_bench.methods.spec import typed_options
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard, OptionValue

Shapes = dict[str, tuple[int, ...]]


def candidates(trained: Trained | None = None, only: str = "") -> tuple[list[Candidate], dict[str, str]]:
    """Every learned method with the names its weights come in, and why the others cannot be compared, by name.

    `only` names one method, where nobody asks about the others: networks take seconds to build.
    `trained` is what the file says of itself: its method is compared with those options too.
    """
    found: list[Candidate] = []
    broken: dict[str, str] = {}
    for name in [only] if only else names():
        card = read(name)
        if card.learned and card.call == "factory":
            plugin = plugins.find("methods", name)
            dialects, broken_by = _dialects(plugin)
            if trained is not None and trained.method == name:
                more, why = _trained(plugin, trained)
                dialects = (*dialects, *more)
                broken |= {f"{name} with the options that the file names": why} if why else {}
            found += [Candidate(name, dialects)] if dialects else []
            broken |= {name: broken_by} if broken_by else {}
    return found, broken


@cache
def _dialects(plugin: Plugin) -> tuple[tuple[Dialect, ...], str]:
    try:
        return tuple(_all_dialects(read(plugin.name), plugin)), ""
    except Exception as error:  # somebody's broken plug-in may raise anything, and it is said
        if interrupted(error):  # a Ctrl-C that became another error on its way is remembered as no fault of the method
            raise
        return (), f"its network cannot be built: {told(error)}"


def _trained(plugin: Plugin, said: Trained) -> tuple[list[Dialect], str]:
    """The network with the options that a file names, or why it cannot be built with them."""
    card = read(plugin.name)
    try:
        options = typed_options(card, {key: str(value) for key, value in said.options.items()})
        net = make_net(card, plugin, options)
    except Exception as error:  # anybody's claim and plug-in: it is said, and it may fit without
        if interrupted(error):
            raise
        return [], f"its network cannot be built: {told(error)}"
    label = "".join(f":{key}={value}" for key, value in sorted(said.options.items()))
    return [Dialect("own" + label, _shapes(net.state_dict()))], ""


def _all_dialects(card: MethodCard, plugin: Plugin) -> Iterator[Dialect]:
    """Foreign names first: where both fit, the file is somebody else's."""
    nets: dict[str, nn.Module] = {}
    for tag, facts in card.weights.items():
        net = _net(card, plugin, facts.options, nets)
        if facts.export:
            yield Dialect(tag, _shapes(load_object(plugin, facts.export)(net.state_dict())))
        elif facts.rename:
            yield Dialect(tag, _shapes(net.state_dict()), load_object(plugin, facts.rename))
    _net(card, plugin, {}, nets)
    for label, net in nets.items():
        yield Dialect("own" + label, _shapes(net.state_dict()))


def _net(card: MethodCard, plugin: Plugin, changed: Mapping[str, OptionValue], nets: dict[str, nn.Module]) -> nn.Module:
    """The untrained network with these options, built once."""
    label = "".join(f":{key}={value}" for key, value in sorted(changed.items()))
    if label not in nets:
        nets[label] = make_net(card, plugin, {**card.options, **changed})
    return nets[label]


def _shapes(state: Mapping[str, object]) -> Shapes:
    return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
