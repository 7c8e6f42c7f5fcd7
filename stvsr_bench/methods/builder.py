"""From a spec to a network in eval mode with the weights asked for, and the identity of both."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import nn

from stvsr_bench.errors import CardError, WeightsError
from stvsr_bench.methods.identity import Identity, Resolved, resolve
from stvsr_bench.nn.compose import FunctionNet, InterpolateThenUpscale, UpscaleThenInterpolate
from stvsr_bench.plugins import Plugin
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
    )


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
        net: object = target(**options)
    if not isinstance(net, nn.Module):
        raise CardError(f"{card.name}: {card.net} returned {type(net).__name__}, a torch.nn.Module is wanted")
    return net


def load_object(plugin: Plugin, where: str) -> Any:
    """The object "module:attribute" of a plug-in's folder, or "attribute" of a one-file plug-in.

    Raises:
        CardError: its code cannot be imported, or has no such attribute.
    """
    module_name, _, attribute = where.rpartition(":")
    try:
        module = _module(plugin, module_name)
        return getattr(module, attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise CardError(f"{plugin.name} ({plugin.origin}): '{where}' cannot be loaded: {error}") from error


def _module(plugin: Plugin, name: str) -> ModuleType:
    if plugin.path.is_file():
        full = f"stvsr_bench_included_{plugin.name.replace('-', '_')}"
        loaded = sys.modules.get(full)
        if loaded is not None and getattr(loaded, "__file__", "") == str(plugin.path):
            return loaded
        spec = importlib.util.spec_from_file_location(full, plugin.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{plugin.path.name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
        return module
    if plugin.origin.startswith("entry point"):
        return importlib.import_module(f"{plugin.origin.split()[-1].partition(':')[0]}.{name}")
    # under the package's own name, so that its classes can be pickled into a worker
    search = sys.modules["stvsr_bench.methods"].__path__  # not by an import: this package imports this file
    if str(plugin.path.parent) not in search:
        search.insert(0, str(plugin.path.parent))
    return importlib.import_module(f"stvsr_bench.methods.{plugin.path.name}.{name}")


def _load(net: nn.Module, state: Mapping[str, torch.Tensor], card: MethodCard, label: str) -> None:
    """Strict loading with one sentence that names the first key or shape that is wrong."""
    wanted = net.state_dict()
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected:
        what = f"misses '{missing[0]}'" if missing else f"has '{unexpected[0]}', which the network does not"
        raise WeightsError(
            f"{card.name}@{label} does not fit: the checkpoint {what} "
            f"({len(missing)} missing and {len(unexpected)} unexpected of {len(wanted)} keys)"
        )
    for key, value in state.items():
        if value.shape != wanted[key].shape:
            raise WeightsError(
                f"{card.name}@{label} does not fit: '{key}' has shape {tuple(value.shape)}, "
                f"the network wants {tuple(wanted[key].shape)}"
            )
    net.load_state_dict(dict(state), strict=True)
