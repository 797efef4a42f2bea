"""The frozen values that page and loop exchange about the versions of a model through time.

All times are UTC, ISO 8601 with seconds.
"""

from dataclasses import dataclass

from mmdemo.values.review import QueueItem, Reason, VersionInfo


@dataclass(frozen=True)
class FigurePair:
    """One figure of the version before and of the new one, on the same samples."""

    name: str  # such as accuracy, macro_f1
    before: float
    after: float


@dataclass(frozen=True)
class AnswerPairs:
    """How often two versions were right about the same samples, and between what the shares of that surely lie."""

    both: int
    turned_right: int  # right since the new version
    turned_wrong: int
    neither: int
    before: tuple[float, float]  # 95 % interval of the share of right answers
    after: tuple[float, float]

    @property
    def count(self) -> int:
        """How many samples there were."""
        return self.both + self.turned_right + self.turned_wrong + self.neither


@dataclass(frozen=True)
class ModelVersion:
    """One version, and the retraining run that made and judged it."""

    version: str
    at: str  # when it was made
    parent: str | None  # that its training started from; None: none, or it is not known
    info: VersionInfo | None  # None: its folder was removed since
    can_serve: bool  # it may be put into service from the page
    verdict: str | None = None  # of its run; None: no run made it
    why: tuple[Reason, ...] = ()  # of that verdict
    trained_on: int | None = None  # corrections; None: it was not written down
    compared_with: str | None = None  # the version that served then, to which the figures before belong
    held_out: int = 0  # corrections behind the figures
    figures: tuple[FigurePair, ...] = ()
    pairs: AnswerPairs | None = None  # None: the single answers were not kept

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """95 % intervals of the shares of right answers before and after; none where some samples were erased since."""
        whole = self.pairs is not None and self.pairs.count == self.held_out
        return (self.pairs.before, self.pairs.after) if self.pairs and whole else ()

    @property
    def served(self) -> bool:
        """Whether it serves now."""
        return self.info is not None and self.info.served


@dataclass(frozen=True)
class ModelHistory:
    """What the Models tab shows of a task."""

    task: str
    versions: tuple[ModelVersion, ...]  # newest first


@dataclass(frozen=True)
class TurnedAnswer:
    """A sample that one of two versions answers rightly and the other one wrongly."""

    item: QueueItem
    value: str  # what people said it is
    before: str  # what the version before answered
    after: str
    is_right: bool  # the new version's answer
