"""What is usual, and how far away usual samples lie that the statistics have not seen."""

import numpy as np
import pytest

from mmdemo.checks.out_of_distribution import distance
from mmdemo.training.calibration.reference_stats import FEWEST, fit, fit_references, left_out_distances, limit


def cloud(n: int, seed: int = 0, dim: int = 48) -> np.ndarray:
    """Return features (n, dim) that vary much along few directions and little along the rest."""
    noise = np.random.default_rng(seed)
    return noise.standard_normal((n, dim)) * np.geomspace(5, 0.05, dim) + np.linspace(-3, 3, dim)


def test_with_all_directions_and_many_samples_it_is_the_mahalanobis_distance() -> None:
    features = cloud(5_000, dim=8)
    centred = features - features.mean(axis=0)
    precision = np.linalg.inv(centred.T @ centred / (len(features) - 1))
    squared = np.einsum("nd,de,ne->n", centred, precision, centred)
    ours = distance(fit(features), features) ** 2
    np.testing.assert_allclose(ours * 9, squared, rtol=0.15)  # 8 directions and an empty rest; a little is shrunk
    assert np.corrcoef(ours, squared)[0, 1] > 0.99


def test_the_limit_lets_that_share_of_unseen_usual_samples_through() -> None:
    stats = fit(cloud(2_000))
    counted = limit(distance(stats, cloud(2_000, seed=1)))
    unseen = distance(stats, cloud(4_000, seed=2)) > counted
    assert 0.003 < unseen.mean() < 0.02


@pytest.mark.parametrize("n", [FEWEST, 50, 99])
def test_of_few_samples_unseen_ones_of_their_kind_are_usual_and_others_strange(n: int) -> None:
    """Where the fit is asked about its own samples, many unseen ones lie beyond them all."""
    usual, strange, naive = [], [], []
    for seed in range(8):
        features = cloud(n, seed, dim=128)
        references = fit_references({"image": features}, {})["image"]
        unseen = distance(references.stats, cloud(200, 1_000 + seed, dim=128))
        usual.append((unseen > references.limit).mean())
        naive.append((unseen > np.quantile(distance(references.stats, features), 0.99)).mean())
        other = 4 * cloud(200, 2_000 + seed, dim=128)[:, ::-1]  # farther, along other directions
        strange.append((distance(references.stats, other) > references.limit).mean())
    assert np.mean(usual) < 0.02 < 0.1 < np.mean(naive)
    assert np.mean(strange) > 0.95


def test_the_fewer_they_are_the_wider_the_limit() -> None:
    draw = np.random.default_rng(0)
    limits = [np.mean([limit(np.exp(draw.normal(scale=0.2, size=n))) for _ in range(50)]) for n in (10, 30, 100, 5_000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == pytest.approx(np.exp(0.2 * 2.326), rel=0.03)


def test_a_limit_of_few_lets_99_in_100_through_nineteen_times_in_twenty() -> None:
    """The tolerance factors of the tables: 3.981 for ten samples, 2.684 for a hundred."""
    for n, factor in ((10, 3.981), (100, 2.684)):
        logs = np.random.default_rng(n).normal(size=n)
        standard = (logs - logs.mean()) / logs.std(ddof=1)
        assert np.log(limit(np.exp(standard))) == pytest.approx(max(factor, standard.max()), abs=2e-3)


def test_too_few_samples_carry_no_limit() -> None:
    references = fit_references({"image": cloud(FEWEST - 1), "text": cloud(FEWEST)}, {"image": cloud(200, seed=1)})
    assert references["image"].limit is None and references["image"].samples == FEWEST - 1
    assert references["text"].limit is not None


def test_many_samples_set_aside_say_alone_what_is_usual() -> None:
    """Encoders pull together what they learn from: distances among those samples say nothing of others."""
    train_cloud, aside = cloud(100), 2 * cloud(150, seed=1)
    few, many = (fit_references({"image": train_cloud}, {"image": aside[:n]})["image"] for n in (20, 150))
    assert many.limit == limit(distance(many.stats, aside))
    assert few.limit != limit(distance(few.stats, aside[:20]))


@pytest.mark.parametrize("n", [2, 3, 9, 25])
def test_each_sample_is_compared_with_the_others_alone(n: int) -> None:
    features = cloud(n)
    assert left_out_distances(features).shape == (n,)
    moved = features.copy()
    moved[0] += 1_000
    assert left_out_distances(moved)[0] > 100


@pytest.mark.parametrize("direction", [0, 20, 47])
def test_far_along_any_direction_is_far(direction: int) -> None:
    stats, usual = fit(cloud(2_000)), cloud(500, seed=1)
    strange = usual.copy()
    strange[:, direction] += 60 * np.geomspace(5, 0.05, 48)[direction]
    assert np.median(distance(stats, strange)) > limit(distance(stats, usual))


def test_one_or_two_training_samples_do_not_break_it() -> None:
    for n in (1, 2):
        assert np.isfinite(distance(fit(cloud(n)), cloud(3))).all()
