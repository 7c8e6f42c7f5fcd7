"""From a spec to a network in eval mode with the weights asked for, and the identity of both."""

import dataclasses
import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from stvsr_bench import methods, plugins
from stvsr_bench.errors import CardError, NotRunnableError, UsageError, WeightsError
from stvsr_bench.methods import weights as found_weights
from stvsr_bench.methods.cards import card as read
from stvsr_bench.methods.spec import Part, canonical_text, parse, typed_options
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
    parts = parse(spec).parts
    if len(parts) == 1:
        return build_part(parts[0], trust_pickle)
    return _compose(*(build_part(part, trust_pickle) for part in parts))


def build_part(part: Part, trust_pickle: bool = False) -> Method:
    """One method, not composed; see `build`."""
    card = read(part.name)
    plugin = plugins.find("methods", part.name)
    _check_needs(card)
    chosen = found_weights.choose(card, plugin, part.weights)
    trained_with = {key: str(value) for key, value in chosen.options.items()}
    options = typed_options(card, {**trained_with, **part.options})
    net = make_net(card, plugin, options)
    if chosen.path is not None:
        own_keys = set(net.state_dict())
        state = chosen.read(lambda where: load_object(plugin, where), own_keys, trust_pickle)
        _load(net, state, card, chosen.label)
    net.eval().requires_grad_(False)
    return Method(
        spec=canonical_text(card, options),
        card=card,
        net=net,
        options=options,
        weights_tag=chosen.label,
        weights_sha256=chosen.sha256,
        untrained=card.learned and chosen.path is None,
    )


def make_net(card: MethodCard, plugin: Plugin, options: Mapping[str, OptionValue]) -> nn.Module:
    """The untrained network of a card with these options, from the fixed seed."""
    if card.call == "process":
        from stvsr_bench.methods.process import ProcessNet

        return ProcessNet(card, plugin, dict(options))
    target = load_object(plugin, card.net)
    if card.call == "function":
        return FunctionNet(target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = target(**options)
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
    if str(plugin.path.parent) not in methods.__path__:
        methods.__path__.insert(0, str(plugin.path.parent))
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


def _check_needs(card: MethodCard) -> None:
    for package in card.needs:
        if importlib.util.find_spec(package) is None:
            raise NotRunnableError(f"{card.name} needs the package '{package}', which is not installed: pip install it")


def _compose(first: Method, second: Method) -> Method:
    kinds = (first.card.kind, second.card.kind)
    joins: dict[tuple[str, str], Callable[[nn.Module, nn.Module], nn.Module]] = {
        ("vfi", "sr"): InterpolateThenUpscale,
        ("sr", "vfi"): UpscaleThenInterpolate,
    }
    if kinds not in joins:
        raise UsageError(
            f"{first.card.name} ({kinds[0]}) and {second.card.name} ({kinds[1]}) do not compose; "
            "join an interpolator (vfi) and an upscaler (sr), in either order"
        )
    vfi, sr = (first, second) if kinds[0] == "vfi" else (second, first)
    card = dataclasses.replace(
        vfi.card,
        name=f"{first.card.name}+{second.card.name}",
        title=f"{first.card.title} + {second.card.title}",
        kind="stvsr",
        scale=sr.card.scale,
        multiple_of=math.lcm(_lr_multiple(vfi, first, sr), sr.card.multiple_of),
        learned=first.card.learned or second.card.learned,
        group="two-stage",
        options={},
        choices={},
        weights={},
    )
    return Method(
        spec=f"{first.spec}+{second.spec}",
        card=card,
        net=joins[kinds](first.net, second.net).eval(),
        weights_tag="+".join(m.weights_tag or "-" for m in (first, second)) if card.learned else "",
        weights_sha256="+".join(m.weights_sha256 or "-" for m in (first, second)) if card.learned else "",
        untrained=first.untrained or second.untrained,
    )


def _lr_multiple(vfi: Method, first: Method, sr: Method) -> int:
    """What the interpolator's size rule asks of the low-resolution frame: it sees larger ones when it comes second."""
    wanted = vfi.card.multiple_of
    return wanted if first is vfi else wanted // math.gcd(wanted, sr.card.scale)


def plugin_path(name: str) -> Path:
    """The folder (or file) of a method."""
    return plugins.find("methods", name).path
