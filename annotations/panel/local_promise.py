"""What can be promised of what is sent here: thresholds, tested on the panel; pure.

A version learned nothing from the panel, and its samples came by one chance, whatever a model made of them. So its
answers to them are answers to what is sent here, as independent of another as what is sent.

The panel grows, and a test that is made again and again passes at last. So each test of a subset spends a quarter of
what is left of the level, and one is made only once there are half as many samples more, and enough that go out unasked
to show anything: neither depends on what people said. What stands stays until a later test finds another threshold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from annotations.panel import turns
from annotations.store.panel import Member
from mmdemo import thresholds
from mmdemo.tasks import Task
from mmdemo.thresholds import Outcomes
from mmdemo.values.promise import HERE, LocalRule, PromiseOutcome, PromiseRecord, SubsetPromise
from mmdemo.versions import sidecar

SHARE_OF_REST = 4  # a test spends the fourth part of what is left
GROWTH = 1.5  # samples at the next test, in those at the last


def refit(rule: LocalRule, task: Task, version: str, members: Sequence[Member]) -> LocalRule:
    """Return the rule with all thresholds tested that are due for it; what was tested of another version goes."""
    assert task.promise is not None
    same = rule.version == version and rule.record is not None and rule.record.promise == task.promise
    before: Mapping[str, SubsetPromise] = rule.record.subsets if same and rule.record else {}
    looks = dict(rule.looks) if same else {}
    names, parts, subsets = sidecar.subsets(task.modalities), turns.by_subset(members), {}
    for name in names:
        outcomes = turns.outcomes(task, parts.get(name, []))
        level = (1 - task.promise.sure) / len(names)
        subsets[name], looks[name] = _tested(outcomes, task.promise.error, level, before.get(name), looks.get(name, ()))
    record = PromiseRecord(task.promise, subsets, population=HERE)
    return replace(rule, version=version, record=record, looks=looks)


def _tested(
    outcomes: Outcomes, error: float, level: float, before: SubsetPromise | None, looks: Sequence[int]
) -> tuple[SubsetPromise, tuple[int, ...]]:
    """Return what can be promised of one subset, and the sizes of its tests, this one included where one is due."""
    n, own = len(outcomes.wrong), level / SHARE_OF_REST * (1 - 1 / SHARE_OF_REST) ** len(looks)
    missing = _missing(outcomes, error, own, looks)
    if missing:
        waiting = SubsetPromise(PromiseOutcome.TOO_FEW, n, missing=missing)
        tested = before is not None and before.outcome != PromiseOutcome.TOO_FEW
        return (before if tested and before else waiting), tuple(looks)
    entry = thresholds.fit_one(outcomes, error, own)
    stood = before is not None and before.outcome == PromiseOutcome.STANDS
    return (before if stood and before and entry.outcome == PromiseOutcome.TOO_FEW else entry), (*looks, n)


def _missing(outcomes: Outcomes, error: float, level: float, looks: Sequence[int]) -> int:
    """Return how many samples more the next test takes, 0 where it is due; nothing here knows what is wrong."""
    n = len(outcomes.wrong)
    grown = math.ceil(GROWTH * looks[-1]) - n if looks else 0
    shares = thresholds.budgets(error, level)
    starts = np.flatnonzero(shares)
    accepted, _ = thresholds.counts(outcomes, thresholds.grid(error)[starts])
    least = np.array([thresholds.fewest(error, share) or thresholds.MOST for share in shares[starts]])
    times = np.where(accepted > 0, n / np.maximum(accepted, 1), 1.0)
    return max(0, grown, int(np.ceil((least - accepted) * times).min()))
