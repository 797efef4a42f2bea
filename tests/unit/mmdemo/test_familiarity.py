"""Distances from what training saw, and answers that claim less."""

from pathlib import Path

import numpy as np
import pytest

from mmdemo import familiarity
from mmdemo.errors import CheckpointError


def cloud(n: int, seed: int = 0, dim: int = 48) -> np.ndarray:
    """Return features (n, dim) that vary much along few directions and little along the rest."""
    noise = np.random.default_rng(seed)
    return noise.standard_normal((n, dim)) * np.geomspace(5, 0.05, dim) + np.linspace(-3, 3, dim)


def test_with_all_directions_it_is_the_mahalanobis_distance() -> None:
    features = cloud(500, dim=8)
    centred = features - features.mean(axis=0)
    precision = np.linalg.inv(centred.T @ centred / (len(features) - 1))
    squared = np.einsum("nd,de,ne->n", centred, precision, centred)
    found = familiarity.distance(familiarity.fit(features), features) ** 2
    np.testing.assert_allclose(found * 9, squared, rtol=0.01, atol=0.02)  # 8 directions and an empty rest


def test_the_limit_lets_that_share_of_unseen_usual_samples_through() -> None:
    stats = familiarity.fit(cloud(2_000))
    limit = familiarity.limit(stats, cloud(2_000, seed=1), quantile=0.99)
    unseen = familiarity.distance(stats, cloud(4_000, seed=2)) > limit
    assert 0.003 < unseen.mean() < 0.02


@pytest.mark.parametrize("direction", [0, 20, 47])
def test_far_along_any_direction_is_far(direction: int) -> None:
    stats, usual = familiarity.fit(cloud(2_000)), cloud(500, seed=1)
    strange = usual.copy()
    strange[:, direction] += 60 * np.geomspace(5, 0.05, 48)[direction]
    assert np.median(familiarity.distance(stats, strange)) > familiarity.limit(stats, usual)


def test_one_or_two_training_samples_do_not_break_it() -> None:
    for n in (1, 2):
        assert np.isfinite(familiarity.distance(familiarity.fit(cloud(n)), cloud(3))).all()


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    stats = {"image": familiarity.fit(cloud(50)), "text": familiarity.fit(cloud(60, seed=1))}
    familiarity.save(tmp_path, stats)
    loaded = familiarity.load(tmp_path)
    assert set(loaded) == set(stats)
    for name, item in stats.items():
        np.testing.assert_array_equal(
            familiarity.distance(loaded[name], cloud(9)), familiarity.distance(item, cloud(9))
        )


def test_a_version_without_statistics_has_none_and_a_broken_file_is_refused(tmp_path: Path) -> None:
    assert familiarity.load(tmp_path) == {}
    (tmp_path / familiarity.FILE).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError):
        familiarity.load(tmp_path)


@pytest.mark.parametrize("probabilities", [[0.9, 0.1], [0.99, 0.005, 0.005], [0.2, 0.7, 0.1], [0.0, 1.0]])
@pytest.mark.parametrize("threshold", [0.55, 0.6, 0.9])
def test_pulled_probabilities_lie_under_the_threshold_and_keep_their_order(
    probabilities: list[float], threshold: float
) -> None:
    given = np.array(probabilities)
    found = familiarity.pulled(given, threshold)
    assert found.max() < threshold and found.sum() == pytest.approx(1) and found.min() >= 0
    assert (
        found.argmax() == given.argmax()
        and (np.sign(np.subtract.outer(found, found)) == np.sign(np.subtract.outer(given, given))).all()
    )


def test_those_under_the_threshold_stay_as_they_are() -> None:
    given = np.array([0.5, 0.3, 0.2])
    np.testing.assert_array_equal(familiarity.pulled(given, 0.6), given)


def test_a_threshold_below_an_even_guess_gives_nearly_that_guess() -> None:
    found = familiarity.pulled(np.array([0.9, 0.1]), 0.3)
    np.testing.assert_allclose(found, 0.5, atol=1e-5)
    assert found.argmax() == 0
