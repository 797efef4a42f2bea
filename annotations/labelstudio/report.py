"""What a round with Label Studio changed."""

from dataclasses import dataclass, fields

from mmdemo import locale


@dataclass(frozen=True)
class SyncReport:
    """Counts of one round, or of several added up; all but the last two are zero where both sides agreed already."""

    created: int = 0  # projects
    pushed: int = 0  # samples sent there
    pulled: int = 0  # corrections
    skipped: int = 0  # samples that were skipped there
    withdrawn: int = 0  # corrections and skips that were deleted there
    removed: int = 0  # samples taken back: forgotten, or answered here
    mended: int = 0  # tasks there that lacked their guess or their files, or showed a guess that they should not
    waiting: int = 0  # samples there that nobody answered yet
    unreadable: int = 0  # samples there whose annotations say no label of the task

    def __add__(self, other: "SyncReport") -> "SyncReport":
        return SyncReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        return locale.text("cli.sync_round", **vars(self))
