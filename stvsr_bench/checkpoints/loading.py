"""A state dict from a file that anybody may have written: no code is run, no claim of the file is believed.

Only torch files (with `weights_only`) and safetensors are read. What is something else is named for what it is.
"""

import hashlib
import pickle
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stvsr_bench import hashes
from stvsr_bench.checkpoints import transcode
from stvsr_bench.checkpoints.inspect import check_declared_sizes, check_zip
from stvsr_bench.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

State = Mapping[str, "Tensor"]

# where training frameworks put the state dict inside their own dict, the averaged one first
WRAPPERS = (
    "params_ema",
    "ema",
    "params",
    "state_dict_ema",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "weights",
    "sd",  # LIIF: model -> name, args, sd
)
PREFIXES = ("module.", "_orig_mod.")  # left by DataParallel and torch.compile
# the first pickle of torch's format before 1.6, from its second byte on; what Python's own pickle wrote has none
MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
COUNTER = "n_averaged"  # left by torch's AveragedModel beside its "module."
DEEPEST = 4

# what unpickling a damaged or hostile file can end in
DAMAGE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ImportError,
    MemoryError,
    OverflowError,
    OSError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def load_state(path: Path, trust_pickle: bool = False) -> dict[str, "Tensor"]:
    """The tensors of a checkpoint by name, on the CPU, out of whatever dict they were wrapped in.

    `trust_pickle` lets the file run code while it is read: only for files whose author you trust.

    Raises:
        WeightsError: no such file, no checkpoint, damaged, more than tensors inside, or sizes that cannot be true.
    """
    head = _head(path)
    # by content, never by ending: a web page is often saved as .pth, and safetensors under any name
    if head[:4] == b"PK\x03\x04":
        check_zip(path)
        held = _torch_load(path, trust_pickle)
    elif _is_safetensors(head, path):
        held = _safetensors_load(path)
    elif head[:1] == b"\x80":  # a pickle of protocol 2 or later: torch's format before 1.6
        if MAGIC not in head:
            raise WeightsError(
                f"{path.name} is damaged, or a pickle that torch.save did not write; then save its tensors: "
                "torch.save({name: torch.as_tensor(value), ...}, 'weights.pth')"
            )
        held = _torch_load(path, trust_pickle)
    else:
        raise WeightsError(f"{path.name} is {_guess(head)}, not a checkpoint (torch .pth or .safetensors)")
    state = dict(_tensors(unwrapped(held, path.name)))
    for name, tensor in state.items():
        _check_tensor(path.name, name, tensor)
    return _without_prefixes(state)


