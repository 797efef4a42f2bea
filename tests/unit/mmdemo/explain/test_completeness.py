"""A map agrees with what decided the answer: a modality's scores sum to its effect, and keep signs and order."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmdemo import explain
from mmdemo.explain import AimedPass, shared_out
from mmdemo.explain.shapley import contributions
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalModel
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import MODALITIES, Explanation
from mmdemo.versions.temperature_scaling import TemperatureScaling
from tests import tiny

MODELS, SAMPLES = 4, 4
TARGETS = [ExplanationTarget("good"), ExplanationTarget("odd", "bad")]


def by_modality(explained: Explanation) -> dict[str, np.ndarray]:
    return {name: np.array(scores) for name, scores in Layout.of(explained).split(scores_of(explained)).items()}


def random_scores() -> Iterator[tuple[list[float], float]]:
    """Yield scores on both sides of 0, some of them 0, and an effect."""
    draw = np.random.default_rng(0)
    for _ in range(500):
        scores = draw.standard_normal(draw.integers(2, 60)) * 10 ** draw.uniform(-6, 2)
        scores[draw.random(len(scores)) < 0.2] = 0
        scores[:2] = abs(scores[0]) + 1e-9, -abs(scores[1]) - 1e-9
        yield draw.permutation(scores).tolist(), float(draw.uniform(-1, 1))


def test_scores_sum_to_the_effect_and_keep_sign_and_order() -> None:
    for scores, effect in random_scores():
        shared = shared_out(scores, effect)
        assert sum(shared) == pytest.approx(effect, abs=1e-9)
        assert np.sign(shared).tolist() == np.sign(scores).tolist()
        ranks = np.argsort(scores, kind="stable")
        assert (np.diff(np.array(shared)[ranks]) >= 0).all()
        assert abs(effect) <= sum(map(abs, shared)) <= abs(effect) * 2**0.5 + 1e-9


def test_of_all_that_keep_signs_and_sum_they_are_nearest_by_divergence() -> None:
    def divergence(shared: np.ndarray, scores: np.ndarray) -> float:
        return float((np.abs(shared) * np.log(shared / scores) - np.abs(shared) + np.abs(scores)).sum())

    scores, effect = np.array([0.5, 0.2, -0.4, -0.1]), 0.3
    scores *= abs(effect) / np.abs(scores).sum()
    best = np.array(shared_out(scores.tolist(), effect))
    draw = np.random.default_rng(0)
    for _ in range(200):
        away = draw.standard_normal(4) * 0.003
        other = best + away - away.mean()  # sums to the effect too
        assert divergence(best, scores) < divergence(other, scores)


@pytest.mark.parametrize(
    ("scores", "effect", "shared"),
    [
        ([3.0, 1.0], 0.4, [0.3, 0.1]),  # all speak the effect's way
        ([-3.0, -1.0], -0.4, [-0.3, -0.1]),
        ([3.0, 1.0, 0.0], -0.2, [0.15 - 0.4 / 3, 0.05 - 0.4 / 3, -0.4 / 3]),  # none does: even shares, the order stays
        ([0.0, 0.0], -0.2, [-0.1, -0.1]),
        ([2.0], -0.2, [-0.2]),
        ([2.0, -1.0], 0.0, [0.0, 0.0]),
        ([], 0.3, []),
    ],
)
def test_where_units_are_on_one_side(scores: list[float], effect: float, shared: list[float]) -> None:
    assert shared_out(scores, effect) == pytest.approx(shared)


@pytest.fixture(scope="module", params=range(MODELS))
def passes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[AimedPass]:
    """Samples of every kind behind a random model, some of whose logits are scaled."""
    folder = tmp_path_factory.mktemp("random")
    torch.manual_seed(request.param)
    model, processor = MultimodalModel.build(tiny.task(folder, labels=("bad", "good", "odd")), tiny.starts(folder))
    nn.init.normal_(model.fusion.answer)
    nn.init.normal_(model.head.out.weight)
    built = model.eval(), processor
    subsets = [MODALITIES, ("image", "text"), ("text", "audio"), ("text",)]
    scaled = TemperatureScaling(1.3, 0.2) if request.param % 2 else TemperatureScaling()
    return [
        replace(tiny.passed(built, tiny.inputs(seed, subsets[seed], 0.3), "good"), scaling=scaled)
        for seed in range(SAMPLES)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("method", explain.COMPLETE)
def test_a_maps_scores_sum_to_what_each_modality_added_and_none_changes_sides(
    passes: list[AimedPass], method: str
) -> None:
    for aimed in passes:
        for target in TARGETS:
            aimed = replace(aimed, target=target.value, against=target.against)
            effects = contributions(aimed).values
            shown = by_modality(explain.explain(method, aimed))
            raw = by_modality(explain.METHODS[method](aimed, [target])[0])
            assert set(shown) == set(effects)
            for name, scores in shown.items():
                assert scores.sum() == pytest.approx(effects[name], abs=1e-6)
                ranks = np.argsort(raw[name], kind="stable")
                assert (np.diff(scores[ranks]) >= -1e-12).all()
                if (raw[name] * effects[name] > 0).any():  # some unit speaks the effect's way
                    assert (scores * raw[name] >= 0).all()


@pytest.mark.slow
def test_maps_that_are_read_together_sum_to_what_each_question_is_answered_by(passes: list[AimedPass]) -> None:
    for method, maps in explain.every(passes[0], TARGETS).items():
        for target, explained in zip(TARGETS, maps, strict=True):
            if method in explain.COMPLETE:
                effects = contributions(replace(passes[0], target=target.value, against=target.against)).values
                sums = {name: scores.sum() for name, scores in by_modality(explained).items()}
                assert sums == pytest.approx(effects, abs=1e-6)
