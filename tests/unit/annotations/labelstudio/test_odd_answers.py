"""What is odd about one answer there stops neither that answer nor any other."""

import pytest

from annotations.labelstudio import pull
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop


@pytest.fixture
def sent(loop: Loop) -> str:
    """A sample that lies there."""
    sample_id, _ = loop.visit("what is it", seed=1)
    loop.sync()
    return sample_id


@pytest.mark.parametrize(
    "name", ["", " \u00a0", "\u200b\n", "\0", "x" * 300], ids=["no", "blank", "unseen", "NUL", "long"]
)
def test_an_answer_of_somebody_with_an_odd_name_is_taken_and_stops_no_other(loop: Loop, sent: str, name: str) -> None:
    other, _ = loop.visit("another")
    loop.sync()
    loop.server.people[3] = name
    loop.annotate(sent, "neutral", person=3)
    loop.annotate(other, "negative")
    assert loop.sync() == SyncReport(pulled=2)
    ((label, who, _),) = loop.said(sent)
    assert (label, who) == ("neutral", {"\0": "\ufffd", "x" * 300: "x" * 100}.get(name, pull.NOBODY))
    assert loop.counts(other) == "negative"
    assert loop.sync() == SyncReport()


@pytest.mark.parametrize(
    "result",
    [
        ["text"],
        [None],
        [{}],
        [{"from_name": "label"}],
        [{"from_name": "label", "value": None}],
        [{"from_name": "label", "value": ["neutral"]}],
        [{"from_name": "label", "value": {"choices": None}}],
        [{"from_name": "label", "value": {"choices": "neutral"}}],
        [{"from_name": "label", "value": {"choices": [["neutral"]]}}],
        [{"from_name": "label", "value": {"choices": [None]}}],
        [{"from_name": "reason", "value": {"choices": None}}],
    ],
)
def test_an_answer_of_a_strange_shape_says_nothing_and_stops_no_other(loop: Loop, sent: str, result: list) -> None:
    other, _ = loop.visit("another")
    loop.sync()
    (task,) = loop.there(sent)
    loop.server.annotate(task, result)
    loop.annotate(other, "negative")
    assert loop.sync() == SyncReport(pulled=1, unreadable=1)
    assert (loop.said(sent), loop.counts(other)) == ([], "negative")
    loop.server.annotate(task, [*result, tasks.result(given.TASK, "neutral")], person=2)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.counts(sent) == "neutral"
