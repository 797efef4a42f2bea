"""Of a model that looks at one region, word or moment alone, every method says so."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mmdemo import explain
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation
from tests import planted, tiny
from tests.unit.mmdemo.model.conftest import Built

MOST = 0.6  # share of all scores' magnitudes that the planted place has at least


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return planted.build(tmp_path_factory.mktemp("planted"))


def scores(explanation: Explanation) -> dict[str, Sequence[float]]:
    return Layout.of(explanation).split(scores_of(explanation))


@pytest.mark.parametrize("method", explain.METHODS)
@pytest.mark.parametrize(
    ("modality", "name", "place"), [("image", "cell", 6), ("text", "word", 2), ("audio", "moment", 3)]
)
@pytest.mark.slow
def test_the_only_place_that_counts_is_found(built: Built, method: str, modality: str, name: str, place: int) -> None:
    aimed = tiny.passed(built, planted.inputs(**{name: place}), "good")
    by_place = scores(explain.explain(method, aimed))
    whole = sum(abs(score) for some in by_place.values() for score in some)
    assert by_place[modality][place] > MOST * whole


@pytest.mark.parametrize("method", [name for name in explain.METHODS if name not in ("attention", "rollout")])
def test_what_speaks_for_one_of_two_labels_speaks_against_the_other(built: Built, method: str) -> None:
    by_place = scores(explain.explain(method, tiny.passed(built, planted.inputs(word=2), "bad")))
    assert by_place["text"][2] < -MOST * sum(abs(score) for some in by_place.values() for score in some)


def test_what_was_planted_is_what_decides(built: Built, tmp_path: Path) -> None:
    for name, place in (("cell", 6), ("word", 2), ("moment", 3)):
        aimed = tiny.passed(built, planted.inputs(**{name: place}), "good")
        nothing = tiny.passed(built, planted.inputs(), "good")
        assert aimed.output.logits[0, 1] > nothing.output.logits[0, 1] + 1
