"""What a run must keep to go on as if it had never stopped: written whole or not at all."""

import hashlib
import os
import struct
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from stvsr_bench import notes
from stvsr_bench.checkpoints.loading import DAMAGE
from stvsr_bench.data.atomic import replacing, synced
from stvsr_bench.errors import DataError, UsageError

CHECKPOINT, BEFORE = "checkpoint.pt", "checkpoint.1.pt"
_SEAL = b"sha256 "
_NO_COMMENT = b"\0\0"  # the last bytes of a zip archive: how long its comment is
WEIGHTS = "weights.safetensors"


@dataclass
class State:
    """The state after `step` steps. `optimizer` belongs to stage `stage`; `recipe` is the digest of the recipe.

    Samples and the net's own dice (stochastic depth) are functions of the step, so no generator's state is kept.
    """

    recipe: str
    step: int = 0
    stage: int = 0
    skipped: int = 0
    seconds: float = 0.0
    net: dict[str, Tensor] = field(default_factory=dict)
    ema: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)


_PLAIN = State("")


def there(folder: Path) -> bool:
    """Whether a folder holds a checkpoint, whole or not."""
    return any((folder / name).exists() for name in (CHECKPOINT, BEFORE))


def save_state(folder: Path, state: State) -> None:
    """Write the checkpoint of a run; the one before it stays, under another name.

    Raises:
        DataError: the folder cannot be written, or the disk is full; the checkpoint before is still there.
    """
    new = folder / "checkpoint.new.pt"
    with replacing(new) as file:
        torch.save(vars(state), file)
    try:
        seal(new)
        if (folder / CHECKPOINT).exists():
            _second_name(folder / CHECKPOINT, folder / BEFORE)
        new.replace(folder / CHECKPOINT)
    except OSError as error:
        raise DataError(f"{folder / CHECKPOINT} cannot be written: {error.strerror or error}") from None


def load_state(folder: Path, recipes: Collection[str]) -> State | None:
    """The checkpoint of a run of one of the recipes (their digests), or None where there is none yet.

    Where it is damaged or gone, the one before it.

    Raises:
        DataError: all checkpoints are damaged.
        UsageError: it belongs to another recipe.
    """
    complaints = []
    for name in (CHECKPOINT, BEFORE):
        if not (folder / name).exists():
            continue
        try:
            state = _read(folder / name)
        except DataError as error:
            complaints.append(str(error))
            continue
        if state.recipe not in recipes:
            raise UsageError(f"{folder} was trained with another recipe; resume with that one, or give another --out")
        if name == BEFORE:
            why = complaints[0] if complaints else f"{folder / CHECKPOINT} is gone"
            notes.once(f"{why}; training continues from the checkpoint before it, step {state.step}")
        return state
    if complaints:
        raise DataError(f"{'; '.join(complaints)}; start again in another --out")
    return None


def _read(path: Path) -> State:
    try:
        _check_seal(path)
        # on the CPU first: a checkpoint of cuda:3 opens where there is one card or none; weights_only runs no code
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except DAMAGE as error:
        raise DataError(f"{path} is damaged, or not a checkpoint of this suite") from error
    if not all(isinstance(value, type(getattr(_PLAIN, name))) for name, value in vars(state).items()):
        raise DataError(f"{path} is damaged, or not a checkpoint of this suite")
    return state


def seal(path: Path) -> None:
    """Write the file's own SHA-256 into it: as the comment of the zip archive that it is, which torch reads past."""
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256")
        comment = _SEAL + digest.hexdigest().encode()
        file.seek(-len(_NO_COMMENT), os.SEEK_END)
        file.write(struct.pack("<H", len(comment)) + comment)
        synced(file)


def _check_seal(path: Path) -> None:
    """Raises ValueError where the file is not what it was when it was sealed. Older checkpoints have no seal."""
    length = len(_SEAL) + 64
    content = memoryview(path.read_bytes())
    body, seal_of = content[: -length - 2], bytes(content[-length:])
    if seal_of.startswith(_SEAL):
        digest = hashlib.sha256(body)
        digest.update(_NO_COMMENT)
        if digest.hexdigest().encode() != seal_of.removeprefix(_SEAL):
            raise ValueError("not what was written")


def _second_name(path: Path, name: Path) -> None:
    """Let `name` be the file too, whatever it was before; at no moment is there neither."""
    passing = name.with_name(f".{name.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        passing.hardlink_to(path)
        passing.replace(name)
    except OSError:  # a file system without links
        passing.unlink(missing_ok=True)
        path.replace(name)


def save_weights(
    path: Path, state_dict: dict[str, Tensor], half: bool = False, metadata: dict[str, str] | None = None
) -> None:
    """Write a state dict as safetensors; `half` stores float32 as float16. Buffers of integers stay as they are.

    `metadata` is what the file says of itself.
    """
    # safetensors stores neither views nor strides
    kept = {name: value.detach().cpu().contiguous() for name, value in state_dict.items()}
    if half:
        kept = {name: value.half() if value.dtype == torch.float32 else value for name, value in kept.items()}
    with replacing(path) as file:
        file.write(save(kept, metadata))


def freeze_all_but(net: nn.Module, letters: str) -> list[nn.Parameter]:
    """The parameters that learn: those whose name contains the letters (none: all). The others ask for no gradient.

    Raises:
        UsageError: no parameter has such a name.
    """
    learning = []
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(letters in name)
        if letters in name:
            learning.append(parameter)
    if not learning:
        raise UsageError(f"trainable = '{letters}': no parameter of this net has that in its name")
    return learning
