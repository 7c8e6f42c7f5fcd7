"""What makes a row: the code, the card, the libraries and the settings behind its number, each as a short digest.

Two rows of one key whose `made` differ are not the same measurement: a run that is repeated measures them again.
"""

from dataclasses import asdict
from typing import Any

from stvsr_bench import environment
from stvsr_bench.methods import Identity
from stvsr_bench.plugins import objects
from stvsr_bench.schema import MethodCard, Settings, digest

RESTORING = ("nn", "data", "restore")
SCORING = ("metrics", "protocols", "nn/spynet", "nn/warp")  # of `nn`, what a flow of a metric is


def made_by(identity: Identity, settings: Settings, threads: int, seed: int) -> dict[str, str]:
    """What would make a row of this method here and now.

    The processor is not among it: a run that a cluster stopped may go on with another machine. Its rows name theirs.
    """
    return {
        "code": identity.code,
        "card": digest([_facts(part.card) for part in identity.parts])[:16],
        "restoring": environment.suite_code(*RESTORING),
        **scored_by(),
        "device": _kind(settings.device),
        "threads": str(threads),
        "seed": str(seed),
        # where the weights lay: of two files of one name, the one that was written anew replaced the other
        "weights_from": digest([str(part.chosen.path and part.chosen.path.resolve()) for part in identity.parts])[:8],
        **({"layout": "channels_last"} if settings.channels_last else {}),
        **({"hidden": once} if (once := _once(identity)) else {}),
    }


def _once(identity: Identity) -> str:
    return "+".join(held.once for part in identity.parts if (held := objects.held(part.plugin)) and held.once)


def _facts(card: MethodCard) -> dict[str, Any]:
    """What a card says, but for where files are published: an address makes no number."""
    facts = asdict(card)
    del facts["example"]
    for weights in facts["weights"].values():
        del weights["source"]
    return facts


def _kind(device: str) -> str:
    """The kind of a device: `cuda:1` computes what `cuda` computes."""
    if device == "auto":
        from stvsr_bench.restore import pick_device  # torch: only it knows what is there

        device = pick_device(device)
    return device.partition(":")[0]


def scored_by() -> dict[str, str]:
    """What would make a score of frames that are there already."""
    return {"scoring": environment.suite_code(*SCORING), "libraries": environment.libraries()}
