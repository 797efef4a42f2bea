"""The queue goes to a real Label Studio, and what is said there comes back: once, however often it is asked."""

import re

import httpx
from label_studio_sdk import LabelStudio

from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from mmdemo.values.review import SampleState
from tests.e2e.labelstudio.conftest import Loop
from tests.label_studio_server import LabelStudioServer

OURS = "label_studio"


def fetch(server: LabelStudioServer, path: str) -> httpx.Response:
    """Return what the server answers somebody who is signed in."""
    return httpx.get(server.url + path, headers={"Authorization": f"Token {server.token}"}, timeout=30)


def test_the_queue_goes_there_with_media_and_guesses(loop: Loop, label_studio, sdk: LabelStudio) -> None:
    pictures = [loop.visit(seed, f"caption {seed} <b>& 🙂</b>")[0] for seed in range(3)]
    sound = loop.speak(1)[0]
    assert loop.sync() == SyncReport(created=2, pushed=4, waiting=4)

    there = loop.there(sdk, loop.pictures) | loop.there(sdk, loop.sounds)
    assert set(there) == {*pictures, sound}
    for sample_id, task in there.items():
        assert set(task.data) == {"looked", "reason", "suggested", "sample_id"} | (
            {"audio"} if sample_id == sound else {"image", "text"}
        )
        (guess,) = task.predictions
        assert guess.model_version == "v7" and 0 < guess.score <= 0.4
        asked = loop.sounds if sample_id == sound else loop.pictures
        assert guess.result == [tasks.result(asked, asked.label_names[-1])]
        (kept,) = loop.media(sample_id)
        assert fetch(label_studio, task.data.get("image") or task.data["audio"]).content == kept.read_bytes()
    assert there[pictures[1]].data["text"] == "caption 1 <b>& 🙂</b>"
    assert {loop.state(sample_id) for sample_id in there} == {SampleState.SENT}

    assert loop.sync() == SyncReport(waiting=4)
    again = loop.there(sdk, loop.pictures) | loop.there(sdk, loop.sounds)
    assert {sample_id: (task.id, task.updated_at) for sample_id, task in again.items()} == {
        sample_id: (task.id, task.updated_at) for sample_id, task in there.items()
    }


def test_answers_come_back_once_and_changes_again(loop: Loop, label_studio, sdk: LabelStudio) -> None:
    first, second, third = (loop.visit(seed, "hm")[0] for seed in range(3))
    sound = loop.speak(2)[0]
    loop.sync()
    there = loop.there(sdk, loop.pictures) | loop.there(sdk, loop.sounds)
    annotation = sdk.annotations.create(id=there[first].id, result=[tasks.result(loop.pictures, "negative")])
    sdk.annotations.create(id=there[second].id, result=[], was_cancelled=True)
    sdk.annotations.create(id=there[sound].id, result=[tasks.result(loop.sounds, "calm")])

    assert loop.sync() == SyncReport(pulled=2, skipped=1, waiting=1)
    assert [loop.state(sample_id) for sample_id in (first, second, third, sound)] == [
        SampleState.LABELLED,
        SampleState.SKIPPED,
        SampleState.SENT,
        SampleState.LABELLED,
    ]
    assert loop.said(first) == [("negative", label_studio.email, OURS)]
    assert loop.said(sound) == [("calm", label_studio.email, OURS)]
    assert loop.sync() == SyncReport(waiting=1)

    sdk.annotations.update(id=annotation.id, result=[tasks.result(loop.pictures, "neutral")])
    assert loop.sync_task(loop.pictures) == SyncReport(pulled=1, waiting=1)
    assert [label for label, _, _ in loop.said(first)] == ["negative", "neutral"]

    sdk.annotations.delete(id=annotation.id)
    assert loop.sync_task(loop.pictures) == SyncReport(withdrawn=1, waiting=2)
    assert (loop.state(first), loop.said(first)) == (SampleState.SENT, [])


def test_what_is_forgotten_is_deleted_there_with_its_files(loop: Loop, label_studio, sdk: LabelStudio) -> None:
    gone, prediction_id = loop.visit(0, "forget this")
    kept, _ = loop.visit(1, "keep this")
    loop.sync_task(loop.pictures)
    there = loop.there(sdk, loop.pictures)
    on_disk = {sample_id: label_studio.data / "media" / task.data["image"][6:] for sample_id, task in there.items()}
    assert [path.exists() for path in on_disk.values()] == [True, True]

    retention.forget(loop.store, prediction_id)
    assert loop.sync_task(loop.pictures) == SyncReport(removed=1, waiting=1)
    assert set(loop.there(sdk, loop.pictures)) == {kept}
    assert fetch(label_studio, there[gone].data["image"]).status_code >= 400
    assert fetch(label_studio, there[kept].data["image"]).status_code == 200
    assert [on_disk[gone].exists(), on_disk[kept].exists()] == [False, True]


