"""What the Models tab shows, as plain values and as HTML."""

import dataclasses
import html
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from mmdemo import tasks
from mmdemo.errors import NotAllowed, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.models import models_view, plot
from mmdemo.ui.models.tab import MOST, VersionBoard
from mmdemo.ui.shell import render
from mmdemo.values.history import AnswerPairs, FigurePair, ModelHistory, ModelVersion, TurnedAnswer
from mmdemo.values.live_figures import BoundedShare, LiveFigures
from mmdemo.values.promise import Promise, PromiseOutcome, SubsetPromise
from mmdemo.values.promise_status import PromiseStatus
from mmdemo.values.review import Reason, Status, VersionInfo
from mmdemo.values.samples import Sample
from tests.unit.mmdemo.ui.fake import FakeLoop
from tests.unit.mmdemo.ui.fake_queue import NOW

TASK = tasks.get("sentiment")
HERE: Any = SimpleNamespace(headers={"host": "localhost"})
THERE: Any = SimpleNamespace(headers={"host": "example.org"})
PAIRS = AnswerPairs(10, 5, 2, 3, before=(0.39, 0.78), after=(0.53, 0.89))
BASE = ModelVersion(
    "base",
    "2026-11-01T03:00:00+00:00",
    None,
    VersionInfo("base", NOW, None, False, {"accuracy": 0.79}, "dev", 1487),
    True,
)
SECOND = ModelVersion(
    version="2026-11-02-n001",
    at="2026-11-02T03:00:00+00:00",
    parent="base",
    info=VersionInfo("2026-11-02-n001", NOW, "base", True),
    can_serve=False,
    verdict="promoted",
    why=(Reason("status.night_nothing_new"),),
    trained_on=80,
    compared_with="base",
    held_out=20,
    figures=(FigurePair("accuracy", 0.6, 0.75), FigurePair("macro_f1", 0.51, 0.7), FigurePair("mean_error", 2.0, 1.5)),
    pairs=PAIRS,
)
THIRD = dataclasses.replace(
    SECOND, version="2026-11-03-n001", at="2026-11-03T03:00:00+00:00", info=None, verdict="rejected", pairs=None
)
HISTORY = ModelHistory("sentiment", (THIRD, SECOND, BASE))


def shown(history: ModelHistory, reviewer: bool = True, language: str = "en") -> str:
    """Return the tab's HTML, with characters as they are read."""
    view = models_view.view(history, reviewer, True, language)
    return html.unescape(render.html("models_cards", language, view=view, task="sentiment"))


def test_each_version_says_when_from_what_and_what_was_decided() -> None:
    third, second, base = models_view.view(HISTORY, True, True, "en").versions
    assert second.about == "learned 80 corrections, starting from base"
    assert (second.verdict, second.mood, second.served) == ("Put into service", "good", True)
    assert second.reasons == ("Nothing new: no correction has come in since the last run.",)
    assert (third.verdict, third.mood) == ("Not put into service", "quiet")
    assert third.about.endswith("its files were removed since")
    assert (base.verdict, base.about) == ("", "made without corrections")


def test_figures_stand_in_pairs_with_what_they_are_of() -> None:
    third, second, base = models_view.view(HISTORY, True, True, "en").versions
    lines = [(line.name, line.before, line.after) for line in second.figures]
    assert lines == [("accuracy", "60 %", "75 %"), ("macro-F1", "0.510", "0.700"), ("mean error", "2.000", "1.500")]
    assert [line.after_interval for line in second.figures] == ["53 % to 89 %", "", ""]
    assert second.measured == "Against base, on 20 corrections that neither was trained on"
    assert second.pairs.startswith("Of these, 10 were right both times, 5 turned right, 2 turned wrong")
    assert third.pairs == "Which of them turned was not kept." and third.turned == 0
    assert [(line.name, line.before, line.after) for line in base.figures] == [("accuracy", "", "79 %")]
    assert base.measured == "measured on 1,487 samples of dev"


def test_of_samples_that_were_deleted_since_neither_counts_nor_intervals_are_told() -> None:
    some_gone = dataclasses.replace(SECOND, held_out=SECOND.held_out + 3)
    [card, *_] = models_view.view(ModelHistory("sentiment", (some_gone, BASE)), True, True, "en").versions
    assert card.pairs.startswith("Of the 20 that were not deleted since, 10 were right both times")
    assert [line.after_interval for line in card.figures] == ["", "", ""]


