"""What a test of behaviour holds, on answers that fit on paper."""

import pytest

from mmdemo import tasks
from mmdemo.answers import LabelAnswer
from mmdemo.behaviour import Expectation, Instance
from mmdemo.evaluation import behaviour
from mmdemo.values.samples import Prediction, Sample

TASK = tasks.get("sentiment")


def said(label: str, probability: float = 0.9, flagged: bool = False) -> Prediction:
    rest = (1 - probability) / 2
    return Prediction(
        sample_id="",
        task=TASK.name,
        kind=TASK.kind,
        answer=LabelAnswer(label, {name: probability if name == label else rest for name in TASK.label_names}),
        confidence=probability,
        threshold=0.6,
        flagged=flagged,
        reason=None,
        modalities=("text",),
        model_version="",
        latency_ms=0.0,
    )


def judged(instance: Instance, *answers: Prediction) -> behaviour.InstanceResult:
    return behaviour.judge(TASK, instance, answers)


def facts(*labels: str) -> Instance:
    return Instance("facts", tuple(Expectation(Sample(text="a"), label) for label in labels))


def test_every_answer_must_be_the_one_that_is_right() -> None:
    both = facts("neutral", "neutral")
    assert judged(both, said("neutral"), said("neutral")).holds
    assert not judged(both, said("neutral"), said("positive")).holds


def test_wrong_and_sure_is_what_asks_nobody() -> None:
    assert judged(facts("neutral"), said("positive")).wrong_and_sure
    assert not judged(facts("neutral"), said("positive", flagged=True)).wrong_and_sure
    assert not judged(facts("neutral"), said("neutral")).wrong_and_sure


@pytest.mark.parametrize(("after", "holds"), [(0.95, True), (0.89, True), (0.8, False)])
def test_added_words_must_not_lower_their_label(after: float, holds: bool) -> None:
    more = Instance("more", tuple(Expectation(Sample(text="a"), "negative") for _ in range(2)), rises="negative")
    assert judged(more, said("negative", 0.9), said("negative", after)).holds is holds


def test_rates_count_by_capability_with_an_interval() -> None:
    results = [
        behaviour.InstanceResult(facts("neutral"), holds=number > 0, wrong_and_sure=number == 0) for number in range(4)
    ]
    irony = behaviour.InstanceResult(Instance("irony", ()), holds=False, wrong_and_sure=False)
    rates = behaviour.rates([*results, irony], TASK)
    assert (rates["facts"].n, rates["facts"].rate, rates["facts"].wrong_and_sure) == (4, 0.75, 0.25)
    low, high = rates["facts"].interval
    assert low == pytest.approx(0.3006, abs=1e-3) and high == pytest.approx(0.9544, abs=1e-3)  # Wilson, on paper
    assert rates["irony"].reported_only and not rates["facts"].reported_only


def test_rows_that_name_their_capability_are_tests_too() -> None:
    class Row:
        id, label, group, extra = "1", "neutral", "", {"capability": "by_hand"}
        sample = Sample(text="The kettle is on the shelf")

    instances = behaviour.instances(TASK, [Row()], count=2)
    assert [item.capability for item in instances][-1] == "by_hand"
    assert {item.capability for item in instances} > {"plain_facts", "negation"}
