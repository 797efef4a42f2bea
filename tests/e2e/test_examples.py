"""The shipped models answer the examples rightly and surely, and doubt the one that is meant to be doubtful."""

import pytest

from mmdemo import Predictor, Sample, tasks
from mmdemo.samples import Prediction
from mmdemo.tasks import Example

SHIPPED = tasks.load_all()


@pytest.fixture(scope="module", params=list(SHIPPED))
def answers(request: pytest.FixtureRequest) -> list[tuple[Example, Prediction]]:
    predictor = Predictor(request.param)
    examples = SHIPPED[request.param].examples
    return [(e, predictor.predict(Sample(image=e.image, text=e.text, audio=e.audio))) for e in examples]


def test_the_plain_ones_are_answered_rightly_and_surely(answers: list[tuple[Example, Prediction]]) -> None:
    plain = [(example, answer) for example, answer in answers if not example.doubtful]
    assert [(e.text or e.audio, a.label, a.confidence) for e, a in plain if a.label != e.expected or a.flagged] == []


def test_the_doubtful_one_is_flagged(answers: list[tuple[Example, Prediction]]) -> None:
    assert [e.text for e, a in answers if e.doubtful and a.reason != "low_confidence"] == []
