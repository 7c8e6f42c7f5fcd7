"""Where a file is published, as a card says it: in a public git repository or on Google Drive."""

import re
from dataclasses import field

from pydantic.dataclasses import dataclass as checked

from stvsr_bench.schema.strict import STRICT

_REPO = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DRIVE = re.compile(r"[A-Za-z0-9_-]{10,100}")


@checked(frozen=True, config=STRICT)
class Source:
    """One place where a file is published. What is not stated is "" and is said to be unknown.

    `repo` ("owner/name" on GitHub), `commit` (all 40 digits) and `path` name a file, or a folder whose files are listed
    in `listing` (a file beside the card, as `git ls-tree -r -l COMMIT PATH` prints it). `drive` is the id of a Google
    Drive file, `drive_folder` that of a folder in which the file is called `name`; `resource_key` is what old links
    have besides. `size` is the size as stated somewhere, `evidence` where the source is stated, `also` other places for
    a person, `tried` that somebody of this project fetched it.
    """

    repo: str = ""
    commit: str = ""
    path: str = ""
    listing: str = ""
    drive: str = ""
    drive_folder: str = ""
    resource_key: str = ""
    name: str = ""
    size: str = ""
    evidence: str = ""
    also: str = ""
    tried: bool = False

    def __post_init__(self) -> None:
        """Refuse what would make another address than the one that was meant."""
        parts = self.path.split("/")
        if bool(self.repo) != bool(self.commit and self.path):
            raise ValueError("repo, commit and path go together")
        if self.repo and not (_REPO.fullmatch(self.repo) and _COMMIT.fullmatch(self.commit)):
            raise ValueError("repo is owner/name, commit has 40 hex digits")
        if self.path and any(part in ("", ".", "..") for part in parts):
            raise ValueError("path is that of a file in the repository")
        for drive in filter(None, (self.drive, self.drive_folder)):
            if not _DRIVE.fullmatch(drive):
                raise ValueError("drive is the id of a file, not an address")
        for name in filter(None, (self.name, self.listing)):
            if "/" in name or "\\" in name or name.startswith("."):
                raise ValueError("name and listing are names of files, without a folder")
        if self.drive_folder and not self.name:
            raise ValueError("drive_folder needs the name of the file in it")

    @property
    def known(self) -> bool:
        """Whether a program could fetch it."""
        return bool(self.repo or self.drive or self.drive_folder)

    @property
    def where(self) -> str:
        """The place in words, "" if none is known."""
        if self.repo:
            return f"github.com/{self.repo} at {self.commit[:7]}, {self.path}"
        if self.drive:
            key = f", resource key {self.resource_key}" if self.resource_key else ""
            return f"Google Drive file {self.drive}{key}"
        return f"{self.name} in the Google Drive folder {self.drive_folder}" if self.drive_folder else ""

    @property
    def file_name(self) -> str:
        """What the file is called; "" where that is not stated."""
        return self.name or self.path.rpartition("/")[2]


@checked(frozen=True, config=STRICT)
class Shown:
    """A published picture of 8-bit RGB: its path in the repository, git blob id, and the SHA-256 of its pixels.

    The pixels are hashed row by row, red, green and blue of each.
    """

    path: str
    blob: str
    pixels: str


@checked(frozen=True, config=STRICT)
class Example:
    """What the authors published of their own network at work: the frames that it was given and those that it made."""

    repo: str = ""
    commit: str = ""
    weights: str = ""
    given: list[Shown] = field(default_factory=list)
    made: list[Shown] = field(default_factory=list)
    notes: str = ""
