"""The frame: every file that it names is there, its words are in both languages, and it says where it cannot listen."""

import dataclasses
import json
import re
import socket
from typing import Any

import pytest

from mmdemo import locale
from mmdemo.errors import CannotListen
from mmdemo.locale import percent
from mmdemo.settings import Settings
from mmdemo.ui.predict import task_choices
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.samples.preview import Preview
from mmdemo.ui.shell import address, frame, render
from mmdemo.values.samples import Sample
from tests.unit.mmdemo.ui.fake import FakeLoop


def form(tasks: Any, language: str, unless_declined: bool = False) -> str:
    """Return the Predict tab's HTML."""
    return render.html("predict", language, tasks=tasks, kept_for="", minutes=30, unless_declined=unless_declined)


def test_every_file_of_the_page_is_served_and_no_other_is_named() -> None:
    assert {path.relative_to(frame.STATIC).as_posix() for path in frame.STATIC.rglob("*.*")} == {
        *frame.STYLES,
        *frame.SCRIPTS,
    }


def test_the_page_asks_nobody_else_for_anything() -> None:
    files = [*frame.STATIC.rglob("*.*"), *render.TEMPLATES.iterdir()]
    assert [path.name for path in files if re.search(r"https?://|url\(|@import", path.read_text("utf-8"))] == []


def test_the_ground_before_the_styles_are_read_is_theirs() -> None:
    tokens = re.findall(r"--mm-ground: (#\w+);", (frame.STATIC / "shell" / "theme.css").read_text("utf-8"))
    base = frame.mount_options()["theme"]
    assert tokens == [base.body_background_fill, base.body_background_fill_dark]


def test_scripts_find_every_text_that_they_may_say_in_every_language() -> None:
    head = frame.mount_options()["head"]
    texts = json.loads(re.search(r"window\.mmdemoTexts = (\{.*?\})</script>", head, re.S)[1])  # type: ignore[index]
    assert set(texts) == set(locale.LANGUAGES)
    assert texts["zh"]["predict.predict"] == "预测"


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_the_form_has_a_label_for_every_field(language: str) -> None:
    tasks = task_choices.view(FakeLoop().tasks, language)
    html = form(tasks, language)
    for identity in re.findall(r'<textarea[^>]* id="([^"]+)"', html):
        assert f'<label class="mm-label" for="{identity}">' in html
    assert re.findall(r'aria-label=""', html) == []


def test_what_is_deleted_is_not_left_among_what_reviewers_are_shown() -> None:
    loop = FakeLoop()
    desk = PredictController(loop, Settings())
    desk.previews.get("s-1", lambda: Preview(picture="data:,secret"))
    opened = Visit("sentiment", Sample(text="secret"), keep=False, opened=True)
    desk.visits.begin("a" * 32, opened)
    desk.erase("p-1")
    assert loop.forgotten == ["p-1"] and "s-1" not in desk.previews
    assert desk.visits.get("a" * 32) is None


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_the_share_of_sure_answers_that_is_kept_is_said_before_anybody_agrees(share: float) -> None:
    task = dataclasses.replace(FakeLoop().tasks["sentiment"], audit_share=share, examples=())
    for language in ("en", "zh"):
        usual, most = (percent(each, language) for each in (share, max(share, task.audits.share)))
        tasks = task_choices.view({"sentiment": task}, language)
        html = form(tasks, language)
        consent = re.search(r'<div class="mm-consent".*', html, re.S)[0]  # type: ignore[index]
        for name in ("ask", "yes", "kept"):
            sentence = re.search(rf'<span data-consent="{name}" hidden>(.*?)</span>', consent)[1]  # type: ignore[index]
            assert sentence.count(most) == (1 if share else 0)  # at first, and where answers are disputed
        kept = consent[consent.index('class="mm-kept"') :]
        assert (usual in kept and most in kept and "200" in kept) == bool(share)
        assert "%" not in consent or share


def test_each_task_says_its_own_share() -> None:
    tasks = {name: dataclasses.replace(task, examples=()) for name, task in FakeLoop().tasks.items()}
    tasks["speech_emotion"] = dataclasses.replace(tasks["speech_emotion"], audit_share=0.5)
    said = {task.name: task.consent for task in task_choices.view(tasks, "en")}
    for choice in ("ask", "yes", "kept"):
        assert "20 %" in said["sentiment"][choice] and "50 %" in said["speech_emotion"][choice]


def test_no_box_is_ticked_beforehand_and_nothing_agreed_to() -> None:
    html = form(task_choices.view(FakeLoop().tasks, "en"), "en")
    assert "checkbox" not in html and "checked " not in html
    assert 'data-mode="ask"' in html and "Only if you say yes" in html


def test_where_samples_are_kept_unless_declined_the_page_says_so() -> None:
    loop = FakeLoop()
    html = form(task_choices.view(loop.tasks, "en"), "en", unless_declined=True)
    assert 'data-mode="unless_declined"' in html and "On this page, unless you decline:" in html


def test_no_english_is_left_in_the_chinese_form() -> None:
    tasks = [dataclasses.replace(task, examples=()) for task in task_choices.view(FakeLoop().tasks, "zh")]
    html = form(tasks, "zh")
    html += render.html("header", "zh", tabs={"predict": "预测"}, languages={"zh": "中文"})
    shown = re.findall(r">([^<]+)<", html) + re.findall(r'(?:aria-label|placeholder|alt|title)="([^"]*)"', html)
    words = {word for text in shown for word in re.findall(r"[A-Za-z]{2,}", text)}
    assert words <= {"Ctrl", "Enter"}


def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"Port {port} of 127.0.0.1 is in use") as refusal:
            address.check(Settings(server_port=port))
    assert refusal.value.exit_code == 1


@pytest.mark.parametrize("change", [{"server_port": 70_000}, {"server_name": "no-such-host.invalid"}])
def test_an_address_that_cannot_be_served_is_said_in_a_sentence(change: dict) -> None:
    with pytest.raises(CannotListen, match="Check GRADIO_SERVER_NAME"):
        address.check(Settings(**change))
