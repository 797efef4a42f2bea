"""In Review, too, a guess about what the model never met is no more than that."""

from collections.abc import Callable

import pytest

from tests.e2e.review.conftest import Annotator, Waiting, seed_again
from tests.serving import Server

STRANGE = Waiting("Eine traurige Frau am Fenster", 0.59, reason="unfamiliar")


@pytest.fixture
def app(app: Server) -> Server:
    return seed_again(app, [STRANGE])


def test_the_model_only_guessed_and_no_percentage_is_shown(app: Server, annotator: Callable[..., Annotator]) -> None:
    person = annotator(app.url)
    person.sees(STRANGE.caption)
    assert "only a guess" in person.page.inner_text(".mm-rv-accept")
    assert "59" not in person.page.inner_text(".mm-part:has(.mm-rv-row)")
    assert "only a guess" in person.page.inner_text(".mm-rv-row")
    person.press("3")
    person.is_told("You said positive; the model had guessed negative, only a guess.")
