"""Recall at 10: counted by hand, honest about duplicates and ties, and raised by training with contrast."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo.evaluation import ask, figures, retrieval
from mmdemo.prediction.predictor import Predictor
from mmdemo.training.manifests import Row
from mmdemo.values.results import Recall
from mmdemo.values.samples import Sample
from mmdemo.versions import card
from tests import tiny


def test_recall_is_the_share_whose_partner_is_among_the_nearest() -> None:
    scores = np.zeros((20, 20))
    scores[np.arange(20), np.arange(20)] = np.r_[np.full(15, 2.0), np.full(5, -1.0)]
    scores += np.random.default_rng(0).random((20, 20)) * 0.1
    recall = retrieval.recall(scores, [str(n) for n in range(20)])
    assert (recall.n, recall.recall_at_10, recall.chance) == (20, 0.75, pytest.approx(0.5))
    assert recall.interval[0] < 0.75 < recall.interval[1]


def test_who_says_the_same_of_all_finds_nobody() -> None:
    assert retrieval.recall(np.ones((20, 20)), [str(n) for n in range(20)]).recall_at_10 == 0


def test_an_equal_partner_is_as_good_and_chance_knows_it() -> None:
    scores = np.tile(np.arange(40.0), (40, 1))  # everybody finds the last ten
    recall = retrieval.recall(scores, [str(n % 20) for n in range(40)])
    assert recall.recall_at_10 == 0.5  # partners 10 … 19 stand among 30 … 39 too
    assert recall.chance == pytest.approx(1 - (30 * 29) / (40 * 39))


def rows(number: int) -> list[Row]:
    draw = np.random.default_rng(1)
    pictures = [Image.fromarray(draw.integers(0, 255, (16, 16, 3), np.uint8)) for _ in range(number)]
    return [Row(str(n), Sample(pictures[n], f"the dog {n}"), "good") for n in range(number)]


def measured(predictor: Predictor, of: Sequence[Row], **how: int) -> dict[str, Recall]:
    return retrieval.measure(ask(predictor, of), of, **how)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("two")
    task = tiny.task(folder, ("image", "text"))
    return Predictor(task, tiny.version(folder / "v", task))


def test_samples_with_one_modality_take_no_part(two: Predictor) -> None:
    alone = [Row("caption", Sample(text="a cat"), "good"), Row("broken", Sample(b"no picture", "a cat"), "good")]
    recall = measured(two, [*rows(12), *alone])
    assert set(recall) == {"image_to_text", "text_to_image"}
    assert {part.n for part in recall.values()} == {12}
    assert measured(two, rows(10)) == {}  # ten of ten are always found


def test_the_same_model_and_samples_give_the_same_figures(two: Predictor) -> None:
    assert measured(two, rows(15)) == measured(two, rows(15))


def test_at_most_so_many_are_drawn(two: Predictor) -> None:
    assert measured(two, rows(20), samples=13)["text_to_image"].n == 13


def test_a_task_of_one_modality_has_no_partners(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    assert measured(predictor, [Row(str(n), Sample(text=f"dog {n}"), "good") for n in range(12)]) == {}


def test_the_card_tells_it_beside_chance(two: Predictor) -> None:
    samples = rows(12)
    answers = ask(two, samples)
    result = dataclasses.replace(figures(answers), retrieval=retrieval.measure(answers, samples))
    described = card.render(two.task, two.about, result)
    share = result.retrieval["image_to_text"].recall_at_10
    assert f"Recall@10 from the picture to the caption of the same sample: {share:.3f}" in described
    assert "among 12 samples; by chance it would be 0.833." in described