def test_the_server_keeps_bytes_on_its_disk_that_only_it_can_erase(without_media: Loop, label_studio, sdk, capsys):
    loop = without_media
    gone, prediction_id = loop.visit(0, "forget this")
    loop.sync_task(loop.pictures)
    path = loop.there(sdk, loop.pictures)[gone].data["image"].removeprefix("/data/")
    retention.forget(loop.store, prediction_id)
    loop.sync_task(loop.pictures)
    assert (label_studio.data / "media" / path).exists()  # were this false, MMDEMO_LABEL_STUDIO_MEDIA were not needed
    assert path in capsys.readouterr().err


def test_a_changed_task_changes_its_project(loop: Loop, sdk: LabelStudio) -> None:
    loop.sync_task(loop.pictures)
    path = loop.pictures.path
    path.write_text(path.read_text().replace('name = "neutral"', 'name = "mixed"'), encoding="utf-8")
    loop.sync_task(loop.pictures)
    (project,) = [each for each in sdk.projects.list() if each.title == tasks.title(loop.pictures)]
    assert 'alias="mixed"' in project.label_config


def test_a_deleted_file_and_one_without_its_bytes_come_back(loop: Loop, label_studio, sdk: LabelStudio) -> None:
    deleted, emptied, kept = (loop.visit(seed, f"picture {seed}")[0] for seed in range(3))
    loop.sync_task(loop.pictures)
    before = {name: task.data["image"] for name, task in loop.there(sdk, loop.pictures).items()}
    project = int(before[deleted].split("/")[3])
    (upload,) = [each for each in sdk.files.list(id=project, all_=True) if before[deleted].endswith(each.file)]
    sdk.files.delete(id=upload.id)
    (label_studio.data / "media" / before[emptied].removeprefix("/data/")).unlink()

    assert loop.sync_task(loop.pictures) == SyncReport(mended=2, waiting=3)
    after = {name: task.data["image"] for name, task in loop.there(sdk, loop.pictures).items()}
    assert {name for name in after if after[name] != before[name]} == {deleted, emptied}
    for sample_id in (deleted, emptied, kept):
        (file,) = loop.media(sample_id)
        assert fetch(label_studio, after[sample_id]).content == file.read_bytes()
    assert loop.sync_task(loop.pictures) == SyncReport(waiting=3)


def test_inputs_that_answers_contradict_get_a_project_of_their_own(loop: Loop, label_studio, sdk) -> None:
    stays, goes, waits = (loop.visit(seed, f"picture {seed}")[0] for seed in range(3))
    loop.sync_task(loop.pictures)
    there = loop.there(sdk, loop.pictures)
    sdk.annotations.create(id=there[stays].id, result=[tasks.result(loop.pictures, "negative")])
    sdk.annotations.create(id=there[goes].id, result=[tasks.result(loop.pictures, "neutral")])
    loop.sync_task(loop.pictures)
    text = loop.pictures.path.read_text(encoding="utf-8").partition("[fusion]")[0]
    text = re.sub(r"\[encoders\.image\][^[]*", "", text.replace('["image", "text"]', '["text"]'))
    loop.pictures.path.write_text(text.replace('name = "neutral"', 'name = "calm"'), encoding="utf-8")

    report = loop.sync_task(loop.pictures)
    assert report == SyncReport(created=1, pushed=2, withdrawn=1, removed=1, waiting=2, unreadable=1)
    assert set(loop.there(sdk, loop.pictures)) == {stays, goes}  # in the old project
    assert loop.said(stays) == [("negative", label_studio.email, OURS)]
    assert [loop.state(sample_id) for sample_id in (stays, goes, waits)] == [
        SampleState.LABELLED,
        SampleState.SENT,
        SampleState.SENT,
    ]
    assert loop.sync_task(loop.pictures) == SyncReport(waiting=2, unreadable=1)


def test_its_page_asks_for_what_judges_first_and_shows_no_guess_of_a_check(
    loop: Loop, label_studio, sdk: LabelStudio
) -> None:
    doubted = [loop.visit(seed, f"doubted {seed}")[0] for seed in range(4)]
    checked = loop.check(9, "surely")
    loop.sync()
    there = loop.there(sdk, loop.pictures)
    judging = [sample_id for sample_id in (*doubted, checked) if loop.is_set_aside(sample_id)]
    assert checked in judging and len(judging) < len(there)
    for sample_id in judging:
        asked = fetch(label_studio, f"/api/projects/{there[checked].project}/next").json()
        assert asked["data"]["sample_id"] == sample_id
        if sample_id == checked:
            assert [guess["result"] for guess in asked["predictions"]] == [[]] and asked["data"]["looked"] == ""
        sdk.annotations.create(id=asked["id"], result=[tasks.result(loop.pictures, "negative")])
