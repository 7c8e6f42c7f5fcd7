"""What a row is the row of: one digest, worked out once for planning and for the row itself."""

from stvsr_bench import protocols
from stvsr_bench.schema import EvalProtocol, Job, MethodCard, Settings


def name_of(spec: str, card: MethodCard, settings: Settings, protocol: EvalProtocol) -> str:
    """A method's name in rows as it is planned, with the tiles that its network and the protocol allow.

    Where memory runs out its rows have another one, and say which was `asked` for.
    """
    return settings.fitted(protocols.grid(card, protocol)).name(spec)


def job(method: str, contents: str, place: tuple[str, str, str], protocol_key: str) -> Job:
    """The job of a method on a clip; its `key` is the row's.

    `method` is its name in rows: the canonical spec with the settings that move a number (precision, tiles). `contents`
    is the SHA-256 of its weights, the digest of where somebody's frames lie, or the tag where there is no file; `place`
    is data set, split and clip.
    """
    dataset, split, clip = place
    return Job(method, contents, dataset, split, clip, protocol_key)
