"""What a task promises, how it is stored with a version, and how it decides whether people are asked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.review_queue import predictions
from annotations.schema import SampleRow
from mmdemo import Predictor, tasks
from mmdemo.errors import ManifestError
from mmdemo.tasks import Task
from mmdemo.values.promise import Guarantee, Promise, PromiseOutcome, PromiseRecord, SubsetPromise
from mmdemo.values.samples import to_json
from mmdemo.versions import card, sidecar
from mmdemo.versions.registry import SHIPPED
from tests import tiny

PROMISE = Promise(error=0.1, sure=0.95)
GERMAN = "Der Hund läuft schnell über die grüne Wiese"
RECORD = PromiseRecord(
    PROMISE,
    {
        "text": SubsetPromise(PromiseOutcome.STANDS, 400, threshold=0.7, accepted=300, wrong=12),
        "image": SubsetPromise(PromiseOutcome.NONE, 400),
        "audio": SubsetPromise(PromiseOutcome.TOO_FEW, 12, missing=40),
    },
    by="speaker",
)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return replace(tiny.task(tmp_path_factory.mktemp("task")), promise=PROMISE)


@pytest.fixture(scope="module")
def folder(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.version(tmp_path_factory.mktemp("version") / "v1", task, promise=RECORD)


def written(folder: Path, line: str) -> Path:
    path = tiny.write_task(folder)
    path.write_text(path.read_text("utf-8").replace("threshold", f"{line}\nthreshold"), "utf-8")
    return path


def test_a_task_says_what_it_promises(tmp_path: Path) -> None:
    assert tasks.load_file(written(tmp_path, "promise = { error = 0.1, sure = 0.95 }")).promise == PROMISE
    assert tiny.task(tmp_path).promise is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("promise = 0.1", "promise 0.1 is not of the form { error = 0.1, sure = 0.95 }"),
        ("promise = { error = 0.1 }", "promise {'error': 0.1} is not of the form { error = 0.1, sure = 0.95 }"),
        ("promise = { error = 10, sure = 0.95 }", "promise: error 10 is not a share between 0 and 1"),
        ("promise = { error = true, sure = 0.95 }", "promise: error True is not a share between 0 and 1"),
        ("promise = { error = 0.1, sure = '95 %' }", "promise: sure '95 %' is not a share between 0 and 1"),
        ("promise = { error = 0.1, sure = 0.5 }", "promise: sure 0.5 is no better than a coin; 0.95 is usual"),
    ],
)
def test_a_promise_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ManifestError) as refused:
        tasks.load_file(written(tmp_path, line))
    assert sentence in str(refused.value)


def test_a_version_keeps_what_it_can_promise(folder: Path) -> None:
    assert sidecar.read(folder).promise == RECORD


def test_a_version_of_an_earlier_release_promises_nothing(folder: Path, task: Task, tmp_path: Path) -> None:
    raw = json.loads((folder / sidecar.FILE).read_text("utf-8"))
    del raw["promise"]
    (tmp_path / sidecar.FILE).write_text(json.dumps(raw), "utf-8")
    assert sidecar.read(tmp_path).promise is None
    old = tiny.version(tmp_path / "old", task)
    answer = Predictor(task, old).predict_inputs(tiny.inputs(0, ("text",)))
    assert (answer.threshold, answer.promise) == (task.threshold, None)


def test_the_threshold_of_the_modalities_serves(folder: Path, task: Task) -> None:
    low, high = replace(task, threshold=0.4), replace(task, threshold=0.99)
    answers = [Predictor(of, folder).predict_inputs(tiny.inputs(0, ("text",))) for of in (low, high)]
    for answer in answers:
        assert answer.threshold == 0.7 and answer.promise == Guarantee(0.1, 0.95, "shipped")
        assert answer.sure and not answer.flagged and 0.7 < answer.confidence < 0.99
    assert Predictor(replace(high, promise=None), folder).predict_inputs(tiny.inputs(0, ("text",))).flagged


def test_where_no_threshold_keeps_the_promise_every_answer_is_asked_about(
    folder: Path, task: Task, tmp_path: Path
) -> None:
    certain = tiny.version(tmp_path / "certain", task, promise=RECORD, temperatures={"image": 1e-6})
    answer = Predictor(task, certain).predict_inputs(tiny.inputs(0, ("image",)))
    assert answer.confidence == 1.0
    assert answer.flagged and answer.reason == "low_confidence" and not answer.sure and not answer.capped
    assert answer.threshold == 1.0 and answer.promise is not None


@pytest.mark.parametrize("modalities", [("audio",), ("image", "text")])
def test_without_a_promise_that_stands_the_threshold_of_the_file_serves(
    folder: Path, task: Task, modalities: tuple[str, ...]
) -> None:
    """Labels are too few for sounds; of pictures with captions nobody asked."""
    answer = Predictor(task, folder).predict_inputs(tiny.inputs(0, modalities))
    assert (answer.threshold, answer.promise) == (task.threshold, None)


@pytest.mark.parametrize("promise", [None, Promise(0.05, 0.95), Promise(0.1, 0.9)])
def test_thresholds_that_keep_another_promise_do_not_serve(folder: Path, task: Task, promise: Promise | None) -> None:
    answer = Predictor(replace(task, promise=promise), folder).predict_inputs(tiny.inputs(0, ("text",)))
    assert (answer.threshold, answer.promise) == (task.threshold, None)


@pytest.mark.parametrize("threshold", [0.55, 0.9])
def test_what_is_strange_stays_under_both_thresholds(task: Task, tmp_path: Path, threshold: float) -> None:
    kept = {"text": SubsetPromise(PromiseOutcome.STANDS, 400, threshold, 300, 12)}
    record = PromiseRecord(PROMISE, kept)
    certain = tiny.version(tmp_path / "certain", task, promise=record, temperatures={"text": 1e-6})
    answer = Predictor(task, certain).predict_inputs(replace(tiny.inputs(0, ("text",)), text=GERMAN))
    assert answer.capped and answer.flagged
    assert answer.confidence < min(threshold, task.threshold) and answer.threshold == threshold


def test_a_threshold_that_asks_about_nothing_else_leaves_what_is_strange_a_guess(task: Task, tmp_path: Path) -> None:
    record = PromiseRecord(PROMISE, {"text": SubsetPromise(PromiseOutcome.STANDS, 400, 0.0, 400, 12)})
    version = tiny.version(tmp_path / "v", task, promise=record)
    strange = Predictor(task, version).predict_inputs(replace(tiny.inputs(0, ("text",)), text=GERMAN))
    assert strange.flagged and strange.capped and strange.confidence == pytest.approx(0.5, abs=1e-5)
    assert sum(strange.probabilities.values()) == pytest.approx(1)
    assert not Predictor(task, version).predict_inputs(tiny.inputs(0, ("text",))).flagged


def test_an_answer_says_what_its_threshold_promises_also_when_it_is_read_again(folder: Path, task: Task) -> None:
    answer = Predictor(task, folder).predict_inputs(tiny.inputs(0, ("text",)))
    raw = json.loads(json.dumps(to_json(answer)))
    assert raw["promise"] == {"error": 0.1, "sure": 0.95, "population": "shipped"}
    assert predictions.prediction_of(task, SampleRow(sample_id=answer.sample_id, prediction=raw)) == answer
    del raw["promise"]  # as an earlier release stored it
    row = SampleRow(sample_id=answer.sample_id, prediction=raw)
    assert predictions.prediction_of(task, row).promise is None


def test_the_model_card_says_when_people_are_asked(folder: Path, task: Task) -> None:
    about = sidecar.read(folder)
    plain = card.render(replace(task, promise=None), about)
    assert "- asks a person: below a confidence of 0.6\n" in plain and "promises" not in plain
    written = card.render(task, about)
    assert "- promises: at most 10 % wrong of what is not asked about, with 95 % confidence\n" in written
    assert "given image: always, since no threshold keeps the promise; " in written
    assert "given text: below 0.7 (12 of 300 samples above it were answered wrongly); " in written
    assert "given audio: below 0.6, which promises nothing; " in written


@pytest.mark.parametrize("name", ["sentiment", "speech_emotion", "spoken_digits"])
def test_a_shipped_version_says_what_it_keeps_of_its_promise(name: str) -> None:
    shipped, about = tasks.get(name), sidecar.read(SHIPPED / name)
    assert shipped.promise is not None and about.promise is not None and about.promise.promise == shipped.promise
    assert set(about.promise.subsets) == set(sidecar.subsets(shipped.modalities))
    head = card.render(shipped, about).partition("\n## ")[0]
    assert (SHIPPED / name / card.FILE).read_text("utf-8").startswith(head)
