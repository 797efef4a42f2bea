"""What waits is sent, once; what is asked no more is taken back."""

import copy
from dataclasses import replace

import pytest

from annotations import review_queue
from annotations.acquisition.strata import is_set_aside
from annotations.labelstudio import push
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from mmdemo.errors import LabelStudioError
from mmdemo.values.review import SampleState
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop


def test_the_queue_is_sent_with_its_guesses_most_doubtful_first(loop: Loop) -> None:
    surer, _ = loop.visit("hm", seed=1, confidence=0.55, version="v2")
    unsure, _ = loop.visit("so so", confidence=0.35, version="v2")
    report = loop.sync()
    assert report == SyncReport(created=1, pushed=2, waiting=2)
    assert [loop.there(unsure), loop.there(surer)] == [[number] for number in loop.server.tasks]
    (guess,) = loop.server.predictions[loop.there(surer)[0]]["predictions"]
    assert (guess["score"], guess["model_version"]) == (0.55, "v2")
    assert tasks.value_of(guess["result"], given.TASK) == "positive"
    assert loop.row(surer).state == loop.row(unsure).state == SampleState.SENT


def test_a_picture_goes_along_as_it_is_kept_here(loop: Loop) -> None:
    sample_id, _ = loop.visit("with a picture", seed=3)
    loop.sync()
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert remote.data["image"] == f"/data/{loop.files(sample_id)[0]}"
    kept = (loop.store.media / loop.row(sample_id).image).read_bytes()
    assert [data for _, _, data in loop.server.uploads.values()] == [kept]


def test_where_the_model_looked_goes_along(loop: Loop) -> None:
    sample_id, _ = loop.visit("it <i>looks</i>", seed=3)
    loop.sync()
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert f'<img src="{remote.data["image"]}"' in remote.data["looked"]
    assert "&lt;i&gt;looks&lt;/i&gt;</span>" in remote.data["looked"]


def test_nothing_of_the_sender_goes_along(loop: Loop) -> None:
    sample_id, prediction_id = loop.visit("who am I", seed=4)
    loop.sync()
    _, remote = loop.server.tasks[loop.there(sample_id)[0]]
    assert set(remote.data) == {"image", "text", "looked", "reason", "suggested", "sample_id"}
    assert prediction_id not in repr(loop.server)


def test_a_second_round_changes_nothing(loop: Loop) -> None:
    loop.visit("a", seed=1)
    loop.visit("b")
    loop.sync()
    before = loop.server.state()
    assert loop.sync() == SyncReport(waiting=2)
    assert loop.server.state() == before


def test_confident_and_answered_samples_stay_here(loop: Loop) -> None:
    answered, _ = loop.visit("answered")
    loop.correct(answered, "neutral")
    loop.visit("surely", confidence=0.9)
    assert loop.sync() == SyncReport(created=1)
    assert loop.server.tasks == {}


@pytest.mark.parametrize("moment", ["upload", "import_tasks", "import_tasks done"])
def test_a_round_that_broke_off_is_finished_by_the_next(loop: Loop, moment: str) -> None:
    ids = [loop.visit(f"text {seed}", seed=seed)[0] for seed in range(3)]
    loop.sync_cut_off(moment)
    loop.sync()
    assert [(len(loop.there(each)), len(loop.files(each)), loop.row(each).state) for each in ids] == [
        (1, 1, SampleState.SENT)
    ] * 3
    assert loop.sync() == SyncReport(waiting=3)


def test_what_was_imported_twice_is_healed(loop: Loop) -> None:
    sample_id, _ = loop.visit("twice", seed=1)
    loop.sync()
    project, remote = loop.server.tasks[loop.there(sample_id)[0]]
    loop.server.tasks[900] = project, replace(remote, id=900)
    loop.server.predictions[900] = copy.deepcopy(loop.server.predictions[remote.id])
    loop.server.annotate(900, [tasks.result(given.TASK, "neutral")])
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.there(sample_id) == [900]  # the one that somebody annotated
    assert loop.sync() == SyncReport()


def test_more_than_one_batch_goes_through(loop: Loop) -> None:
    ids = [loop.visit(f"number {number}", confidence=0.5 - number / 1000)[0] for number in range(push.BATCH + 2)]
    assert loop.sync().pushed == len(ids)
    aside = [name for name in ids if is_set_aside(loop.row(name), given.TASK.gate.held_out_share)]
    doubtful = [name for name in ids[::-1] if name not in aside]
    assert [task.data["sample_id"] for _, task in loop.server.tasks.values()] == [*aside, *doubtful]


def test_a_sample_whose_file_is_lost_is_said_and_holds_up_nobody(loop: Loop, capsys) -> None:
    lost, _ = loop.visit("lost", seed=1)
    kept, _ = loop.visit("kept", seed=2)
    (loop.store.media / loop.row(lost).image).unlink()
    assert loop.sync().pushed == 1
    assert lost in capsys.readouterr().err
    assert (loop.row(lost).state, loop.row(kept).state) == (SampleState.QUEUED, SampleState.SENT)


def test_what_was_deleted_there_by_hand_is_sent_again(loop: Loop) -> None:
    sample_id, _ = loop.visit("again", seed=1)
    loop.sync()
    loop.server.tasks.clear()
    assert loop.sync() == SyncReport(pushed=1, waiting=1)
    assert len(loop.files(sample_id)) == 1