def sha256(path: Path) -> str:
    """SHA-256 of a file, hex.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return hashes.sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from None


def blob_id(path: Path) -> str:
    """The id that git gives a file of this content: the same SHA-1 as in `git ls-tree`, hex.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return hashes.blob_id(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from None


def fingerprint(state: State) -> str:
    """SHA-256 of names, types, shapes and values: equal for one state however and in whatever order it was saved."""
    import torch

    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        # bytes, because numpy has no bfloat16; reshaped, because a scalar cannot be viewed as another type
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def unwrapped(held: Any, name: str, depth: int = 0) -> Mapping[Any, Any]:
    """The dict of tensors inside `held`, from under `params`, `state_dict` and the like.

    Raises:
        WeightsError: there is none.
    """
    if hasattr(held, "state_dict") and not isinstance(held, Mapping):
        held = held.state_dict()
    if not isinstance(held, Mapping):
        raise WeightsError(f"{name} contains a {type(held).__name__}, not a state dict of named tensors")
    if depth < DEEPEST:
        for wrapper in WRAPPERS:
            inner = held.get(wrapper)
            if (isinstance(inner, Mapping) and inner) or hasattr(inner, "state_dict"):
                return unwrapped(inner, name, depth + 1)
    if not any(True for _ in _tensors(held)):
        inside = [
            key for key, value in held.items() if isinstance(value, Mapping) and any(True for _ in _tensors(value))
        ]
        if len(inside) == 1:  # under the name that its author gave it
            return unwrapped(held[inside[0]], name, DEEPEST)
        if inside:
            found = ", ".join(str(key)[:40] for key in inside[:5])
            raise WeightsError(
                f"{name} contains several networks ({found}); save the state dict of the wanted one alone"
            )
        keys = ", ".join(str(key)[:40] for key in list(held)[:5]) or "none"
        raise WeightsError(f"{name} contains no tensors where a state dict should be; its keys: {keys}")
    return held


def unprefixed(state: State) -> Iterator[State]:
    """The state, then without the first part that all its names share, and so on: `model.net.head.weight`.

    Training frameworks keep the network as an attribute of their own. Whether a part belongs to the network's names,
    only the network can say: the first state that fits counts.
    """
    yield state
    for _ in range(DEEPEST):
        first = {name.partition(".")[0] for name in state}
        if len(first) != 1 or any("." not in name for name in state):
            return
        state = {name.partition(".")[2]: tensor for name, tensor in state.items()}
        yield state


def _tensors(held: Mapping[Any, Any]) -> Iterator[tuple[str, "Tensor"]]:
    """The named tensors alone; counters and settings beside them are left out."""
    import torch

    return ((key, value) for key, value in held.items() if isinstance(key, str) and isinstance(value, torch.Tensor))


def _without_prefixes(state: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    if COUNTER in state and all(name.startswith(PREFIXES[0]) for name in state if name != COUNTER):
        del state[COUNTER]
    for prefix in PREFIXES * 2:  # each may be inside the other: DataParallel of a compiled net, or compiled in parallel
        if state and all(name.startswith(prefix) and name != prefix for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _torch_load(path: Path, trust_pickle: bool) -> Any:
    import torch

    try:
        # `weights_only` stops code, not claims: a storage of 10**11 elements would be allocated before it is read
        check_declared_sizes(path)
        # a file and no path: an ending of .safetensors would be believed, whatever the content
        with path.open("rb") if trust_pickle else transcode.opened(path) as file:
            return torch.load(file, map_location="cpu", weights_only=not trust_pickle)
    except pickle.UnpicklingError as error:
        # torch names the class that it refused in its message alone
        foreign = re.search(r"GLOBAL ([\w.]+)|Unsupported (?:class|type)[^.]*?([\w.]+)", str(error))
        instruction = re.search(r"Unsupported operand (\d+)", str(error))
        if (foreign is None and instruction is None) or trust_pickle:
            raise WeightsError(f"{path.name} is damaged: its pickle cannot be read") from None
        what = _instruction(int(instruction[1])) if instruction else foreign and (foreign[1] or foreign[2])
        raise WeightsError(
            f"{path.name} contains more than tensors ({what}), and reading it could run code; "
            "if you trust its author, repeat with --trust-pickle"
        ) from None
    except DAMAGE as error:
        first_line = str(error).strip().partition("\n")[0][:100]
        raise WeightsError(f"{path.name} is truncated or damaged ({type(error).__name__}: {first_line})") from None


def _instruction(code: int) -> str:
    """A pickle's instruction in words: torch gives its number alone."""
    known = {opcode.code: opcode.name for opcode in pickletools.opcodes}
    return f"the pickle instruction {known.get(chr(code), code)}"


def _safetensors_load(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, *DAMAGE) as error:
        raise WeightsError(f"{path.name} is a truncated or damaged safetensors file: {str(error)[:100]}") from None


def _check_tensor(file: str, name: str, tensor: "Tensor") -> None:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise WeightsError(
            f"{file}: '{name[:80]}' is a sparse, quantised or empty-shelled tensor, only plain tensors can be loaded"
        )
    if tensor.is_complex():
        raise WeightsError(f"{file}: '{name[:80]}' is {tensor.dtype}, only real number types can be loaded")
    # `expand` lets one stored number claim any shape; copying it into a network would fill the memory
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise WeightsError(
            f"{file}: '{name[:80]}' claims shape {tuple(tensor.shape)}, far more than the values stored for it"
        )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from None
    if not head:
        raise WeightsError(f"{path.name} is empty (0 bytes); the download did not finish")
    return head


def _is_safetensors(head: bytes, path: Path) -> bool:
    if len(head) < 9 or head[8:9] != b"{":
        return False
    # safetensors: the length of a JSON header (8 bytes, little-endian), then the header
    declared: int = struct.unpack("<Q", head[:8])[0]
    if declared > path.stat().st_size - 8:
        raise WeightsError(f"{path.name} is a truncated safetensors file: its header alone claims {declared} bytes")
    return True


def _guess(head: bytes) -> str:
    """What a file is that is no checkpoint, in words."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    known = {
        b"<": "a web page (HTML or XML) saved under this name",
        b"version https://git-lfs": "a Git LFS pointer (run git lfs pull)",
        b"\x1f\x8b": "a gzip archive (unpack it first)",
        b"7z\xbc\xaf": "a 7z archive (unpack it first)",
        b"Rar!": "a RAR archive (unpack it first)",
        b"\x89PNG": "a PNG picture",
        b"{": "a JSON text",
        b"#": "a text or script",
    }
    return next((words for start, words in known.items() if text.startswith(start)), "a file of unknown kind")
