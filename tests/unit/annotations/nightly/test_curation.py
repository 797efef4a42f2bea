"""What a night leaves out of its training, on drawn worlds: planted wrong labels, and planted copies."""

from pathlib import Path

import numpy as np
import pytest

from annotations.nightly import curation
from annotations.nightly.dataset import Snapshot, Split
from mmdemo.training.manifests import Row
from mmdemo.training.representations import Representations
from mmdemo.values.samples import Sample
from tests.unit.annotations.sentiment import TASK

LABELS = ("negative", "neutral", "positive")


def rows(labels: np.ndarray) -> list[Row]:
    return [Row(f"{place:064x}", Sample(text=f"caption {place}"), LABELS[label]) for place, label in enumerate(labels)]


def world(number: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features (n, 8), labels (n,) of which a share is wrong, and which those are (n,) bool."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, len(LABELS), number)
    features = draw.normal(size=(number, 8)) + 4 * np.eye(8)[truth]
    wrong = draw.random(number) < share
    return features, np.where(wrong, (truth + draw.integers(1, 3, number)) % 3, truth), wrong


def represented(**whitened: np.ndarray) -> Representations:
    unit = {
        name: each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-9) for name, each in whitened.items()
    }
    return Representations(np.zeros((len(next(iter(unit.values()))), 4)), unit)


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_planted_wrong_labels_are_suspected(share: float) -> None:
    features, labels, wrong = world(400, share)
    suspected = curation.label_suspicions(TASK, rows(labels), features) > 0
    assert (suspected & wrong).sum() / suspected.sum() > 0.9
    assert (suspected & wrong).sum() / wrong.sum() > 0.6


def test_where_no_label_is_wrong_hardly_any_is_suspected() -> None:
    features, labels, _ = world(400, 0.0)
    assert (curation.label_suspicions(TASK, rows(labels), features) > 0).mean() < 0.02


def test_a_head_that_learned_nothing_suspects_nobody() -> None:
    """Features that say nothing of the labels: that no other answer fits is then the features' fault."""
    draw = np.random.default_rng(0)
    assert not curation.label_suspicions(TASK, rows(draw.integers(0, 3, 200)), draw.normal(size=(200, 8))).any()


@pytest.mark.parametrize("labels", [np.zeros(100, int), np.array([0, 1] * 10), np.array([0] * 96 + [1] * 4)])
def test_nobody_is_suspected_where_too_little_is_known(labels: np.ndarray) -> None:
    assert not curation.label_suspicions(
        TASK, rows(labels), np.random.default_rng(0).normal(size=(len(labels), 4))
    ).any()


def test_a_rare_label_is_not_suspected_and_the_others_are() -> None:
    features, labels, _ = world(300, 0.1)
    rare = labels == 2
    keep = np.flatnonzero(~rare | (np.cumsum(rare) < curation.FOLDS))
    suspicions = curation.label_suspicions(TASK, rows(labels[keep]), features[keep])
    assert not suspicions[labels[keep] == 2].any() and suspicions.any()


def test_copies_are_those_that_are_near_in_every_modality() -> None:
    draw = np.random.default_rng(0)
    image, text = draw.normal(size=(6, 32)), draw.normal(size=(6, 32))
    image[3], text[3] = image[0] + 0.01 * draw.normal(size=32), text[0]  # a copy of both
    image[4] = image[1]  # the same picture under another caption
    image[5], text[5] = image[2], 0  # … and under none
    assert curation.copied(represented(image=image, text=text), 0).tolist() == [False, False, False, True, False, False]


def test_what_is_settled_is_no_copy_and_what_is_like_it_is() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 32))
    assert curation.copied(represented(image=np.stack([one, one, other, one])), 2).tolist() == [
        False,
        False,
        False,
        True,
    ]


def test_copies_do_not_chain() -> None:
    """Each stands near the next one; the third is no copy of the first, and the second is none that has copies."""
    angle = np.arccos(curation.ALIKE) * 0.8
    steps = np.array([[np.cos(n * angle), np.sin(n * angle)] for n in range(4)])
    assert curation.copied(represented(image=steps), 0).tolist() == [False, True, False, True]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    kinds = draw.normal(size=(40, 16))
    image = kinds[draw.integers(0, 40, 3 * curation.BLOCK)]
    copies = curation.copied(represented(image=image), 0)
    assert (~copies).sum() == 40
    assert sorted(map(tuple, image[~copies])) == sorted(map(tuple, kinds))


def test_without_reference_statistics_nothing_is_said_to_be_a_copy() -> None:
    assert not curation.copied(Representations(np.zeros((5, 4)), {}), 0).any()


def test_nothing_to_train_on_needs_no_model() -> None:
    parts = Split((), tuple(rows(np.zeros(3, int))))
    assert curation.curate(TASK, Path("/nowhere"), Snapshot(TASK.name, (), "", 0), parts) == parts


def test_what_was_answered_twice_is_held_back_no_more_and_no_more_than_a_share_is() -> None:
    some = rows(np.arange(100) % 3)
    suspicions = np.linspace(0.1, 1, 100)
    suspects = curation.most_suspicious(some, suspicions, {some[99].id}, 100)
    assert [row.id for row in suspects] == [row.id for row in some[98 : 98 - 20 : -1]]


def test_each_side_that_was_left_out_has_its_sentence() -> None:
    some = tuple(rows(np.zeros(5, int)))
    first, second = curation.reasons(Split(some[:1], some[1:2], suspects=some[2:4], copies=some[4:]))
    assert first.sentence().startswith("2 answers do not fit") and second.sentence().startswith("1 near copies")
    assert curation.reasons(Split(some, ())) == ()
