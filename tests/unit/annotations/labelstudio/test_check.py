"""What is missing or dangerous is said, and nothing is changed by asking."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotations.labelstudio import check
from annotations.labelstudio.translation import tasks
from mmdemo.errors import LabelStudioError
from tests.fake_label_studio import KEY
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop


@pytest.fixture
def loop(loop: Loop, tmp_path: Path) -> Loop:
    loop.config = replace(loop.config, label_studio_media=tmp_path)
    loop.visit("hm", seed=1)
    loop.sync()
    loop.server.clock = datetime.now(UTC)
    return loop


def found(loop: Loop) -> list[str]:
    before = loop.server.state()
    reasons = check.run(loop.config, loop.server.connect)
    assert all(reason.sentence(language) for reason in reasons for language in ("en", "zh"))
    assert loop.server.state() == before
    return [reason.key for reason in reasons if reason.key != "cli.check_plain"]  # its address is no machine's


def project(loop: Loop):
    (ours,) = [each for each in loop.server.projects.values() if each.title == tasks.title(given.TASK)]
    return ours


def test_where_all_is_well_nothing_is_said(loop: Loop) -> None:
    assert found(loop) == []


def test_open_sign_up_is_a_danger_and_comes_first(loop: Loop) -> None:
    loop.server.open_signup = True
    loop.config = replace(loop.config, label_studio_media=None)
    assert found(loop) == ["cli.check_signup", "cli.check_media"]


def test_plain_http_to_another_machine_is_a_danger(loop: Loop) -> None:
    assert [reason.key for reason in check.run(loop.config, loop.server.connect)] == ["cli.check_plain"]
    loop.server.url = "https://label-studio.test/"
    assert [reason.key for reason in check.run(loop.config, loop.server.connect)] == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_differ_are_said(loop: Loop, hours: int) -> None:
    loop.server.clock += timedelta(hours=hours)
    assert found(loop) == ["cli.check_clock"]


def test_a_project_that_is_gone_is_said_and_mended_by_the_next_sync(loop: Loop) -> None:
    gone = project(loop)
    loop.server.projects.pop(gone.id)
    loop.server.tasks.clear()
    assert found(loop) == ["cli.check_gone"]
    loop.sync()
    assert found(loop) == []


def test_a_stranger_and_another_home_are_told_apart(loop: Loop) -> None:
    client = loop.server.connect(loop.server.url, KEY)
    client.create_project(tasks.title(given.TASK), "my own", "<View></View>")
    other = tasks.with_place(tasks.description(given.TASK), "0123456789abcdef")
    client.create_project(tasks.title(given.TASK), other, "<View></View>")
    assert found(loop) == ["cli.check_taken", "cli.check_other_home"]


def test_tasks_that_lack_their_guess_are_counted(loop: Loop) -> None:
    loop.server.predictions.clear()
    reasons = check.run(loop.config, loop.server.connect)
    assert [(reason.key, reason.values) for reason in reasons][1:] == [
        ("cli.check_sick", {"task": given.TASK.name, "count": 1})
    ]
    loop.sync()
    assert found(loop) == []


def test_pictures_that_cannot_be_shown_are_counted(loop: Loop) -> None:
    loop.server.uploads.clear()
    reasons = check.run(loop.config, loop.server.connect)
    assert [(reason.key, reason.values) for reason in reasons][1:] == [
        ("cli.check_unseen", {"task": given.TASK.name, "count": 1})
    ]
    loop.sync()
    assert found(loop) == []


@pytest.mark.parametrize(
    ("url", "own", "expected"),
    [
        ("http://labels.test/ls/", "/ls", []),
        ("http://labels.test/", "/ls", []),  # reached behind its proxy's back, where its page lies elsewhere
        ("http://labels.test/ls/", "", ["cli.check_prefix"]),
        ("http://labels.test/ls/", "/other", ["cli.check_prefix"]),
    ],
)
def test_a_server_that_does_not_know_its_path_is_said(loop: Loop, url: str, own: str, expected: list[str]) -> None:
    loop.server.url, loop.server.prefix = url, own
    loop.sync()
    assert found(loop) == expected


def test_a_server_that_is_away_or_not_set_is_said_with_what_to_do(loop: Loop) -> None:
    def away(name: str) -> None:
        raise LabelStudioError("label_studio_away", url="http://x/", detail="refused")

    loop.server.before = away
    assert found(loop) == ["error.label_studio_away"]
    loop.config = replace(loop.config, label_studio_url="")
    assert found(loop) == ["error.label_studio_not_set"]
