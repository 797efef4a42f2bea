"""What waits is scored again by the version that serves since: its doubt orders, its guess is shown, nothing leaves."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from annotations import export, review_queue
from annotations.acquisition import rescoring
from annotations.loop import Loop
from annotations.review_queue import claims, content, predictions, retention
from annotations.schema import SampleRow
from annotations.store import Store, labels, samples
from mmdemo.answers import LabelAnswer
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.values.review import ClaimSample
from mmdemo.values.samples import Inputs, Prediction
from tests.unit.annotations import sentiment

SURE, UNSURE = 0.55, 0.35


@dataclass
class Version:
    """Answers as a version would: by caption, "positive" at a set confidence, or what is set."""

    model_version: str = "v2"
    confidence: dict[str, float] = field(default_factory=dict)
    label: str = "negative"
    refuses: str = ""
    asked: list[str] = field(default_factory=list)

    def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
        caption = inputs.text or ""
        self.asked.append(caption)
        if caption == self.refuses:
            raise BadInput("no_speech")
        answer = sentiment.prediction(inputs, self.confidence.get(caption, 0.5), self.model_version)
        shares = {**answer.probabilities, "positive": answer.probabilities[self.label]}
        shares[self.label] = answer.confidence
        located = sentiment.explanation(inputs, self.label)
        if located.image is not None:  # it looks at the other side
            located = replace(located, image=replace(located.image, scores=((0.75, 0.25),)))
        explanation = located if explain == "default" else None
        return replace(answer, answer=LabelAnswer(self.label, shares), explanation=explanation)


def offer(store: Store, caption: str, confidence: float = 0.4, seed: int | None = None, **more: object) -> str:
    sample = sentiment.inputs(caption, seed)
    answer = replace(sentiment.prediction(sample, confidence), **more)
    share = None if answer.reason == "audit" else 0.0  # none judges versions
    return review_queue.offer(store, sentiment.TASK, sample, answer, share=share)[0]


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def waiting(store: Store) -> list[str]:
    with store.reading() as session:
        return [row.caption or "" for row in samples.waiting(session)]


def score(store: Store, version: Version | None = None) -> rescoring.Rescored:
    return rescoring.rescore(store, sentiment.TASK, version or Version())


def test_the_queue_is_ordered_by_the_fresh_doubt_and_nothing_leaves_it(store: Store) -> None:
    ids = {caption: offer(store, caption, confidence) for caption, confidence in (("a", 0.35), ("b", 0.4), ("c", 0.5))}
    before = {caption: row_of(store, ids[caption]) for caption in ids}
    assert waiting(store) == ["a", "b", "c"]
    assert score(store, Version(confidence={"a": 0.99, "b": 0.34, "c": 0.4})) == rescoring.Rescored(scored=3)
    assert waiting(store) == ["b", "c", "a"]  # also what it is sure of by now
    assert claims.claim(store, {sentiment.TASK.name: 0.0}, ClaimSample("Ann", "s" * 32)) == ids["b"]
    for caption, was in before.items():
        row = row_of(store, ids[caption])
        kept = ("prediction", "predicted_value", "confidence", "model_version")
        kept += ("state", "reason", "updated_at", "split_draw")
        assert [getattr(row, name) for name in kept] == [getattr(was, name) for name in kept]
        assert predictions.prediction_of(sentiment.TASK, row) == predictions.prediction_of(sentiment.TASK, was)


def test_the_guess_that_is_shown_is_the_fresh_one_with_its_map(loop: Loop) -> None:
    answer, _ = loop.predict("sentiment", sentiment.inputs("who knows"), "default", True)
    score(loop._store, Version(confidence={"who knows": SURE}))
    [item] = loop.queue("sentiment", 9)
    assert (item.label, item.confidence, item.capped) == ("negative", SURE, False)
    shown = loop.item(answer.sample_id)
    assert (shown.prediction.label, shown.prediction.model_version) == ("negative", "v2")
    assert shown.prediction.explanation is not None and shown.prediction.explanation.target == "negative"
    kept = loop.kept_answer(answer.sample_id, [], reviewer=True)  # its sender reads what was served
    assert kept.prediction == replace(answer, prediction_id=None)
    [line] = map(json.loads, loop.export_queue("sentiment", "jsonl").splitlines())
    assert (line["label"], line["confidence"]) == ("negative", SURE)


def test_a_guess_that_is_only_one_is_shown_as_such(store: Store) -> None:
    sample_id = offer(store, "a")
    with store.session() as session:
        row = samples.get(session, sample_id)
        predictions.score_again(
            sentiment.TASK, row, replace(sentiment.prediction(sentiment.inputs("a"), version="v2"), capped=True)
        )
        session.commit()
    assert predictions.guess_shown(row_of(store, sample_id)).capped
    assert not predictions.guess_served(row_of(store, sample_id)).capped


def test_a_correction_is_of_what_was_served(store: Store) -> None:
    sample_id = offer(store, "a")
    score(store)
    correction = review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann")
    assert (correction.predicted_label, correction.model_version) == ("positive", "v1")


def test_the_mark_of_a_wrong_reason_is_of_the_guess_that_it_is_about(store: Store, tmp_path: Path) -> None:
    ids = [offer(store, caption) for caption in "ab"]
    score(store)
    with pytest.raises(BadInput, match='the model said "negative", not "neutral"'):
        review_queue.correct(store, sentiment.TASKS, ids[0], "neutral", "Ann", wrong_reason=True)
    fresh = review_queue.correct(store, sentiment.TASKS, ids[0], "negative", "Ann", wrong_reason=True)
    sent = review_queue.correct(store, sentiment.TASKS, ids[1], "positive", "Ann", wrong_reason=True)
    assert (fresh.predicted_label, fresh.model_version) == ("negative", "v2")
    assert (sent.predicted_label, sent.model_version) == ("positive", "v1")
    export.write_folder(store, [sentiment.TASK.name], tmp_path)
    assert export.read_manifest(store, sentiment.TASK, tmp_path / "sentiment.jsonl").known == 2  # not refused


def test_going_back_shows_what_was_served_again_without_asking_anybody(store: Store) -> None:
    offer(store, "a", 0.35)
    second = offer(store, "b", 0.4)
    before = row_of(store, second)
    score(store, Version(confidence={"a": 0.9, "b": 0.4}))
    assert waiting(store) == ["b", "a"]
    back = Version("v1")
    assert score(store, back).scored == 2 and back.asked == []
    row = row_of(store, second)
    assert (row.fresh_prediction, row.scored_by, row.doubt) == (None, "v1", before.doubt)
    assert waiting(store) == ["a", "b"]


def test_a_second_run_has_nothing_to_do_and_a_later_version_all(store: Store) -> None:
    offer(store, "a")
    assert (score(store).scored, score(store).scored) == (1, 0)
    assert score(store, Version("v3")).scored == 1
    offer(store, "late")  # answered by the version before, just when another one came to serve
    again = Version("v3")
    assert score(store, again).scored == 1 and again.asked == ["late"]


def test_what_is_asked_at_random_answered_or_an_apps_own_is_left_as_it_is(store: Store) -> None:
    offer(store, "audit", 0.9, flagged=True, reason="audit")
    answered = offer(store, "answered")
    review_queue.correct(store, sentiment.TASKS, answered, "neutral", "Ann")
    sample = sentiment.inputs("an app's")
    answer = sentiment.prediction(sample, version="its own model")
    review_queue.offer(store, sentiment.TASK, sample, answer, holder=content.Holder.FLAGGING)
    offer(store, "surely", 0.9)  # leaves a row without inputs
    skipped = offer(store, "skipped")
    review_queue.skip(store, skipped, "Ann")
    version = Version()
    assert score(store, version) == rescoring.Rescored(scored=1)
    assert version.asked == ["skipped"]  # which is asked about again, after all that wait
    assert row_of(store, skipped).state == "skipped"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_what_cannot_be_read_is_named_and_waits_with_the_guess_that_it_has(store: Store, damage) -> None:
    lost, refused, _ = (offer(store, caption, seed=seed) for seed, caption in enumerate(("lost", "no", "whole")))
    name = row_of(store, lost).image
    damage(store.media / name)
    rescored = score(store, Version(refuses="no"))
    assert rescored.scored == 1
    left_out = {one.sample_id: (one.file, one.why and one.why.key) for one in rescored.left_out}
    assert left_out == {lost: (name, None), refused: (row_of(store, refused).image, "no_speech")}
    assert predictions.guess_shown(row_of(store, lost)).model_version == "v1"
    assert len(waiting(store)) == 3
    assert {one.sample_id for one in score(store).left_out} == {lost}  # tried again, in case it was mended


def test_one_that_breaks_off_is_finished_by_the_next(store: Store) -> None:
    for number in range(rescoring.BATCH + 9):
        offer(store, f"caption {number}")

    class Dying(Version):
        def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
            if len(self.asked) == rescoring.BATCH + 3:
                raise KeyboardInterrupt
            return super().predict_inputs(inputs, explain)

    with pytest.raises(KeyboardInterrupt):
        score(store, Dying())
    rest = Version()
    assert score(store, rest).scored == 9 == len(rest.asked)
    assert score(store).scored == 0


def test_what_changes_while_it_is_scored_is_not_written_over(store: Store) -> None:
    sample = sentiment.inputs("gone")
    gone, prediction_id = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    answered = offer(store, "answered")

    class Slow(Version):
        def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
            if inputs.text == "gone":
                retention.forget(store, prediction_id)
            else:
                review_queue.correct(store, sentiment.TASKS, answered, "neutral", "Ann")
            return super().predict_inputs(inputs, explain)

    assert score(store, Slow()).scored == 0
    assert [row_of(store, name).fresh_prediction for name in (gone, answered)] == [None, None]


def test_the_fresh_guess_goes_with_what_was_sent(store: Store, config: Settings) -> None:
    sample = sentiment.inputs("my zanzibar secret")
    sample_id, prediction_id = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    score(store)
    assert "zanzibar" in json.dumps(row_of(store, sample_id).fresh_prediction)
    retention.forget(store, prediction_id)
    row = row_of(store, sample_id)
    assert (row.fresh_prediction, row.scored_by) == (None, "v1")
    assert not [path for path in config.home.rglob("*") if path.is_file() and b"zanzibar" in path.read_bytes()]
    offer(store, "my zanzibar secret")  # sent again: the answer that is served now counts
    assert predictions.guess_shown(row_of(store, sample_id)) == predictions.guess_served(row_of(store, sample_id))


def test_an_import_that_was_taken_back_gets_a_guess(store: Store, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps({"id": "1", "text": "imported", "label": "neutral"}) + "\n")
    export.read_manifest(store, sentiment.TASK, tmp_path / "m.jsonl")
    with store.session() as session:
        [one] = labels.corrections(session)
        row = samples.get(session, one.correction.sample_id)
        review_queue.move(session, row, "undo")
        session.commit()
    assert score(store).scored == 1
    assert predictions.guess_shown(row_of(store, one.correction.sample_id)).value == "negative"


def test_a_task_that_nothing_serves_is_left_alone(store: Store, config: Settings) -> None:
    offer(store, "a")
    unserved = replace(sentiment.TASK, name="unserved")
    assert rescoring.run(store, config, unserved) == rescoring.Rescored()
