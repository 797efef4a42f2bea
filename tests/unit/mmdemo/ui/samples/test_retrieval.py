"""What is alike beside a sample under review: said in the reader's language, to reviewers alone, never to the blind."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo import decode
from mmdemo.errors import CheckpointError, NotAllowed, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.samples import retrieval
from mmdemo.ui.samples.retrieval import Neighbourhood
from mmdemo.values.analysis import Alike, ForwardPass
from mmdemo.values.samples import Inputs
from tests.unit.mmdemo.ui.fake_queue import FakeQueue

HERE: Any = SimpleNamespace(headers={"host": "127.0.0.1:7860"})
CHINESE: Any = SimpleNamespace(headers={"host": "localhost", "accept-language": "zh"})


@pytest.fixture
def loop(tmp_path: Path) -> FakeQueue:
    return FakeQueue(tmp_path)


@pytest.fixture
def neighbourhood(loop: FakeQueue) -> Neighbourhood:
    return Neighbourhood(loop, Door.of(Settings()))


def id_of(loop: FakeQueue, reason: str) -> str:
    return next(name for name, entry in loop.items.items() if entry.item.reason == reason)


def test_each_has_its_label_and_whoever_does_not_see_it_is_told(loop: FakeQueue, neighbourhood: Neighbourhood) -> None:
    sample_id = id_of(loop, "low_confidence")
    html = neighbourhood.alike(HERE, "", sample_id, False)["html"]
    [(task, inputs, *asked)] = loop.sought
    assert decode.sample_id(inputs, task) == sample_id and asked == [6, True]
    assert re.findall(r'mm-alike-label"><bdi>(.*?)<', html) == ["negative", "no label"]
    names = re.findall(r'aria-label="(.*?)"', html)
    assert names == [
        "1 of 2: negative. Rain &lt;b&gt;again&lt;/b&gt; (example · caption finds picture)",
        "Play the sound of number 2 of 2: no label",
    ]
    assert "Rain &lt;b&gt;again&lt;/b&gt;" in html and "<b>" not in html
    assert "Not looked through: old, indexed by another version" in html
    assert "消极" in neighbourhood.alike(CHINESE, "", sample_id, False)["html"]


def test_whoever_answers_blind_sees_none(loop: FakeQueue, neighbourhood: Neighbourhood) -> None:
    for sample_id, hide in ((id_of(loop, "audit"), False), (id_of(loop, "low_confidence"), True)):
        html = neighbourhood.alike(HERE, "", sample_id, hide)["html"]
        assert "Hidden until you have answered" in html and "negative" not in html
    assert loop.sought == []


def test_a_task_that_has_no_model_here_has_nothing_alike(tmp_path: Path) -> None:
    class Modelless(FakeQueue):
        def forward(self, task: str, inputs: Inputs) -> ForwardPass:
            raise CheckpointError("no_version", task=task, path="versions")

    loop = Modelless(tmp_path)
    html = Neighbourhood(loop, Door.of(Settings())).alike(HERE, "", id_of(loop, "low_confidence"), False)["html"]
    assert "There is nothing to compare it with yet." in html


def test_strangers_are_turned_away(loop: FakeQueue) -> None:
    closed = Neighbourhood(loop, Door.of(Settings(review_key="sesame")))
    sample_id = id_of(loop, "low_confidence")
    with pytest.raises(NotAllowed):
        closed.alike(HERE, "", sample_id, False)
    assert "negative" in closed.alike(HERE, "sesame", sample_id, False)["html"]
    with pytest.raises(UnknownName):
        closed.alike(HERE, "sesame", "gone", False)


def test_where_nothing_is_alike_it_says_so(loop: FakeQueue) -> None:
    html = retrieval.listed(Alike("v1", (), {"old": "v0"}), loop.tasks["sentiment"], "en")
    assert "There is nothing to compare it with yet." in html and "old" not in html
