"""How long a run would take before any of its data or weights are here: from profiles, and what cards say of splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from stvsr_bench import datasets, environment, methods, protocols
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.methods.spec import parse, text_of
from stvsr_bench.protocols import restoring_key
from stvsr_bench.runner.needs import clips_of
from stvsr_bench.runner.plan import RunSpec
from stvsr_bench.schema import EvalProtocol, Weights, canonical
from stvsr_bench.schema.cards import SAMPLES_APART, USUAL_SCALE, Contents

Profile = Mapping[str, Any]


@dataclass(frozen=True)
class Hours:
    """Hours of one worker: `known` of the methods that were profiled; those that were not (as `profiled_as`), by scale
    and time scale; the data sets of which no card says how large they are."""

    known: float
    not_profiled: Mapping[protocols.Task, tuple[str, ...]]
    not_counted: tuple[str, ...]


def hours(spec: RunSpec, profiles: Sequence[Profile]) -> Hours:
    """The time that networks take for a whole run, by profiles of this machine and device; decoding and scoring is not
    in it. A network's time is taken to grow with the number of pixels that it makes."""
    here = environment.runtime_id(environment.machine()) if profiles else ""
    mine = [one for one in profiles if one.get("machine") == here and one.get("device") == spec.settings.device]
    speeds = {text: [_megapixel_ms(mine, text, protocol) for protocol in _protocols(spec)] for text in spec.methods}
    pixels = {name: _pixels(spec, name) for name in spec.datasets}
    counted = [sum(of) for of in zip(*(of for of in pixels.values() if of is not None), strict=True)]
    timed = {text: of for text, of in speeds.items() if None not in of}
    ms = sum(speed * many / 1e6 for of in timed.values() for speed, many in zip(of, counted, strict=False) if speed)
    return Hours(
        ms / 1000 / 3600,
        {
            protocols.task(protocol): tuple(profiled_as(text) for text in spec.methods if speeds[text][i] is None)
            for i, protocol in enumerate(_protocols(spec))
        },
        tuple(name for name, of in pixels.items() if of is None),
    )


def profiled_as(text: str) -> str:
    """The method to profile for a method of a suite: the same network with random weights, for these are always here.

    Cost depends on a network's size and not on its weights; but small weights of its name (`mini`) are another network.
    """
    parts = []
    for part in parse(text).parts:
        card = methods.card(part.name)
        facts = card.weights.get(part.weights, Weights())
        if card.learned and part.weights and facts.origin != "ours":
            options = {**{name: str(value) for name, value in facts.options.items()}, **part.options}
            parts.append(replace(part, options=options, weights="none"))
        elif card.learned and not part.weights and not _here(part.name):
            parts.append(replace(part, weights="none"))
        else:
            parts.append(part)
    return text_of(tuple(parts))


def _here(name: str) -> bool:
    try:
        return not methods.resolve(name).untrained
    except NotRunnableError:
        return False


def _protocols(spec: RunSpec) -> list[EvalProtocol]:
    """One protocol for each pass of the network."""
    return list({restoring_key(protocol): protocol for protocol in map(protocols.get, spec.protocols)}.values())


def _megapixel_ms(profiles: Sequence[Profile], text: str, protocol: EvalProtocol) -> float | None:
    identity = methods.resolve(profiled_as(text))
    for one in reversed(profiles):
        # a network that only upscales makes no frames between, whatever its profile says
        times = protocol.time_scale if one.get("group") == "sr" else int(one.get("time_scale") or 2)
        task = (canonical(one.get("scale") or USUAL_SCALE), times)
        found = (one.get("runtime_ms") or {}).get("megapixel_ms")
        same = (one.get("method"), one.get("weights")) == (identity.spec, identity.weights)
        if same and found is not None and task == protocols.task(protocol):
            return float(found)
    return None


def _pixels(spec: RunSpec, name: str) -> list[int] | None:
    """The pixels that one method makes of a data set, a number for each pass; None where its card does not say it."""
    card = datasets.card(name)
    found = []
    for protocol in _protocols(spec):
        total = 0.0
        for split in spec.splits or card.default_splits or card.splits:
            of, clips = card.contents.get(split), clips_of(card, split, protocol.lists)
            if of is None or not clips or not (each := _pixels_of_a_clip(of, clips, protocol)):
                return None
            kept = clips if not spec.limit else max(1, round(clips * spec.limit)) if spec.limit < 1 else int(spec.limit)
            total += min(clips, kept) * each
        found.append(int(total))
    return found


def _pixels_of_a_clip(of: Contents, clips: int, protocol: EvalProtocol) -> float:
    """Pixels of all frames of a clip, in the mean of the split; 0 where they are not known."""
    if of.sizes and of.frames:
        return fmean(of.frames[clip] * width * height for clip, (width, height) in of.sizes.items())
    if of.size is None:
        return 0
    # of a card that does not count the frames of a clip, each is one window of the protocol
    window = 0 if protocol.average == "windows" else protocol.window
    counted = of.frames_each or (fmean(of.frames.values()) if of.frames else 0)
    return (counted or of.samples * SAMPLES_APART / clips or window) * of.size[0] * of.size[1]
