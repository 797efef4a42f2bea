"""Members of the panel → what can be said of a version's answers, whatever is not answered yet."""

from collections.abc import Mapping, Sequence

import numpy as np

from annotations.store.panel import Member
from mmdemo import thresholds
from mmdemo.tasks import Task
from mmdemo.thresholds import Outcomes
from mmdemo.values.live_figures import BoundedShare, LiveFigures
from mmdemo.values.promise import ASKED_ALWAYS
from mmdemo.versions import sidecar


def had_their_turn(members: Sequence[Member]) -> Sequence[Member]:
    """Return those up to the last one that was answered, in the order in which they came.

    People answer in this order, so what came later is no other than what is answered. What was passed over, or taken
    back, may have been: it counts.
    """
    answered = [place for place, member in enumerate(members) if member.label is not None]
    return members[: answered[-1] + 1] if answered else []


def by_subset(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Return subset of the modalities → the members that had their turn, among those of that subset."""
    subsets: dict[str, list[Member]] = {}
    for member in members:
        subsets.setdefault(sidecar.subset(member.modalities), []).append(member)
    return {name: list(had_their_turn(some)) for name, some in subsets.items()}


def outcomes(task: Task, members: Sequence[Member]) -> Outcomes:
    """Return answers as thresholds are tested on them: what nobody has said counts as wrong."""
    wrong = np.array([not is_right(task, member) for member in members], dtype=bool)
    return Outcomes(np.array([member.confidence for member in members], dtype=np.float64), wrong)


def is_right(task: Task, member: Member) -> bool:
    """Whether a version's answer is known to be right."""
    return member.label is not None and agree(task, member.value, member.label)


def agree(task: Task, value: str, label: str) -> bool:
    """Whether an answer is as good as what people say; one that the task takes no longer is not."""
    return task.takes(value) and task.takes(label) and task.is_right(value, label)


def figures(task: Task, version: str, members: Sequence[Member], serving: Mapping[str, float]) -> LiveFigures:
    """Return how good a version is here; `serving`: subset of the modalities → the threshold that serves."""
    turned = had_their_turn(members)
    unasked = [member for member in turned if _goes_out(member, serving)]
    return LiveFigures(
        version=version,
        samples=len(turned),
        unanswered=sum(member.label is None for member in turned),
        waiting=len(members) - len(turned),
        right=_bounded(sum(is_right(task, each) for each in turned), turned),
        unasked=_exact(len(unasked), len(turned)),
        wrong=_bounded(sum(each.label is not None and not is_right(task, each) for each in unasked), unasked),
    )


def _goes_out(member: Member, serving: Mapping[str, float]) -> bool:
    threshold = serving.get(sidecar.subset(member.modalities), ASKED_ALWAYS)
    return threshold < ASKED_ALWAYS and member.confidence >= threshold


def _bounded(part: int, members: Sequence[Member]) -> BoundedShare:
    """Return a share of the members: at least none of those that nobody spoke of is of it, at most all are."""
    answered, whole = sum(member.label is not None for member in members), len(members)
    low, _ = thresholds.interval(part, whole)
    _, high = thresholds.interval(part + whole - answered, whole)
    return BoundedShare(part, answered, whole, low, high)


def _exact(part: int, whole: int) -> BoundedShare:
    return BoundedShare(part, whole, whole, *thresholds.interval(part, whole))
