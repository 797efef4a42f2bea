"""A prediction comes back from the database as it was served, one from before maps were signed too."""

from annotations import served
from annotations.schema import SampleRow
from mmdemo.samples import Inputs
from tests.unit.annotations import given


def test_what_is_stored_comes_back() -> None:
    answer = given.prediction(Inputs(text="a grey dog"))
    assert served.prediction_of(SampleRow(prediction=served.stored(answer, content=True))) == answer


def test_an_explanation_of_an_earlier_day_says_nothing_of_signs() -> None:
    raw = served.stored(given.prediction(Inputs(text="a grey dog")), content=True)
    earlier = {name: value for name, value in raw["explanation"].items() if name not in ("against", "signed")}
    found = served.prediction_of(SampleRow(prediction={**raw, "explanation": earlier})).explanation
    assert found is not None and (found.against, found.signed) == (None, False)
