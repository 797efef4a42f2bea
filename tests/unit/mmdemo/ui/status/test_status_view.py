"""What the Status tab shows, as plain values and as HTML."""

import dataclasses
import html
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo import tasks
from mmdemo.errors import BadInput, Busy, NotAllowed, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.shell import render
from mmdemo.ui.status import status_view
from mmdemo.ui.status.tab import StatusBoard
from mmdemo.values.review import Reason, Run, Status, VersionInfo
from tests.unit.mmdemo.ui.fake_queue import NOW, FakeQueue

TASK = tasks.get("sentiment")
HERE: Any = SimpleNamespace(headers={"host": "localhost"})
VALUES = {"url": "http://127.0.0.1:8080/", "detail": "<b>500 on 2026-05-05</b>"}
RUN = Run("sentiment", "done", "waiting", ("Too few.",), {}, "base", None, NOW, NOW)
STATUS = Status(
    task="sentiment",
    states={"unflagged": 0, "queued": 3, "sent": 0, "labelled": 7, "skipped": 1, "unsure": 0, "forgotten": 2},
    by_label={"negative": 4, "neutral": 0, "positive": 3},
    by_annotator={"Bob": 2, "Ann": 5},
    versions=(
        VersionInfo("2026-11-21", NOW, "base", True, {"accuracy": 0.861, "macro_f1": 0.8321}, "held_out", 33),
        VersionInfo("base", NOW, None, False, {"accuracy": 0.842, "ece": 0.031}, "dev", 1487),
    ),
    last_sync=None,
    last_retrain=RUN,
    held_out=5,
    held_out_needed=20,
)


