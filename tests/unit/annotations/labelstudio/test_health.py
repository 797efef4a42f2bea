"""What lies there is as it should be: read back, compared and mended."""

import itertools
from dataclasses import replace

import pytest

from annotations import review_queue
from annotations.acquisition.strata import is_set_aside
from annotations.labelstudio.files import ShownFiles
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from mmdemo.errors import LabelStudioError
from mmdemo.values.review import SampleState
from tests.fake_label_studio import KEY
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop

SILENT = ("v1", None)  # the guess by which a blind task gets its turn


def guesses(loop: Loop, sample_id: str) -> list[tuple[str, str | None]]:
    """Return version and label of what the model said there."""
    (task,) = loop.there(sample_id)
    guesses = loop.server.predictions[task]["predictions"]
    return [(each["model_version"], tasks.value_of(each["result"], given.TASK)) for each in guesses]


def test_a_guess_that_the_server_drops_is_put_there_before_its_task_counts_as_sent(loop: Loop) -> None:
    ids = [loop.visit(f"text {number}")[0] for number in range(5)]
    loop.server.drops = lambda task: task % 2 == 0
    assert loop.sync() == SyncReport(created=1, pushed=5, waiting=5)
    assert [guesses(loop, sample_id) for sample_id in ids] == [[("v1", "positive")]] * 5
    assert loop.sync() == SyncReport(waiting=5)


def test_what_cannot_be_mended_at_once_counts_as_sent_when_it_is(loop: Loop) -> None:
    sample_id, _ = loop.visit("dropped")
    loop.server.drops = lambda task: True

    def cut(name: str) -> None:
        if name == "add_guesses":
            raise LabelStudioError("label_studio_away", url="", detail="overloaded")

    loop.server.before = cut
    with pytest.raises(LabelStudioError):
        loop.sync()
    assert loop.row(sample_id).state == SampleState.QUEUED
    loop.server.before = lambda name: None
    assert loop.sync() == SyncReport(mended=1, waiting=1)
    assert (loop.row(sample_id).state, guesses(loop, sample_id)) == (SampleState.SENT, [("v1", "positive")])


def test_a_guess_of_another_version_is_not_the_one_that_it_should_be(loop: Loop) -> None:
    sample_id, _ = loop.visit("hm", version="v2")
    loop.sync()
    (task,) = loop.there(sample_id)
    loop.server.predictions[task]["predictions"][0]["model_version"] = "v1"
    assert loop.sync() == SyncReport(mended=1, waiting=1)
    assert guesses(loop, sample_id) == [("v1", "positive"), ("v2", "positive")]  # others' guesses are left alone
    assert loop.sync() == SyncReport(waiting=1)


def audit(loop: Loop) -> str:
    """Let a sure answer be kept that was drawn at random."""
    sample = given.inputs("surely", seed=5)
    answer = replace(given.prediction(sample, 0.9), flagged=True, reason="audit")
    return review_queue.offer(loop.store, given.TASK, sample, answer)[0]


def test_a_random_check_is_answered_blind_there_too(loop: Loop) -> None:
    sample_id = audit(loop)
    assert loop.sync() == SyncReport(created=1, pushed=1, waiting=1)
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert (guesses(loop, sample_id), remote.data["looked"], remote.data["reason"]) == ([SILENT], "", "audit")
    assert loop.sync() == SyncReport(waiting=1)


def test_what_judges_is_asked_first_there_as_it_came_and_then_what_is_doubted_most(loop: Loop) -> None:
    visits = [loop.visit(f"text {number}", confidence=0.5 - number / 100)[0] for number in range(12)]
    checked = audit(loop)
    aside = [name for name in visits if is_set_aside(loop.row(name), given.TASK.gate.held_out_share)]
    others = [name for name in visits if name not in aside]
    assert len(aside) > 1 and len(others) > 1
    loop.sync()
    scores = {}
    for sample_id in (*visits, checked):
        [guess] = loop.server.predictions[loop.there(sample_id)[0]]["predictions"]
        scores[sample_id] = guess["score"]
    assert sorted(scores, key=scores.__getitem__) == [*aside, checked, *others[::-1]]
    sent = sorted(scores, key=lambda sample_id: loop.there(sample_id)[0])
    assert sent == sorted(scores, key=scores.__getitem__)


def test_a_random_check_stays_blind_there_where_its_visitor_disputes_the_answer(loop: Loop) -> None:
    sample_id = audit(loop)
    sample = given.inputs("surely", seed=5)
    review_queue.offer(loop.store, given.TASK, sample, given.prediction(sample, 0.9), suggested="negative")
    loop.sync()
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    said = {name: remote.data[name] for name in ("looked", "reason", "suggested")}
    assert (guesses(loop, sample_id), said) == ([SILENT], {"looked": "", "reason": "audit", "suggested": ""})
    assert loop.sync() == SyncReport(waiting=1)


def test_a_random_check_that_an_earlier_release_sent_with_its_guess_loses_it(loop: Loop) -> None:
    sample_id = audit(loop)
    loop.sync()
    (task,) = loop.there(sample_id)
    project, remote = loop.server.tasks[task]
    client = loop.server.connect(loop.server.url, KEY)
    client.add_guesses(
        project, [{"task": task, "model_version": "v1", "result": [tasks.result(given.TASK, "neutral")]}]
    )
    client.set_data(task, {**remote.data, "looked": "<p>here</p>"})
    assert loop.sync() == SyncReport(mended=1, waiting=1)
    _, remote = loop.server.tasks[task]
    assert (guesses(loop, sample_id), remote.data["looked"]) == ([SILENT], "")
    assert loop.sync() == SyncReport(waiting=1)


