"""A prediction comes back from the database as it was served, one from before maps were signed too."""

from annotations import served
from annotations.schema import SampleRow
from mmdemo.samples import Inputs
from tests.unit.annotations import given


def test_what_is_stored_comes_back() -> None:
    answer = given.prediction(Inputs(text="a grey dog"))
    assert (
        served.prediction_of(SampleRow(sample_id=answer.sample_id, prediction=served.stored(answer, content=True)))
        == answer
    )


def test_what_was_unfamiliar_before_guesses_were_named_was_one() -> None:
    raw = served.stored(given.prediction(Inputs(text="a grey dog")), content=True)
    earlier = {name: value for name, value in raw.items() if name != "capped"}
    for reason, capped in (("unfamiliar", True), ("low_confidence", False), (None, False)):
        row = SampleRow(prediction={**earlier, "reason": reason})
        assert (served.prediction_of(row).capped, served.guess_shown(row).capped) == (capped, capped)
    assert served.guess_shown(SampleRow(prediction={**raw, "reason": "disputed", "capped": True})).capped
    assert not served.guess_shown(SampleRow(prediction=None)).capped  # nobody predicted what was imported


def test_an_explanation_of_an_earlier_day_says_nothing_of_signs() -> None:
    raw = served.stored(given.prediction(Inputs(text="a grey dog")), content=True)
    earlier = {name: value for name, value in raw["explanation"].items() if name not in ("against", "signed")}
    found = served.prediction_of(SampleRow(prediction={**raw, "explanation": earlier})).explanation
    assert found is not None and (found.against, found.signed) == (None, False)
