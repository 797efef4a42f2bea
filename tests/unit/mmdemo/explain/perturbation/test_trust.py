"""A map is trusted where it names what a planted model looks at, and nowhere else."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmdemo import explain
from mmdemo.explain import AimedPass
from mmdemo.explain.perturbation.trust import SHARES, trust
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation, Inputs, to_json
from mmdemo.versions.temperature_scaling import TemperatureScaling
from tests import planted, tiny
from tests.unit.mmdemo.model.conftest import Built

PLACES = [("cell", 6), ("word", 2), ("moment", 3)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return planted.build(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def aimed(built: Built) -> AimedPass:
    return tiny.passed(built, planted.inputs(word=2), "good")


def changed(explanation: Explanation, score: Callable[[float], float]) -> Explanation:
    """Return a map whose every score is another."""
    scores = list(map(score, scores_of(explanation)))
    return Layout.of(explanation).explanation(explanation.method, explanation.target, scores, signed=explanation.signed)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_map_that_names_what_matters_is_better_than_random(built: Built, name: str, place: int) -> None:
    aimed = tiny.passed(built, planted.inputs(**{name: place}), "good")
    explanation = trust(aimed, explain.explain("relevance", aimed))
    assert explanation.verdict == "better" and explanation.score > 0.05 and explanation.as_good <= 1
    assert explanation.map[1] < explanation.random[1]
    assert (explanation.random[0], explanation.random[-1]) == pytest.approx((explanation.map[0], explanation.map[-1]))


@pytest.mark.parametrize("score", [lambda score: -score, lambda score: 0.5])
@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_reversed_or_a_constant_map_is_no_better(
    built: Built, name: str, place: int, score: Callable[[float], float]
) -> None:
    aimed = tiny.passed(built, planted.inputs(**{name: place}), "good")
    explanation = trust(aimed, changed(explain.explain("relevance", aimed), score))
    assert explanation.verdict == "no_better" and 1 <= explanation.as_good <= explanation.orders


def test_a_map_of_a_model_that_looks_at_nothing_is_no_better(built: Built) -> None:
    aimed = tiny.passed(built, Inputs(text="the dog is smiling the cat the dog is a cat"), "good")
    assert trust(aimed, explain.explain("attention", aimed)).verdict == "no_better"


def test_maps_of_few_units_are_not_judged(built: Built) -> None:
    aimed = tiny.passed(built, Inputs(text="a good dog"), "good")
    assert trust(aimed, explain.explain("relevance", aimed)).verdict == "too_few"


def test_the_same_sample_is_judged_the_same_and_another_in_other_orders(built: Built, aimed: AimedPass) -> None:
    explained = explain.explain("relevance", aimed)
    assert trust(aimed, explained) == trust(aimed, explained)
    other = tiny.passed(built, planted.inputs(word=3), "good")
    assert trust(other, explain.explain("relevance", other)).seed != trust(aimed, explained).seed


def test_the_curves_begin_at_the_probability_that_is_served(aimed: AimedPass) -> None:
    assert aimed.output.logits is not None
    explanation = trust(replace(aimed, scaling=TemperatureScaling(2.0)), explain.explain("relevance", aimed))
    assert explanation.map[0] == pytest.approx(float((aimed.output.logits / 2.0).softmax(dim=1)[0, 1]), abs=1e-5)


def test_it_becomes_json(aimed: AimedPass) -> None:
    explanation = trust(aimed, explain.explain("relevance", aimed))
    back = json.loads(json.dumps(to_json(explanation)))
    assert back["shares"] == list(SHARES) and back["verdict"] == "better" and back["map"] == list(explanation.map)