def test_why_it_is_asked_and_what_its_sender_said_go_along(loop: Loop) -> None:
    sample = given.inputs("no, it is sad")
    answer = given.prediction(sample)
    sample_id, _ = review_queue.offer(loop.store, given.TASK, sample, answer, suggested="negative")
    loop.sync()
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert (remote.data["reason"], remote.data["suggested"]) == ("disputed", "negative")


def test_files_whose_project_was_deleted_there_come_back(loop: Loop) -> None:
    sample_id, prediction_id = loop.visit("with a picture", seed=1)
    loop.visit("without one")
    loop.sync()
    (media,) = [each.id for each in loop.server.projects.values() if each.title == tasks.MEDIA_TITLE]
    loop.server.projects.pop(media)
    loop.server.uploads.clear()
    assert loop.sync() == SyncReport(mended=1, waiting=2)
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert [remote.data["image"]] == [f"/data/{path}" for path in loop.files(sample_id)]
    assert remote.data["image"] in remote.data["looked"]
    assert loop.sync() == SyncReport(waiting=2)
    retention.forget(loop.store, prediction_id)
    loop.sync()
    assert loop.files(sample_id) == []


@pytest.fixture
def pictured(loop: Loop) -> str:
    """A sample that was sent with its picture, beside two others."""
    sample_id, _ = loop.visit("with a picture", seed=1)
    loop.visit("another one", seed=2)
    loop.visit("without one")
    loop.sync()
    return sample_id


def number_of(loop: Loop, sample_id: str) -> int:
    """Return the number of a sample's only file there."""
    path = shown(loop, sample_id).split("/data/")[1]
    return next(number for number, (_, upload, _) in loop.server.uploads.items() if upload.path == path)


def shown(loop: Loop, sample_id: str) -> str:
    """Return the address at which a sample's task looks for its picture, which its map shows too."""
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert f'<img src="{remote.data["image"]}"' in remote.data["looked"]
    return remote.data["image"]


def test_a_file_that_was_deleted_there_by_hand_comes_back(loop: Loop, pictured: str) -> None:
    gone = number_of(loop, pictured)
    del loop.server.uploads[gone]
    assert loop.sync() == SyncReport(mended=1, waiting=3)
    assert [shown(loop, pictured)] == [f"/data/{path}" for path in loop.files(pictured)]
    assert loop.sync() == SyncReport(waiting=3)


def test_a_file_whose_bytes_are_gone_there_comes_back(loop: Loop, pictured: str) -> None:
    number = number_of(loop, pictured)
    project, upload, _ = loop.server.uploads[number]
    loop.server.uploads[number] = project, upload, None
    assert loop.sync() == SyncReport(mended=1, waiting=3)
    assert number_of(loop, pictured) != number
    assert loop.sync() == SyncReport(waiting=3)
    loop.correct(pictured, "neutral")
    loop.sync()
    assert loop.files(pictured) == []  # the empty one is erased too


def test_a_file_that_is_lost_here_too_is_not_called_mended(loop: Loop, pictured: str) -> None:
    del loop.server.uploads[number_of(loop, pictured)]
    (loop.store.media / loop.row(pictured).image).unlink()
    assert loop.sync() == SyncReport(waiting=3)


def test_what_another_users_key_sent_is_asked_after_and_not_sent_again(loop: Loop, pictured: str) -> None:
    loop.server.listed = lambda upload: False
    calls = []
    loop.server.before = calls.append
    before = loop.server.state()
    assert loop.sync() == SyncReport(waiting=3)
    assert (loop.server.state(), calls.count("uploaded")) == (before, 2)


def test_only_so_many_files_that_are_not_listed_are_asked_after(loop: Loop, pictured: str) -> None:
    client = loop.server.connect(loop.server.url, KEY)
    calls = []
    loop.server.before = calls.append
    shown = ShownFiles(client, [], client.projects(), probes=3)
    for number, (_, upload, _) in [*loop.server.uploads.items()] * 2:
        assert not shown.lacks([upload.url], [(number, upload.path)])
    assert calls.count("uploaded") == 3


def test_what_another_users_key_sent_comes_back_where_it_is_gone(loop: Loop, pictured: str) -> None:
    old = number_of(loop, pictured)
    loop.server.listed = lambda upload: upload.id > max(old, 10_000)
    loop.server.numbers = itertools.count(10_001)
    del loop.server.uploads[old]
    assert loop.sync() == SyncReport(mended=1, waiting=3)
    assert number_of(loop, pictured) > 10_000
    assert loop.sync() == SyncReport(waiting=3)


def test_files_follow_the_path_under_which_the_page_lies(loop: Loop, pictured: str) -> None:
    loop.server.prefix = "/ls"
    files_before = loop.files(pictured)
    assert loop.sync() == SyncReport(mended=2, waiting=3)
    assert [shown(loop, pictured)] == [f"/ls/data/{path}" for path in files_before]  # nothing was sent anew
    assert loop.sync() == SyncReport(waiting=3)
    later, _ = loop.visit("later", seed=3)
    loop.sync()
    assert shown(loop, later).startswith("/ls/data/upload/")


def test_an_answer_given_between_reading_and_taking_back_wins(loop: Loop) -> None:
    sample_id, _ = loop.visit("at the last moment")
    loop.sync()
    loop.correct(sample_id, "negative")

    def answer(name: str) -> None:
        if name == "delete_unanswered":
            loop.annotate(sample_id, "neutral")

    loop.server.before = answer
    assert loop.sync() == SyncReport()
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.counts(sample_id) == "neutral"
