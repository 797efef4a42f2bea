"""What lies beyond its limit is strange, and an answer to it claims less."""

from pathlib import Path

import numpy as np
import pytest

from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import ReferenceStats, cap_confidence, distance, strange
from mmdemo.errors import CheckpointError


def stats(dim: int = 6, seed: int = 0) -> ReferenceStats:
    """Return statistics of unit variance along two directions, and of variance 4 in the rest together."""
    directions = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0][:2]
    return ReferenceStats(np.full(dim, 3.0), directions, np.array([1.0, 1.0, 2.0]))


def test_distance_on_paper() -> None:
    own = ReferenceStats(np.zeros(4), np.eye(4)[:2], np.array([1.0, 2.0, 5.0]))
    # along: 2 / 1 and 4 / 2; across: the length of (6, 8) is 10, by 5: the mean of 4, 4 and 4
    np.testing.assert_allclose(distance(own, np.array([[2.0, 4.0, 6.0, 8.0], [0.0, 0.0, 0.0, 0.0]])), [2.0, 0.0])


def test_a_modality_without_statistics_or_without_a_limit_is_never_strange() -> None:
    far = np.full((2, 6), [[3.0], [90.0]])
    features = {"image": far, "text": far, "audio": far}
    beyond = strange(features, {"image": stats(), "text": stats()}, {"image": 2.0, "audio": 2.0})
    assert set(beyond) == {"image"} and beyond["image"].tolist() == [False, True]


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    saved = {"image": stats(), "text": stats(9, seed=1)}
    out_of_distribution.save(tmp_path, saved)
    loaded = out_of_distribution.load(tmp_path)
    assert set(loaded) == set(saved)
    for name, item in saved.items():
        features = np.random.default_rng(2).standard_normal((9, len(item.mean)))
        np.testing.assert_array_equal(distance(loaded[name], features), distance(item, features))


def test_a_version_without_statistics_has_none_and_a_broken_file_is_refused(tmp_path: Path) -> None:
    assert out_of_distribution.load(tmp_path) == {}
    (tmp_path / out_of_distribution.FILE).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError):
        out_of_distribution.load(tmp_path)


@pytest.mark.parametrize("probabilities", [[0.9, 0.1], [0.99, 0.005, 0.005], [0.2, 0.7, 0.1], [0.0, 1.0]])
@pytest.mark.parametrize("threshold", [0.55, 0.6, 0.9])
def test_capped_probabilities_lie_under_the_threshold_and_keep_their_order(
    probabilities: list[float], threshold: float
) -> None:
    plain = np.array(probabilities)
    capped = cap_confidence(plain, threshold)
    assert capped.max() < threshold and capped.sum() == pytest.approx(1) and capped.min() >= 0
    assert (
        capped.argmax() == plain.argmax()
        and (np.sign(np.subtract.outer(capped, capped)) == np.sign(np.subtract.outer(plain, plain))).all()
    )


def test_those_under_the_threshold_stay_as_they_are() -> None:
    plain = np.array([0.5, 0.3, 0.2])
    np.testing.assert_array_equal(cap_confidence(plain, 0.6), plain)


def test_a_threshold_below_an_even_guess_gives_nearly_that_guess() -> None:
    capped = cap_confidence(np.array([0.9, 0.1]), 0.3)
    np.testing.assert_allclose(capped, 0.5, atol=1e-5)
    assert capped.argmax() == 0


def test_what_is_no_number_is_strange() -> None:
    assert strange({"image": np.full((1, 6), np.nan)}, {"image": stats()}, {"image": 2.0})["image"].tolist() == [True]
