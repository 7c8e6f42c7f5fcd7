"""From a spec to a network in eval mode with the weights asked for, and the identity of both."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from stvsr_bench.errors import BenchError, CardError, WeightsError, counted, interrupted, told
from stvsr_bench.methods.identity import Identity, Resolved, resolve
from stvsr_bench.nn.compose import FunctionNet, InterpolateThenUpscale, UpscaleThenInterpolate
from stvsr_bench.plugins import Plugin, load, objects
from stvsr_bench.schema import Method, MethodCard, OptionValue

SEED = 0


def build(spec: str, trust_pickle: bool = False) -> Method:
    """The method of a spec, ready to run on the CPU: eval mode, no gradients, float32.

    `net(lr_BTChw, times=None)` of a kind "stvsr" method gives sr_BSCHW. `@none` builds it untrained, from a fixed seed.

    Raises:
        UnknownNameError, UsageError: no such method or option, or two parts that do not compose.
        WeightsError: weights are missing, or do not fit.
    """
    return from_identity(resolve(spec), trust_pickle)


def from_identity(identity: Identity, trust_pickle: bool = False) -> Method:
    """The method that an identity names; see `build`."""
    nets = [_net(part, trust_pickle) for part in identity.parts]
    if len(nets) == 1:
        net = nets[0]
    elif identity.parts[0].card.kind == "vfi":
        net = InterpolateThenUpscale(*nets)
    else:
        net = UpscaleThenInterpolate(*nets)
    return Method(
        spec=identity.spec,
        card=identity.card,
        net=net.eval(),
        options=identity.parts[0].options,
        weights_tag=identity.weights,
        weights_sha256=identity.sha256,
        untrained=identity.untrained,
        code=identity.code,
        flags=tuple(dict.fromkeys(flag for part in identity.parts for flag in _flags(part.plugin))),
    )


def _flags(plugin: Plugin) -> tuple[str, ...]:
    held = objects.held(plugin)
    return held.flags if held is not None else ("override",) if plugin.replaces else ()


def _net(part: Resolved, trust_pickle: bool) -> nn.Module:
    net = make_net(part.card, part.plugin, part.options)
    if part.chosen.path is not None:
        own_keys = set(net.state_dict())
        state = part.chosen.read(lambda where: load_object(part.plugin, where), own_keys, trust_pickle)
        _load(net, state, part.card, part.chosen.label)
    return net.eval().requires_grad_(False)


def make_net(card: MethodCard, plugin: Plugin, options: Mapping[str, OptionValue]) -> nn.Module:
    """The untrained network of a card with these options, from the fixed seed."""
    if card.call == "process":
        from stvsr_bench.methods.process import ProcessNet

        return ProcessNet(card, plugin, options)
    target = load_object(plugin, card.net)
    if card.call == "function":
        return FunctionNet(target)
    # forked: building a method must not move the run's own random numbers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net: object = _called(card, lambda: target(**options))
    if not isinstance(net, nn.Module):
        raise CardError(f"{card.name}: {card.net} returned {type(net).__name__}, not a torch.nn.Module")
    return net


def _called(card: MethodCard, make: Callable[[], object]) -> object:
    try:
        return make()
    except (BenchError, MemoryError):
        raise
    except BaseException as error:
        if interrupted(error):
            raise
        raise CardError(f"{card.name}: {card.net} cannot be built: {told(error)}") from error


def load_object(plugin: Plugin, where: str) -> Any:
    """The object "module:attribute" of a plug-in's folder, or "attribute" of a one-file plug-in.

    Raises:
        CardError: its code cannot be imported, or has no such attribute.
    """
    module_name, _, attribute = where.rpartition(":")
    try:
        return getattr(load(plugin, module_name), attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise CardError(f"{plugin.name} ({plugin.origin}): '{where}' cannot be loaded: {error}") from error
    except BaseException as error:  # its code is anyone's, and may raise or exit
        if interrupted(error):
            raise
        raise CardError(f"{plugin.name} ({plugin.origin}): '{where}' cannot be loaded: {told(error)}") from error


def _load(net: nn.Module, state: Mapping[str, torch.Tensor], card: MethodCard, label: str) -> None:
    """Strict loading with one sentence that names the first key or shape that is wrong."""
    wanted = net.state_dict()
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected:
        what = f"misses '{missing[0]}'" if missing else f"has '{unexpected[0]}', which the network does not"
        raise WeightsError(
            f"{card.name}@{label} does not fit: the checkpoint {what} "
            f"({len(missing)} missing and {len(unexpected)} unexpected of {counted(len(wanted), 'key')})"
        )
    for key, value in state.items():
        if value.shape != wanted[key].shape:
            raise WeightsError(
                f"{card.name}@{label} does not fit: '{key}' has shape {tuple(value.shape)}, "
                f"the network wants {tuple(wanted[key].shape)}"
            )
    net.load_state_dict(dict(state), strict=True)
