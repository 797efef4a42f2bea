"""A kind of answer without figures of its own is judged by those that all have, and nothing else is said of it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mmdemo import tasks
from mmdemo.behaviour import Expectation, Instance
from mmdemo.commands.answer import prediction_lines
from mmdemo.commands.evaluate import figure_lines
from mmdemo.evaluation import behaviour, compare, figures, report
from mmdemo.evaluation.answers import Answers, PredictedRow
from mmdemo.evaluation.report import mistakes
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.results import Beside, Robustness
from mmdemo.values.samples import Prediction, Sample, to_json
from mmdemo.versions import card
from mmdemo.versions.sidecar import Sidecar
from tests import number_kind
from tests.number_kind import NumberAnswer

RIGHT = ("1", "2", "3", "4")
ANSWERED = ("1", "2.5", "4", "1")  # within the tolerance, twice
SURE = (0.9, 0.8, 0.7, 0.4)
LABELS_ONLY = ("macro_f1", "per_class", "confusion", "raw")


@pytest.fixture
def task() -> Iterator[Task]:
    """A task that is answered with a number, which may be half a unit off."""
    with number_kind.registered():
        labelled = tasks.get("sentiment")
        yield replace(
            labelled, name="heights", kind=number_kind.KIND, labels=(), examples=(), answer={"tolerance": 0.5}
        )


def prediction(task: Task, value: str, confidence: float) -> Prediction:
    return Prediction(
        sample_id="0" * 64,
        task=task.name,
        kind=task.kind,
        answer=NumberAnswer(float(value), 1.0),
        confidence=confidence,
        threshold=task.threshold,
        flagged=confidence < task.threshold,
        reason="low_confidence" if confidence < task.threshold else None,
        modalities=("text",),
        model_version="v1",
        latency_ms=1.0,
    )


@pytest.fixture
def answers(task: Task) -> Answers:
    rows = [Row(str(n), Sample(text=f"dish {n}"), right, f"place {n % 2}") for n, right in enumerate(RIGHT)]
    predictions = [prediction(task, *pair) for pair in zip(ANSWERED, SURE, strict=True)]
    whole = tuple(map(PredictedRow, rows, predictions))
    return Answers(task, "v1", {}, 0, whole, {"text": whole})


def test_what_lies_within_the_tolerance_is_right_and_the_loss_is_a_mean(answers: Answers) -> None:
    result = figures(answers)
    assert (result.n, result.accuracy, result.own) == (4, 0.5, {"loss": pytest.approx(np.mean([0, 0.25, 1, 9]))})
    assert (result.flagged_share, result.error_unflagged) == (0.25, pytest.approx(1 / 3))
    for name, (low, high) in result.intervals.items():
        assert low <= result.figure(name) <= high, name
    assert result.figure(result.short) == result.own["loss"]
    assert result.by_group["place 0"].own == {"loss": 0.5}


def test_the_json_holds_no_figure_of_labels(answers: Answers) -> None:
    fields = to_json(figures(answers))
    assert json.dumps(fields, allow_nan=False)
    assert fields["loss"] == pytest.approx(2.5625) and fields["intervals"]["loss"][0] <= 2.5625
    assert not set(LABELS_ONLY) & fields.keys()


def test_two_versions_are_compared_by_loss(task: Task, answers: Answers) -> None:
    better = [replace(one, prediction=prediction(task, one.row.label, 0.9)) for one in answers.whole]
    differences = compare(replace(answers, whole=tuple(better)), answers).differences
    assert list(differences) == ["accuracy", "loss", "aurc"]
    assert differences["loss"].value == pytest.approx(-2.5625) and differences["accuracy"].value == 0.5


def test_report_and_terminal_say_what_there_is_and_nothing_of_labels(task: Task, answers: Answers) -> None:
    result, worst = figures(answers), mistakes.worst(answers.whole, task)
    assert [(mistake.answer, mistake.label, mistake.label_probability) for mistake in worst] == [
        ("4", "3", None),
        ("1", "4", None),
    ]
    beside = Beside(result, compare(answers, answers))
    page = report.render(report.Report(task, "dev.jsonl", result, Robustness({}, ()), worst, beside))
    assert "<th>loss</th>" in page and "2.562" in page and "As served" in page
    lines = "\n".join(figure_lines(result))
    assert "loss 2.5625 (" in lines and "accuracy 0.5000" in lines
    described = card.render(task, Sidecar("v1", task.name, task.kind, (), ("text",), "2026-01-01"), result)
    assert "- answers: number" in described and "| all | 4 | 0.500 | 2.562 |" in described
    for text in (page, lines, described):
        assert not any(word in text for word in ("macro", "By label", "efore calibration", "| label |", "None"))


def test_the_terminal_tells_an_answer_that_has_no_shares(task: Task) -> None:
    lines = prediction_lines(prediction(task, "4", 0.5), task)
    assert lines == ["4 (50.0%)", "v1, text, 1 ms, flagged: low_confidence"]


def test_behaviour_holds_within_the_tolerance(task: Task) -> None:
    test = Instance("taste", (Expectation(Sample(text="Good"), "4"),))
    near, far = (behaviour.judge(task, test, [prediction(task, value, 0.9)]) for value in ("4.5", "3"))
    assert (near.holds, near.wrong_and_sure) == (True, False)
    assert (far.holds, far.wrong_and_sure) == (False, True)
