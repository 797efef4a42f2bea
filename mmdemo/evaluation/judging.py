"""The figures of one version on labelled samples, and what it differs by from another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmdemo.evaluation import classification
from mmdemo.evaluation.answers import Answered, Answers, Labelled, ask
from mmdemo.figures import Compared, Figures, Slice
from mmdemo.predictor import Predictor
from mmdemo.tasks import Task


@dataclass(frozen=True)
class Kind:
    """What one kind of answer brings; the names are the task's answers in its order."""

    figures: Callable[[Answers], Figures]
    part: Callable[[Sequence[Answered], Sequence[str]], Slice]
    compare: Callable[[Sequence[Answered], Sequence[Answered], Sequence[str], str], Compared]


def evaluate(
    predictor: Predictor, rows: Sequence[Labelled], progress: Callable[[str], None] = lambda _: None
) -> Figures:
    """Return the figures of the version that `predictor` serves on `rows`.

    Raises ManifestError where not one of them can be judged.
    """
    return figures(ask(predictor, rows, progress))


def figures(answers: Answers) -> Figures:
    """Return all figures of one version's answers."""
    return KINDS[answers.task.kind].figures(answers)


def part(task: Task, answers: Sequence[Answered]) -> Slice:
    """Return the figures of some answers of one version."""
    return KINDS[task.kind].part(answers, task.answers)


def compare(ours: Answers, theirs: Answers) -> Compared:
    """Return what one version's figures differ by from another's, on the samples that both judged."""
    return KINDS[ours.task.kind].compare(ours.whole, theirs.whole, ours.task.answers, theirs.version)


# Kind of answer → its figures; another kind joins here with figures of its own.
KINDS: dict[str, Kind] = {
    "classification": Kind(classification.figures, classification.part, classification.compare),
}
