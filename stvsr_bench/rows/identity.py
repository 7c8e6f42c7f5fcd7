"""What a row is the row of: one digest, worked out once for planning and for the row itself."""

from stvsr_bench.schema import Job, Settings


def job(method: str, weights: str, settings: Settings, place: tuple[str, str, str], protocol_key: str) -> Job:
    """The job of a method's canonical spec on a clip; its `key` is the row's.

    `weights` is the SHA-256 of the file, or the tag where there is none; `place` is data set, split and clip. The
    settings that may move a number (precision, tiles) are part of the method's name.
    """
    dataset, split, clip = place
    return Job(settings.name(method), weights, dataset, split, clip, protocol_key)
