"""Corrected samples are found by reviewers alone, as they come, and no longer once they are taken back."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from annotations import retrieval, review_queue, status
from annotations.review_queue import retention
from annotations.store import Store
from mmdemo.retrieval import index
from mmdemo.retrieval.candidates import pooled
from mmdemo.settings import Settings
from mmdemo.values.analysis import Alike
from mmdemo.values.samples import Features, Inputs
from mmdemo.versions.registry import Versions
from tests.unit.annotations import sentiment
from tests.unit.annotations.sentiment import TASK, RulePredictor

QUERY = Inputs(text="quiet morning")


class Counting(RulePredictor):
    """Counts what it encodes."""

    encoded = 0

    def features(self, batch: Sequence[Inputs]) -> Features:
        self.encoded += len(batch)
        return super().features(batch)


@pytest.fixture
def encoder(config: Settings) -> Counting:
    return Counting(TASK, config)


@pytest.fixture
def finder(store: Store, config: Settings) -> Iterator[retrieval.Finder]:
    yield retrieval.Finder(store, config)


def corrected(store: Store, text: str, label: str = "positive", seed: int | None = None) -> str:
    """Keep a sample, correct it, and return the id under which its sender takes it back."""
    sample = sentiment.inputs(text, seed)
    sample_id, prediction_id = review_queue.offer(store, TASK, sample, sentiment.prediction(sample))
    review_queue.correct(store, sentiment.TASKS, sample_id, label, "Ann")
    return prediction_id


def ask(finder: retrieval.Finder, encoder: Counting, inputs: Inputs = QUERY, reviewer: bool = True) -> Alike:
    return finder.find(TASK, encoder, encoder.forward(inputs), 50, reviewer)


def corrections(alike: Alike) -> dict[str, str]:
    """Return caption → label of the corrected samples that were found."""
    return {near.text: near.label for near in alike.nearest if near.source == "corrections"}


def test_reviewers_alone_find_what_was_corrected(store: Store, finder: retrieval.Finder, encoder: Counting) -> None:
    corrected(store, "quiet evening", "neutral", seed=1)
    waiting = sentiment.inputs("quiet night")
    review_queue.offer(store, TASK, waiting, sentiment.prediction(waiting))
    alike = ask(finder, encoder)
    assert corrections(alike) == {"quiet evening": "neutral"}
    [near] = [near for near in alike.nearest if near.source == "corrections"]
    assert near.image.startswith("data:image/jpeg;base64,")
    strangers = ask(finder, encoder, reviewer=False)
    assert corrections(strangers) == {} and len(strangers.nearest) == len(TASK.examples)


def test_what_its_sender_takes_back_is_gone_at_once(store: Store, finder: retrieval.Finder, encoder: Counting) -> None:
    prediction_id, _ = corrected(store, "quiet evening"), corrected(store, "loud evening")
    assert len(corrections(ask(finder, encoder))) == 2
    retention.forget(store, prediction_id)
    assert set(corrections(ask(finder, encoder))) == {"loud evening"}
    review_queue.undo(store, "Ann")
    finder.prune()
    assert corrections(ask(finder, encoder)) == {}


def test_each_is_encoded_once_a_version_the_newest_first(store: Store, config: Settings, encoder: Counting) -> None:
    finder = retrieval.Finder(store, config, catch_up=2)
    for number in range(3):
        corrected(store, f"evening {number}")
    others = len(TASK.examples) + 1  # the examples once, and the sample that is asked about
    assert set(corrections(ask(finder, encoder))) == {"evening 1", "evening 2"}
    assert encoder.encoded == others + 2
    assert len(corrections(ask(finder, encoder))) == 3 and encoder.encoded == others + 4
    corrected(store, "evening 3")
    assert len(corrections(ask(finder, encoder))) == 4 and encoder.encoded == others + 6
    encoder.version = "v2"
    assert len(corrections(ask(finder, encoder))) == 2


def test_a_sample_whose_file_is_gone_is_left_out(
    store: Store, finder: retrieval.Finder, encoder: Counting, config: Settings
) -> None:
    corrected(store, "quiet evening", seed=3)
    [path] = Path(config.media).rglob("*.webp")
    path.unlink()
    assert corrections(ask(finder, encoder)) == {}


def test_a_corrected_sample_does_not_find_itself(store: Store, finder: retrieval.Finder, encoder: Counting) -> None:
    corrected(store, "quiet evening", seed=4)
    assert corrections(ask(finder, encoder, sentiment.inputs("quiet evening", seed=4))) == {}
    assert len(corrections(ask(finder, encoder, Inputs(text="quiet evening")))) == 1


def test_the_status_says_which_manifests_are_looked_through(store: Store, config: Settings, encoder: Counting) -> None:
    [served] = [version.version for version in Versions(config).list(TASK.name) if version.served]
    for name, version in (("dev", served), ("old", "v0")):
        about = index.About(TASK.name, name, version, 0, "m.jsonl", "")
        index.write(config, about, pooled([], []), [])
    indexed = [(one.name, one.model_version, one.searched) for one in status.of(store, config, TASK).indexed]
    assert indexed == [("dev", served, True), ("old", "v0", False)]