def test_what_was_answered_here_is_taken_back(loop: Loop) -> None:
    sample_id, _ = loop.visit("mine", seed=1)
    skipped, _ = loop.visit("not mine", seed=2)
    loop.sync()
    loop.correct(sample_id, "negative")
    review_queue.skip(loop.store, skipped, "Petra")
    assert loop.sync() == SyncReport(removed=2)
    assert loop.server.tasks == loop.server.uploads == {}
    assert (loop.row(sample_id).state, loop.row(skipped).state) == (SampleState.LABELLED, SampleState.SKIPPED)
    assert loop.sync() == SyncReport()


def test_what_was_answered_on_both_sides_stays_there(loop: Loop) -> None:
    sample_id, _ = loop.visit("both", seed=1)
    loop.sync()
    loop.annotate(sample_id, "neutral")
    loop.correct(sample_id, "negative")
    assert loop.sync() == SyncReport(pulled=1)
    assert len(loop.there(sample_id)) == 1


def test_an_answer_that_was_undone_here_is_asked_there_again(loop: Loop) -> None:
    sample_id, _ = loop.visit("undo")
    loop.sync()
    loop.correct(sample_id, "negative")
    loop.sync()
    review_queue.undo(loop.store, "Petra")
    assert loop.sync() == SyncReport(pushed=1, waiting=1)


@pytest.mark.parametrize("answered", [False, True])
def test_what_was_forgotten_is_deleted_there_with_its_files(loop: Loop, with_media, answered: bool) -> None:
    sample_id, prediction_id = loop.visit("forget me", seed=1)
    other, _ = loop.visit("keep me", seed=1)  # the same picture
    loop.sync()
    files, others = with_media(sample_id), with_media(other)
    if answered:
        loop.annotate(sample_id, "neutral")
        loop.sync()
    retention.forget(loop.store, prediction_id)
    assert loop.sync().removed == 1
    assert loop.there(sample_id) == loop.files(sample_id) == []
    assert [path.exists() for path in (*files, *others)] == [False, True]
    assert "forget me" not in repr(loop.server)
    assert loop.sync() == SyncReport(waiting=1)


def test_files_that_cannot_be_erased_from_here_are_named(loop: Loop, capsys) -> None:
    sample_id, prediction_id = loop.visit("forget me", seed=1)
    loop.sync()
    (path,) = loop.files(sample_id)
    retention.forget(loop.store, prediction_id)
    loop.sync()
    assert path in capsys.readouterr().err
    loop.sync()
    assert capsys.readouterr().err == ""


def test_files_that_another_users_key_sent_are_deleted_too(loop: Loop) -> None:
    _, prediction_id = loop.visit("forget me", seed=1)
    loop.sync()
    hidden = dict(loop.server.uploads)
    loop.server.listed = lambda upload: upload.id not in hidden  # the server lists to each user only their own
    retention.forget(loop.store, prediction_id)
    loop.sync()
    assert loop.server.uploads == {}


def test_a_file_of_somebody_else_that_has_its_number_now_is_not_deleted(loop: Loop) -> None:
    _, prediction_id = loop.visit("forget me", seed=1)
    loop.sync()
    for number, (project, upload, data) in loop.server.uploads.items():
        loop.server.uploads[number] = project, replace(upload, name="x-theirs.png", path="upload/9/x-theirs.png"), data
    retention.forget(loop.store, prediction_id)
    loop.sync()
    assert [upload.name for _, upload, _ in loop.server.uploads.values()] == ["x-theirs.png"]


def test_an_erasure_that_broke_off_is_finished_by_the_next_round(loop: Loop, with_media) -> None:
    sample_id, prediction_id = loop.visit("forget me", seed=1)
    loop.sync()
    with_media(sample_id)
    retention.forget(loop.store, prediction_id)

    def cut(name: str) -> None:
        if name == "delete_upload":
            raise LabelStudioError("label_studio_away", url="", detail="cut off")

    loop.server.before = cut
    with pytest.raises(LabelStudioError):
        loop.sync()
    loop.server.before = lambda name: None
    loop.sync()
    assert loop.server.tasks == loop.server.uploads == {}


@pytest.mark.parametrize("moment", ["upload", "import_tasks", "import_tasks done"])
def test_what_is_forgotten_while_it_is_sent_does_not_stay(loop: Loop, moment: str) -> None:
    _, prediction_id = loop.visit("forget me now", seed=1)

    def forget(name: str) -> None:
        if name == moment:
            loop.server.before = lambda _: None
            retention.forget(loop.store, prediction_id)

    loop.server.before = forget
    loop.sync()
    assert loop.server.tasks == loop.server.uploads == {}


def test_what_came_back_is_sent_again(loop: Loop) -> None:
    sample_id, prediction_id = loop.visit("back", seed=1)
    loop.sync()
    retention.forget(loop.store, prediction_id)
    loop.sync()
    assert loop.visit("back", seed=1)[0] == sample_id
    assert loop.sync() == SyncReport(pushed=1, waiting=1)
    assert len(loop.there(sample_id)) == len(loop.files(sample_id)) == 1


def test_what_people_put_there_themselves_is_left_alone(loop: Loop) -> None:
    loop.visit("ours")
    loop.sync()
    (project,) = {project for project, _ in loop.server.tasks.values()}
    client = loop.server.connect("", "a-key")
    theirs = client.import_tasks(
        project,
        [{"data": {"image": "", "text": "theirs"}}, {"data": {"image": "", "text": "x", "sample_id": "f" * 64}}],
    )
    loop.sync()
    assert set(theirs) <= set(loop.server.tasks)


def test_the_page_preselects_the_guesses_of_most_that_wait(loop: Loop) -> None:
    loop.visit("a", version="v1")
    loop.sync()
    loop.visit("b", version="v2")
    loop.visit("c", version="v2")
    loop.sync()
    assert {project.model_version for project in loop.server.projects.values()} == {"v2"}
    assert loop.sync() == SyncReport(waiting=3)