def test_sentences_that_name_samples_are_for_reviewers() -> None:
    named = Reason("status.night_left_out", {"count": 1, "samples": "5458545d2333 05/5ea8.webp"})
    history = ModelHistory("sentiment", (dataclasses.replace(SECOND, why=(*SECOND.why, named)), BASE))
    shown = [models_view.view(history, reviewer, True, "en").versions[0].reasons for reviewer in (True, False)]
    assert [any("5458" in sentence for sentence in sentences) for sentences in shown] == [True, False]


def test_samples_and_going_back_are_for_reviewers_alone() -> None:
    page = shown(HISTORY)
    assert page.count('data-do="serve"') == 1 and 'data-version="base"' in page
    assert "Look at what turned (7)" in page and "Roll back to it" in page
    stranger = shown(HISTORY, reviewer=False)
    assert "data-do" not in stranger and "the key is typed in the Review tab" in stranger
    assert "75 %" in stranger and "Put into service" in stranger


def test_a_newer_version_is_served_again_and_an_older_one_rolled_back_to() -> None:
    newer = dataclasses.replace(THIRD, info=VersionInfo(THIRD.version, NOW, None, False), can_serve=True)
    says = [
        card.serve
        for card in models_view.view(ModelHistory("sentiment", (newer, SECOND, BASE)), True, True, "en").versions
    ]
    assert says == ["Serve it again", "", "Roll back to it"]


def test_a_verdict_of_another_release_is_shown_as_it_stands() -> None:
    odd = dataclasses.replace(SECOND, verdict="quarantined", figures=(), trained_on=None, held_out=0, pairs=None)
    [card] = models_view.view(ModelHistory("sentiment", (odd,)), True, True, "en").versions
    assert (card.verdict, card.measured, card.figures, card.pairs) == ("quarantined", "", (), "")


def test_old_versions_are_counted_and_the_served_one_is_always_listed() -> None:
    others = [dataclasses.replace(THIRD, version=f"v{number}") for number in range(30)]
    view = models_view.view(ModelHistory("sentiment", (*others, SECOND)), True, True, "en")
    assert len(view.versions) == models_view.LISTED + 1 and view.versions[-1].served and view.left_out == 10
    assert "10 older versions are not listed" in shown(ModelHistory("sentiment", (*others, SECOND)))


def test_without_any_training_nothing_is_drawn() -> None:
    assert plot.plot((BASE,), "en") is None
    assert "No training has judged a new version yet." in shown(ModelHistory("sentiment", (BASE,)))
    assert "None yet." in shown(ModelHistory("sentiment", ()))


def test_the_drawing_stands_oldest_first_inside_its_frame_and_says_the_same_in_words() -> None:
    drawn = plot.plot(HISTORY.versions, "en")
    assert drawn is not None
    older, newer = drawn.trainings
    assert older.served and not newer.served and older.before.x < older.after.x < newer.before.x
    assert older.after.y < older.before.y  # more is higher
    assert older.after.low is not None and older.after.high is not None
    assert older.after.high < older.after.y < older.after.low
    assert newer.after.low is None
    places = [y for dot in (older.before, older.after) for y in (dot.low, dot.high, dot.y) if y is not None]
    assert all(plot.TOP_PX <= y <= plot.BOTTOM_PX for y in places)
    assert drawn.aloud.startswith("Share of right answers in 2 trainings")
    assert "2026-11-02-n001: 60 % before, 75 % after, on 20 corrections." in drawn.aloud


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_whatever_the_shares_are_the_drawing_stays_in_its_frame(share: float) -> None:
    flat = dataclasses.replace(SECOND, figures=(FigurePair("accuracy", share, share),), pairs=None)
    drawn = plot.plot([flat] * 15, "en")
    assert drawn is not None and len(drawn.trainings) == plot.MOST and len(drawn.lines) >= plot.FEWEST_LINES
    for training in drawn.trainings:
        assert 0 < training.before.x < training.after.x < 100
        assert plot.TOP_PX <= training.after.y <= plot.BOTTOM_PX


def test_no_english_is_left_in_chinese_and_the_drawing_has_its_words() -> None:
    page = shown(dataclasses.replace(HISTORY, versions=(SECOND,)), language="zh")
    assert re.search(r'role="img" aria-label="[^"]*正确率', page)
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]*>", " ", page)))
    assert words <= {"base", "mean", "error"}


