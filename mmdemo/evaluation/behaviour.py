"""How often a version does what its task should be able to do, by capability; see `mmdemo.behaviour`.

What is asked is what is served: samples in batches, through `Predictor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from mmdemo import behaviour, decode, thresholds
from mmdemo.behaviour import Expectation, Instance
from mmdemo.evaluation.answers import LabelledRow
from mmdemo.evaluation.judging import KINDS
from mmdemo.prediction.predictor import Predictor
from mmdemo.process.logs import ProgressBar
from mmdemo.tasks import Task
from mmdemo.values.results import BehaviourRate
from mmdemo.values.samples import Prediction, Sample

COUNT = 200  # instances of each capability
CAPABILITY = "capability"  # field of a manifest's `extra`


@dataclass(frozen=True)
class InstanceResult:
    """What came of one instance."""

    instance: Instance
    holds: bool
    wrong_and_sure: bool  # one of its answers is another one, and asks nobody


def instances(task: Task, rows: Sequence[LabelledRow] = (), count: int = COUNT, seed: int = 0) -> list[Instance]:
    """Return what a task's capabilities ask, beside the pictures of `rows`, or its examples' where those have none.

    Rows with a `capability` in their `extra` are tests of it themselves. Raises ManifestError for a faulty file.
    """
    suite = behaviour.load(task)
    images = [row.sample.image for row in rows if row.sample.image is not None]
    pictures = [Sample(image=image) for image in images or {e.image: e.image for e in task.examples if e.image}]
    drawn = behaviour.draw(suite, pictures, count, seed) if suite else []
    tests = [
        Instance(str(row.extra[CAPABILITY]), (Expectation(row.sample, row.label),))
        for row in rows
        if row.extra.get(CAPABILITY)
    ]
    return sorted([*drawn, *tests], key=lambda instance: _order(instance, suite))


def _order(instance: Instance, suite: behaviour.Suite | None) -> tuple[int, str]:
    names = [capability.name for capability in suite.capabilities] if suite else []
    place = names.index(instance.capability) if instance.capability in names else len(names)
    return place, instance.capability


def ask(
    predictor: Predictor, tests: Sequence[Instance], progress: Callable[[str], None] = lambda _: None
) -> list[InstanceResult]:
    """Return what comes of each test; one whose sample cannot be judged, such as a clip without speech, is left out."""
    samples = decode.read_all([each.sample for test in tests for each in test.expectations], predictor.task)
    bar = ProgressBar(len(samples), "answers to tests of behaviour judged", progress)
    answers = predictor.predict_many(samples, bar.advance)
    results = []
    for instance in tests:
        outcomes = [next(answers) for _ in instance.expectations]
        predictions = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
        if len(predictions) == len(outcomes):
            results.append(judge(predictor.task, instance, predictions))
    return results


def rates(results: Sequence[InstanceResult], task: Task) -> dict[str, BehaviourRate]:
    """Return by capability, in the order of the results, how often it holds, with Wilson's 95 % interval."""
    suite = behaviour.load(task)
    reported = {capability.name for capability in suite.capabilities if capability.reported_only} if suite else set()
    by_capability = {}
    for name, members in groupby(results, lambda result: result.instance.capability):
        part = list(members)
        right = sum(result.holds for result in part)
        by_capability[name] = BehaviourRate(
            n=len(part),
            rate=right / len(part),
            interval=thresholds.wilson(right, len(part)),
            wrong_and_sure=sum(result.wrong_and_sure for result in part) / len(part),
            reported_only=name in reported,
        )
    return by_capability


def judge(task: Task, instance: Instance, predictions: Sequence[Prediction]) -> InstanceResult:
    """Return what comes of a test whose expectations were answered so, in their order."""
    pairs = list(zip(instance.expectations, predictions, strict=True))
    rises = KINDS[task.kind].rises
    if instance.rises and rises is not None:
        holds, pairs = rises(instance, predictions[0], predictions[-1]), pairs[-1:]
    else:
        holds = all(task.is_right(prediction.label, expectation.label) for expectation, prediction in pairs)
    wrong = [prediction for expectation, prediction in pairs if not task.is_right(prediction.label, expectation.label)]
    return InstanceResult(instance, holds, any(not prediction.flagged for prediction in wrong))
