"""Two versions asked about the same corrections."""

from annotations.history import version_diff
from mmdemo.errors import BadInput
from mmdemo.values.samples import Prediction, Sample
from tests.tiny_training import FIRST
from tests.unit.annotations.history.conftest import SECOND, Answering, Past


def test_answers_that_differ_are_named_with_who_is_right_and_who_learned_from_them(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", past.entries())
    loaded: list[str] = []

    def load(name: str) -> Answering:
        loaded.append(name)
        return Answering("right" if name == FIRST else "left")

    outcome = version_diff.of(store, past.task, (FIRST, SECOND), load)
    assert loaded == [FIRST, SECOND]
    assert (outcome.samples, outcome.first_right, outcome.second_right, outcome.left_out) == (4, 0, 4, 0)
    assert (outcome.count(False, True), outcome.count(True, False)) == (4, 0)
    learned = {one.sample_id: one.learned_by for one in outcome.differences}
    assert learned == {name: (SECOND,) if name in past.ids[:2] else () for name in past.ids}
    store.close()


def test_equal_answers_are_no_difference(past: Past) -> None:
    store = past.store()
    outcome = version_diff.of(store, past.task, (FIRST, SECOND), lambda _: Answering("left"))
    assert (outcome.first_right, outcome.second_right, outcome.differences) == (4, 4, ())
    store.close()


class Refusing(Answering):
    """Cannot judge anything."""

    def predict(self, sample: Sample) -> Prediction:
        """Refuse."""
        raise BadInput("no_speech")


def test_what_cannot_be_judged_or_read_is_left_out(past: Past) -> None:
    store = past.store()
    refused = version_diff.of(store, past.task, (FIRST, SECOND), lambda name: Refusing("left"))
    assert (refused.samples, refused.left_out) == (0, 4)
    next(path for path in store.media.glob("*/*") if path.is_file()).unlink()
    damaged = version_diff.of(store, past.task, (FIRST, SECOND), lambda name: Answering("left"))
    assert (damaged.samples, damaged.left_out) == (3, 1)
    store.close()
