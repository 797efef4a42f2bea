"""A prediction comes back from the database as it was served, one from before maps were signed too."""

from annotations.review_queue import predictions
from annotations.schema import SampleRow
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment


def test_what_is_stored_comes_back() -> None:
    answer = sentiment.prediction(Inputs(text="a grey dog"))
    row = SampleRow(sample_id=answer.sample_id, prediction=predictions.stored(answer, content=True))
    assert predictions.prediction_of(sentiment.TASK, row) == answer
    assert predictions.explanation_shown(row) == answer.explanation


def test_of_a_row_that_nobody_predicted_the_kind_is_the_tasks_and_nothing_else_is_known() -> None:
    row = sentiment.row()
    prediction = predictions.prediction_shown(sentiment.TASK, row)
    assert (prediction.kind, prediction.label, prediction.probabilities) == (sentiment.TASK.kind, "positive", {})
    assert predictions.explanation_shown(row) is None


def test_a_guess_agrees_with_a_value_where_it_is_one_of_the_tasks_and_as_good() -> None:
    guesses = ("positive", "neutral", "", "of another day")
    assert [predictions.agrees(sentiment.TASK, guess, "positive") for guess in guesses] == [True, False, False, False]


def test_what_was_unfamiliar_before_guesses_were_named_was_one() -> None:
    raw = predictions.stored(sentiment.prediction(Inputs(text="a grey dog")), content=True)
    earlier = {name: value for name, value in raw.items() if name != "capped"}
    for reason, capped in (("unfamiliar", True), ("low_confidence", False), (None, False)):
        row = SampleRow(prediction={**earlier, "reason": reason})
        assert (predictions.prediction_of(sentiment.TASK, row).capped, predictions.guess_shown(row).capped) == (
            capped,
            capped,
        )
    assert predictions.guess_shown(SampleRow(prediction={**raw, "reason": "disputed", "capped": True})).capped
    assert not predictions.guess_shown(SampleRow(prediction=None)).capped  # nobody predicted what was imported


def test_an_explanation_of_an_earlier_day_says_nothing_of_signs() -> None:
    raw = predictions.stored(sentiment.prediction(Inputs(text="a grey dog")), content=True)
    earlier = {name: value for name, value in raw["explanation"].items() if name not in ("against", "signed")}
    explanation = predictions.prediction_of(
        sentiment.TASK, SampleRow(prediction={**raw, "explanation": earlier})
    ).explanation
    assert explanation is not None and (explanation.against, explanation.signed) == (None, False)
