"""How things are called on disk: a name of anybody's as one path component, and where a run keeps its frames."""

from pathlib import Path

from stvsr_bench.schema import digest

# truth and input lie beside the methods' folders; no method's name can start with an underscore
TRUTH = "_hr"
INPUT = "_lr"
# what was asked, a file a command, beside `run.toml`
COMMANDS = "commands"
_SEPARATORS = str.maketrans(dict.fromkeys("/:@ []=,", "_"))
_REFUSED = frozenset('\\*?"<>|')  # what Windows refuses in a name


def path_component(name: str) -> str:
    """A name as one path component of at most 120 bytes: nothing that a file system or a shell would read otherwise.

    Where more than the usual separators had to go, a digest keeps two names apart.
    """
    text = "".join(c if c.isprintable() and c not in _REFUSED else "_" for c in name.translate(_SEPARATORS))
    text = text.strip(".").encode("utf-8", "replace")[:120].decode("utf-8", "ignore")
    if text == name.translate(_SEPARATORS):
        return text or "_"
    return f"{text[:100]}-{digest(name)[:8]}".encode()[-120:].decode("utf-8", "ignore")


def method_folder(name: str, weights: str, contents: str = "") -> str:
    """The folder of a method's frames; `contents` tells two checkpoints of one name apart."""
    known = path_component(f"{name}@{weights}" if weights else name)
    # of a method of two networks, `contents` are two digests: the first may be the same
    digits = digest(contents) if "+" in contents else contents
    return f"{known}-{digits[:8]}" if contents else known


def frames_folder(run: Path, restoring_key: str, name: str) -> Path:
    """Where frames of a method lie, or of `TRUTH` or `INPUT`: which frames those are is the protocol's to say."""
    # the key comes out of a row, which anybody may have written; rows of an older suite have none
    return run / "frames" / (path_component(restoring_key) if restoring_key else "") / name


def clip_folder(dataset: str, split: str, clip: str) -> Path:
    """The folder of a clip's frames inside that of a method, of the truth or of the input."""
    return Path(path_component(dataset), path_component(split), path_component(clip))