def with_run(**changes: Any) -> Status:
    return dataclasses.replace(STATUS, last_retrain=dataclasses.replace(RUN, **changes))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_moment_in_a_notice_is_shown_as_the_reader_writes_it(language: str) -> None:
    since = "2026-05-05T10:20:30+00:00"
    reasons = (Reason("status.sync_trouble", {"since": since}), Reason("error.label_studio_fault", VALUES))
    view = status_view.view(dataclasses.replace(STATUS, notices=reasons), TASK, True, language)
    assert ["".join(words.text for words in notice) for notice in view.notices] == [
        reason.sentence(language) for reason in reasons
    ]
    page = render.html("status_cards", language, view=view)
    assert f'<time datetime="{since}">{since}</time>' in page
    assert "<time" not in page.split("&lt;b&gt;")[1].split("</p>")[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_computes_stands_with_the_version_that_serves(language: str) -> None:
    runtime = Reason("status.runtime", {"engine": "openvino: text f32", "gain": 1.7})
    view = status_view.view(dataclasses.replace(STATUS, runtime=runtime), TASK, True, language)
    page = render.html("status_cards", language, view=view)
    [row] = [part for part in page.split("<tr") if "mm-st-served" in part]
    assert page.count(runtime.sentence(language)) == row.count(runtime.sentence(language)) == 1


def test_counts_stand_in_the_order_of_states_and_none_that_is_empty_and_dull() -> None:
    counts = status_view.view(STATUS, TASK, True, "en").counts
    assert [(c.name, c.number) for c in counts] == [
        ("waiting", 3),
        ("answered", 7),
        ("skipped", 1),
        ("unsure", 0),
        ("deleted", 2),
    ]


def test_label_studio_is_spoken_of_only_where_it_is_set_up_or_holds_samples() -> None:
    for status, is_shown in (
        (STATUS, False),
        (dataclasses.replace(STATUS, label_studio=True), True),
        (dataclasses.replace(STATUS, states={**STATUS.states, "sent": 2}), True),
    ):
        view = status_view.view(status, TASK, True, "en")
        assert ("in Label Studio" in [count.name for count in view.counts]) is is_shown
        page = render.html("status_cards", "en", view=view)
        assert ("Label Studio" in page) is is_shown


def test_figures_say_on_what_they_were_measured_and_that_they_differ() -> None:
    view = status_view.view(STATUS, TASK, True, "en")
    assert [version.measured for version in view.versions] == [
        "measured on 33 corrections that were set aside",
        "measured on 1,487 samples of dev",
    ]
    assert view.incomparable and "can't be compared" in html.unescape(render.html("status_cards", "en", view=view))
    old = VersionInfo("base", NOW, None, True, {"accuracy": 0.842})
    bare = VersionInfo("bare", NOW, None, False, {"parameters": 12.0})
    view = status_view.view(dataclasses.replace(STATUS, versions=(old, bare)), TASK, True, "en")
    assert [v.measured for v in view.versions] == ["measured on dev; of how many samples is not written down", ""]
    assert not view.incomparable and "compared" not in render.html("status_cards", "en", view=view)


def test_bars_stand_in_the_tasks_order_and_annotators_by_number() -> None:
    view = status_view.view(STATUS, TASK, True, "zh")
    assert [(bar.name, bar.number, bar.width) for bar in view.labels] == [
        ("消极", 4, 100.0),
        ("中性", 0, 0.0),
        ("积极", 3, 75.0),
    ]
    assert [(bar.name, bar.width) for bar in view.annotators] == [("Ann", 100.0), ("Bob", 40.0)]


def test_versions_have_a_column_for_each_figure_that_any_has() -> None:
    view = status_view.view(STATUS, TASK, True, "en")
    assert view.figures == ("accuracy", "macro-F1", "calibration error")
    assert [(v.name, v.served, v.figures) for v in view.versions] == [
        ("2026-11-21", True, ("86 %", "0.832", "–")),
        ("base", False, ("84 %", "–", "0.031")),
    ]
    assert [v.about for v in view.versions] == ["trained on 2026-11-23, from base", "trained on 2026-11-23"]


@pytest.mark.parametrize(
    ("status", "verdict", "mood", "running"),
    [
        (dataclasses.replace(STATUS, last_retrain=None), "It has not run yet", "quiet", False),
        (STATUS, "Waiting for more answers", "quiet", False),
        (with_run(verdict="promoted", challenger="n2"), "A new version was put into service", "good", False),
        (with_run(verdict="rejected"), "The new version was not better: the old one stays", "quiet", False),
        (with_run(verdict="nothing_new"), "Nothing new to learn from", "quiet", False),
        (with_run(state="failed", verdict=None), "It failed", "bad", False),
        (with_run(state="running", verdict=None, finished_at=None), "A new version is being trained", "quiet", True),
    ],
)
def test_the_last_training_says_how_it_ended(status: Status, verdict: str, mood: str, running: bool) -> None:
    view = status_view.view(status, TASK, True, "en")
    assert (view.verdict, view.mood, view.running) == (verdict, mood, running)


def test_reasons_are_said_in_the_readers_language() -> None:
    status = with_run(why=(Reason("status.night_nothing_new"),))
    assert status_view.view(status, TASK, True, "zh").reasons == ("没有新内容：自上次运行以来没有收到新的更正。",)
    assert status_view.view(STATUS, TASK, True, "zh").reasons == ("Too few.",)


@pytest.mark.parametrize(("held_out", "percent"), [(0, 0), (5, 25), (20, 100), (90, 100)])
def test_the_bar_of_what_is_set_aside_ends_when_it_is_full(held_out: int, percent: int) -> None:
    status = dataclasses.replace(STATUS, held_out=held_out)
    assert status_view.view(status, TASK, True, "en").held_out_percent == percent


def test_a_reviewer_trains_and_downloads(tmp_path: Path) -> None:
    loop = FakeQueue(tmp_path)
    board = StatusBoard(loop, Door.of(Settings()))
    shown = board.show(HERE, "", "")
    assert shown["task"] == "sentiment" and "Train now" in shown["html"] and "By annotator" in shown["html"]
    board.train(HERE, "sentiment", "")
    assert loop.trained == ["sentiment"]
    with pytest.raises(Busy):
        board.train(HERE, "sentiment", "")
    loop.correct(next(iter(loop.items)), "neutral", "<i>Ann</i>", "")
    answers = board.export(HERE, "sentiment", "corrections", "csv", "")
    assert answers == {"name": "sentiment-corrections.csv", "content": "label\nneutral"}
    waiting = board.export(HERE, "sentiment", "queue", "jsonl", "")
    assert waiting["name"] == "sentiment-queue.jsonl" and waiting["content"].startswith("sample_id\n")
    with pytest.raises(BadInput, match=r"corrections \| queue"):
        board.export(HERE, "sentiment", "secrets", "csv", "")
    assert "&lt;i&gt;Ann" in board.show(HERE, "sentiment", "")["html"]
    with pytest.raises(UnknownName):
        board.show(HERE, "nope", "")


def test_a_stranger_sees_versions_and_the_number_waiting(tmp_path: Path) -> None:
    loop = FakeQueue(tmp_path)
    loop.correct(next(iter(loop.items)), "neutral", "Ann", "")
    board = StatusBoard(loop, Door.of(Settings(review_key="sesame")))
    page = board.show(HERE, "sentiment", "")["html"]
    assert "2026-11-21" in page and "waiting" in page
    assert not any(word in page for word in ("Ann", "Train now", 'data-do="export"', "answered<"))
    with pytest.raises(NotAllowed):
        board.train(HERE, "sentiment", "")
    with pytest.raises(NotAllowed):
        board.export(HERE, "sentiment", "queue", "csv", "guess")
    assert not loop.trained
    assert "the key is typed in the Review tab" in page
    beyond: Any = SimpleNamespace(headers={"host": "localhost", "x-forwarded-for": "192.0.2.7"})
    closed = StatusBoard(loop, Door.of(Settings())).show(beyond, "sentiment", "")["html"]
    assert "no review key is set" in closed and "typed" not in closed
    assert "Ann" in board.show(HERE, "sentiment", "sesame")["html"]
