"""Champion and challenger on the same samples: each version is loaded once for it, and asked once about each sample."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.nightly import capabilities
from annotations.nightly.gate import ACCURACY, ComparedFigure, Comparison
from mmdemo.errors import ManifestError
from mmdemo.evaluation import behaviour, judging
from mmdemo.evaluation.answers import PredictedRow, ask_whole
from mmdemo.evaluation.behaviour import InstanceResult
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.manifests import Row


@dataclass(frozen=True)
class VersionAnswers:
    """What one version says of all that versions are compared by. Samples that cannot be judged are in none of it."""

    version: str
    held_out: tuple[PredictedRow, ...]  # corrections that it was not trained on
    examples: tuple[PredictedRow, ...]  # of the task: rehearsed, so who loses even those has broken something
    behaviour: tuple[InstanceResult, ...]


def answers_of(task: Task, version: str | None, settings: Settings, held_out: Sequence[Row]) -> VersionAnswers:
    """Load a version (None: the one that is served), ask it, and let it go.

    Raises CheckpointError, and ManifestError where not one of the corrections can be judged.
    """
    predictor = Predictor(task, version, settings)
    answers = VersionAnswers(
        predictor.model_version,
        ask_whole(predictor, held_out),
        ask_whole(predictor, manifests.examples(task)),
        tuple(behaviour.ask(predictor, capabilities.instances(task))),
    )
    if not answers.held_out:
        raise ManifestError("nothing_to_evaluate", count=len(held_out))
    return answers


def compare(task: Task, champion: VersionAnswers, challenger: VersionAnswers) -> Comparison:
    """Compare on the corrections, on what the champion surely knew of them and of the examples, and on behaviour."""
    pairs = zip((*champion.held_out, *champion.examples), (*challenger.held_out, *challenger.examples), strict=True)
    anchors = [theirs for ours, theirs in pairs if _is_right(task, ours) and not ours.prediction.flagged]
    return Comparison(
        held_out=len(champion.held_out),
        figures=_figures(task, champion, challenger),
        anchors=len(anchors),
        lost=sum(not _is_right(task, theirs) for theirs in anchors),
        capabilities=capabilities.tally(task, champion.behaviour, challenger.behaviour),
    )


def _is_right(task: Task, answered: PredictedRow) -> bool:
    return task.is_right(answered.prediction.label, answered.row.label)


def _figures(task: Task, champion: VersionAnswers, challenger: VersionAnswers) -> tuple[ComparedFigure, ...]:
    """Return the share of right answers, and the figure that the kind of answer puts first."""
    before, after = (judging.part(task, answers.held_out) for answers in (champion, challenger))
    own, better = next(iter(judging.KINDS[task.kind].better.items()))
    directions = {ACCURACY: 1, own: better}
    return tuple(
        ComparedFigure(name, before.figure(name), after.figure(name), sign) for name, sign in directions.items()
    )
