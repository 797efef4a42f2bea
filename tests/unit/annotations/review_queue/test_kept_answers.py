"""A kept answer opens for whoever sent it and for reviewers, as long as somebody keeps it."""

from dataclasses import replace

import pytest

from annotations.loop import Loop
from mmdemo.errors import NotAllowed, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.review import view_key
from mmdemo.values.samples import Inputs

DOUBTFUL, SURE = Inputs(text="who knows"), Inputs(text="surely fine")


def test_a_kept_answer_is_for_who_sent_it_and_for_reviewers(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "default", True)[0]
    key = view_key(str(answer.prediction_id))
    for entry in (loop.kept_answer(answer.sample_id, [key], False), loop.kept_answer(answer.sample_id, [], True)):
        assert entry.item.text == DOUBTFUL.text
        assert entry.prediction == replace(answer, prediction_id=None)
    for sample_id, keys in ((answer.sample_id, []), (answer.sample_id, [str(answer.prediction_id)]), ("0" * 64, [key])):
        with pytest.raises(NotAllowed, match="opens only in the browser"):
            loop.kept_answer(sample_id, keys, False)
    with pytest.raises(NotAllowed):
        loop.kept_answer("0" * 64, [], True)


def test_of_two_who_sent_the_same_each_opens_it_until_they_take_it_back(loop: Loop) -> None:
    first, second = (loop.predict("sentiment", DOUBTFUL, "none", True)[0] for _ in range(2))
    loop.forget(str(first.prediction_id))
    with pytest.raises(NotAllowed):
        loop.kept_answer(first.sample_id, [view_key(str(first.prediction_id))], False)
    assert loop.kept_answer(first.sample_id, [view_key(str(second.prediction_id))], False).item.text == DOUBTFUL.text
    loop.forget(str(second.prediction_id))
    with pytest.raises(NotAllowed):  # nothing is left of it, whoever asks
        loop.kept_answer(first.sample_id, [view_key(str(second.prediction_id))], True)


def test_a_sure_answer_is_kept_without_what_was_sent(loop: Loop) -> None:
    answer = loop.predict("sentiment", SURE, "default", True)[0]
    entry = loop.kept_answer(answer.sample_id, [view_key(str(answer.prediction_id))], False)
    assert (entry.item.text, entry.prediction.explanation, entry.prediction.label) == (None, None, answer.label)


def test_it_knows_which_tasks_have_a_model(loop: Loop, config: Settings) -> None:
    assert all(map(loop.has_model, loop.tasks))
    assert loop.model_card("sentiment").startswith("# Sentiment")
    with pytest.raises(UnknownName):
        loop.has_model("nothing")