def turned(tmp_path: Path, number: int) -> list[TurnedAnswer]:
    """Return answers to a picture with a caption; the last turned wrong."""
    Image.new("RGB", (900, 600), "red").save(tmp_path / "red.png")
    sample = Sample(image=tmp_path / "red.png", text="<b>Rain</b>")
    right = [TurnedAnswer("s-1", sample, False, "neutral", "positive", "neutral", True)] * (number - 1)
    return [*right, TurnedAnswer("s-1", sample, False, "neutral", "neutral", "negative", False)]


def test_a_reviewer_looks_at_what_turned(tmp_path: Path) -> None:
    loop = FakeLoop()
    loop.turned_answers = turned(tmp_path, 3)
    page = VersionBoard(loop, Door.of(Settings())).turned(HERE, "sentiment", "v", "")["html"]
    assert "Turned right: 2" in page and "Turned wrong: 1" in page
    assert page.count("data:image/") == 3 and "&lt;b&gt;Rain" in page
    assert "positive → neutral" in page and "people say: neutral" in page
    assert page.count('data-pin="s-1" aria-pressed="false"') == 3
    (tmp_path / "red.png").unlink()  # swept meanwhile: what else is known is shown
    assert VersionBoard(loop, Door.of(Settings())).turned(HERE, "sentiment", "v", "")["html"].count("data:image/") == 0
    loop.turned_answers = turned(tmp_path, MOST + 5)
    assert "5 more are not shown" in VersionBoard(loop, Door.of(Settings())).turned(HERE, "sentiment", "v", "")["html"]
    loop.turned_answers = []
    assert "deleted since" in VersionBoard(loop, Door.of(Settings())).turned(HERE, "sentiment", "v", "")["html"]


def test_a_reviewer_rolls_back(tmp_path: Path) -> None:
    loop = FakeLoop()
    loop.history["sentiment"] = HISTORY
    answer = VersionBoard(loop, Door.of(Settings())).serve(HERE, "sentiment", "base", "")
    assert loop.rolled_back == [("sentiment", "base")]
    assert answer["line"].startswith("base serves now.") and "2026-11-02-n001" in answer["html"]


def test_a_stranger_sees_figures_and_does_nothing() -> None:
    loop = FakeLoop()
    loop.history["sentiment"] = HISTORY
    board = VersionBoard(loop, Door.of(Settings(review_key="open sesame please")))
    page = board.show(HERE, "", "a guess")["html"]
    assert "75 %" in page and "data-do" not in page
    for call in (board.serve, board.turned):
        with pytest.raises(NotAllowed):
            call(HERE, "sentiment", "base", "")
    with pytest.raises(NotAllowed):
        VersionBoard(loop, Door.of(Settings())).serve(THERE, "sentiment", "base", "")
    with pytest.raises(UnknownName):
        board.show(HERE, "nope", "")
    assert loop.rolled_back == []


def test_the_served_version_says_how_good_it_is_here_and_whether_its_promise_is_kept() -> None:
    kept = SubsetPromise(PromiseOutcome.STANDS, 100, 0.8, 60, 1)
    none = SubsetPromise(PromiseOutcome.TOO_FEW, 3, missing=29)
    right = BoundedShare(18, 20, 20, 0.68, 0.99)
    live = LiveFigures(SECOND.version, 20, 0, 0, right, BoundedShare(0, 0, 20), BoundedShare(0, 0, 0))
    for subset, said in ((kept, "This stands for all"), (none, "This does not stand for all")):
        promise = PromiseStatus("sentiment", SECOND.version, Promise(0.1, 0.95), 0.6, {"text": subset})
        status = Status("sentiment", {}, {}, {}, (), None, None, 0, 20, promise=promise, live=live)
        third, second, base = models_view.view(HISTORY, True, True, "en", status).versions
        assert "90 % are answered rightly; of everything sent, between 68 % and 99 %" in second.here[0]
        assert any(line.startswith(said) for line in second.here) and third.here == base.here == ()
        other = dataclasses.replace(status, live=dataclasses.replace(live, version="x"), promise=None)
        assert models_view.view(HISTORY, True, True, "en", other).versions[1].here == ()
