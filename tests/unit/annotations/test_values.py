"""Of a task whose answers cannot be listed: a number goes through queue, files and Label Studio as text."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import export, review_queue, status
from annotations.labelstudio import health
from annotations.labelstudio.translation import tasks
from annotations.nightly import dataset
from annotations.review_queue import predictions
from annotations.store import Store, labels, samples
from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from tests import number_kind
from tests.number_kind import NumberAnswer
from tests.unit.annotations import sentiment

NOTHING = ({}, {"number": None}, {"number": "many"}, {"number": [3]}, {"choices": ["3"]})


@pytest.fixture
def heights() -> Iterator[Task]:
    """A task that is answered with a number, which may be 1 off."""
    with number_kind.registered():
        yield replace(sentiment.TASK, name="heights", kind=number_kind.KIND, labels=(), examples=(), behaviour=None)


def offer(store: Store, task: Task, text: str, number: float, suggested: str | None = None) -> str:
    sample = sentiment.inputs(text)
    guess = replace(
        sentiment.prediction(sample),
        sample_id=decode.sample_id(sample, task.name),
        task=task.name,
        kind=task.kind,
        answer=NumberAnswer(number, 2.0),
        explanation=None,
    )
    return review_queue.offer(store, task, sample, guess, suggested=suggested)[0]


def correct(
    store: Store, task: Task, sample_id: str, value: str, annotator: str = "Ann", wrong_reason: bool = False
) -> str:
    return review_queue.correct(store, {task.name: task}, sample_id, value, annotator, wrong_reason=wrong_reason).label


def test_what_is_typed_is_stored_in_one_form_and_refused_in_a_sentence(store: Store, heights: Task) -> None:
    sample_id = offer(store, heights, "a wall", 3.25, "4,50")
    with store.reading() as session:
        row = samples.get(session, sample_id)
        assert (row.predicted_value, row.suggested) == ("3.25", "4.5")
    assert correct(store, heights, sample_id, "7,0") == "7"
    with pytest.raises(BadInput, match="many"):
        correct(store, heights, sample_id, "many")


def test_equal_numbers_are_one_vote_however_they_are_typed(store: Store, heights: Task) -> None:
    sample_id = offer(store, heights, "a wall", 3.25)
    for annotator, typed in (("Ann", "1.0"), ("Bob", "1"), ("Cleo", "-0,0")):
        correct(store, heights, sample_id, typed, annotator)
    with store.reading() as session:
        assert [row.value for row in labels.history(session, sample_id)] == ["1", "1", "0"]
        counts = labels.counting(session, sample_id)
    assert counts is not None and (counts.value, counts.annotator) == ("1", "Bob")


def test_a_guess_within_the_tolerance_may_be_right_for_the_wrong_reason(store: Store, heights: Task) -> None:
    sample_id = offer(store, heights, "a wall", 3.25)
    assert correct(store, heights, sample_id, "4", wrong_reason=True) == "4"
    with pytest.raises(BadInput, match=r'"3\.25", not "9"'):
        correct(store, heights, sample_id, "9", wrong_reason=True)


def test_a_number_is_counted_learned_from_and_goes_out_and_in(
    store: Store, config: Settings, heights: Task, tmp_path: Path
) -> None:
    sample_id = offer(store, heights, "a wall", 3.25)
    correct(store, heights, sample_id, "7.0")
    state = status.of(store, config, heights)
    assert (state.by_label, state.by_annotator) == ({}, {"Ann": 1})
    with store.reading() as session:
        snapshot = dataset.freeze(heights, labels.corrections(session, heights.name), store.media)
    assert [row.label for row in snapshot.rows] == ["7"]
    export.write_folder(store, [heights.name], tmp_path)
    [line] = map(json.loads, (tmp_path / "heights.jsonl").read_text("utf-8").splitlines())
    assert (line["label"], line["predicted_label"]) == ("7", "3.25")
    assert export.read_manifest(store, heights, tmp_path / "heights.jsonl").known == 1


def test_what_nobody_predicted_has_no_guess_and_can_be_shown(store: Store, heights: Task, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"id": "a", "text": "a wall", "label": 7}\n', "utf-8")
    assert export.read_manifest(store, heights, tmp_path / "m.jsonl").added == 1
    with store.reading() as session:
        [correction] = labels.corrections(session, heights.name)
        row = samples.get(session, correction.correction.sample_id)
    shown = predictions.prediction_shown(heights, row)
    assert (shown.kind, predictions.guess_shown(row).value, row.predicted_value) == (heights.kind, "", "")


def test_its_control_in_label_studio_says_and_reads_it(store: Store, heights: Task) -> None:
    config = tasks.label_config(heights)
    assert tasks.fits(config, heights) and not tasks.fits(tasks.label_config(sentiment.TASK), heights)
    sample_id = offer(store, heights, "a wall", 3.25, "4")
    with store.reading() as session:
        outgoing = health.outgoing(samples.get(session, sample_id), heights.gate.held_out_share)
    body = tasks.payload(heights, outgoing, {})
    assert "The model says 3.25" in body["data"]["looked"] and "says 4." in body["data"]["looked"]
    [result] = body["predictions"][0]["result"]
    assert (result["from_name"], result["type"], result["value"]) == ("label", "number", {"number": 3.25})
    assert tasks.value_of([result], heights) == "3.25"
    assert [tasks.value_of([{**result, "value": value}], heights) for value in NOTHING] == [None] * len(NOTHING)
