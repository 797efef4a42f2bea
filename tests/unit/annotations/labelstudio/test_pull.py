"""What people say there becomes a correction here, once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from annotations import review_queue
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from annotations.schema import CorrectionRow, RemoteLinkRow, RemoteProjectRow
from annotations.store import samples
from mmdemo.values.review import SampleState
from tests.fake_label_studio import URL
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import MARK, Loop

ANN, BEN = "ann@example.com", "ben@example.com"
OURS = "label_studio"


@pytest.fixture
def sent(loop: Loop) -> str:
    """A sample that lies there."""
    sample_id, _ = loop.visit("what is it", seed=1)
    loop.sync()
    return sample_id


def test_an_annotation_becomes_a_correction_by_its_annotator(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral", person=2)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.said(sent) == [("neutral", BEN, OURS)]
    assert loop.row(sent).state == SampleState.LABELLED
    assert len(loop.there(sent)) == 1  # it stays there as done


def test_a_second_round_changes_nothing(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral")
    loop.sync()
    before = loop.server.state(), loop.said(sent)
    assert loop.sync() == SyncReport()
    assert (loop.server.state(), loop.said(sent)) == before


def test_what_was_answered_there_and_is_disputed_here_is_asked_again_here(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral")
    loop.sync()
    sample = given.inputs("what is it", seed=1)
    review_queue.offer(loop.store, given.TASK, sample, given.prediction(sample), suggested="negative")
    assert loop.sync() == SyncReport()
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [("neutral", ANN, OURS)])
    loop.correct(sent, "negative")
    assert loop.sync() == SyncReport()
    assert [label for label, *_ in loop.said(sent)] == ["neutral", "negative"]


def test_an_annotation_that_is_changed_there_counts_anew(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    result = (tasks.result(given.TASK, "negative"),)
    loop.server.change(*loop.there(sent), annotation, result=result, annotator=2)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.said(sent) == [("negative", BEN, OURS)]  # it is no longer Ann's
    loop.server.change(*loop.there(sent), annotation, result=(tasks.result(given.TASK, "neutral"),))
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.said(sent) == [("negative", BEN, OURS), ("neutral", BEN, OURS)]


def test_saving_the_same_label_again_is_no_news(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    loop.server.change(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport()
    assert loop.said(sent) == [("neutral", ANN, OURS)]


def test_a_right_answer_for_the_wrong_reason_is_marked_here_and_unmarked_again(loop: Loop, sent: str) -> None:
    said = (tasks.result(given.TASK, "positive"), MARK)  # "positive" is the guess
    annotation = loop.server.annotate(*loop.there(sent), said)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.marks(sent) == [("positive", True)]
    assert loop.sync() == SyncReport()
    loop.server.change(*loop.there(sent), annotation, result=said[:1])
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.marks(sent) == [("positive", True), ("positive", False)]
    loop.server.change(*loop.there(sent), annotation, result=said)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.marks(sent)[-1] == ("positive", True)


def test_the_mark_is_left_out_where_the_guess_was_wrong(loop: Loop, sent: str) -> None:
    said = (tasks.result(given.TASK, "neutral"), MARK)
    loop.server.annotate(*loop.there(sent), said)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.marks(sent) == [("neutral", False)]
    assert loop.sync() == SyncReport()


def test_each_persons_answer_is_kept_and_what_most_say_counts(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral", person=1)
    loop.annotate(sent, "negative", person=2)
    assert loop.sync() == SyncReport(pulled=2)
    assert loop.said(sent) == [("neutral", ANN, OURS), ("negative", BEN, OURS)]
    assert loop.counts(sent) == "negative"  # of equals the latest
    loop.server.people[3] = "cleo@example.com"
    loop.annotate(sent, "neutral", person=3)
    loop.annotate(sent, "negative", person=3)
    loop.annotate(sent, "neutral", person=3)
    loop.annotate(sent, "negative", person=2)
    loop.sync()
    assert loop.counts(sent) == "neutral"  # two of three, though the other spoke last
    assert loop.sync() == SyncReport()


@pytest.mark.parametrize("first", [0, 1])
def test_two_annotations_deleted_in_turn_leave_nothing(loop: Loop, sent: str, first: int) -> None:
    annotations = [loop.annotate(sent, "neutral", person=1), loop.annotate(sent, "negative", person=2)]
    loop.sync()
    loop.server.delete_annotation(*loop.there(sent), annotations[first])
    assert loop.sync() == SyncReport(withdrawn=1)
    assert loop.counts(sent) == ["negative", "neutral"][first]
    loop.server.delete_annotation(*loop.there(sent), annotations[1 - first])
    assert loop.sync() == SyncReport(withdrawn=1, waiting=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [])


def test_two_of_one_person_deleted_in_turn_leave_nothing(loop: Loop, sent: str) -> None:
    annotations = []
    for label in ("neutral", "negative"):
        annotations.append(loop.annotate(sent, label))
        loop.sync()
    for annotation in annotations[::-1]:
        loop.server.delete_annotation(*loop.there(sent), annotation)
        loop.sync()
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [])


@pytest.mark.parametrize("also", [(), ("positive",)])  # what somebody else says: then the renewed answer counts, or not
def test_who_saves_the_first_of_two_of_their_own_again_has_said_it_once(
    loop: Loop, sent: str, also: tuple[str, ...]
) -> None:
    first = loop.annotate(sent, "neutral")
    loop.sync()
    loop.annotate(sent, "negative")
    for label in also:
        loop.annotate(sent, label, person=2)
    loop.sync()
    loop.server.change(*loop.there(sent), first)
    loop.sync()
    assert [label for label, who, _ in loop.said(sent) if who == ANN] == ["negative", "neutral"]
    assert loop.counts(sent) == "neutral"
    assert loop.sync() == SyncReport()


def test_a_result_that_is_emptied_and_then_deleted_counts_no_longer(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    loop.server.change(*loop.there(sent), annotation, result=())
    assert loop.sync() == SyncReport(withdrawn=1, unreadable=1)
    loop.server.delete_annotation(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport(waiting=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [])


def test_another_name_of_the_server_loses_and_doubles_nothing(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    waiting, _ = loop.visit("waits", seed=2)
    loop.sync()
    before = loop.server.state()
    loop.server.url = "http://another.name:8080/"
    assert loop.sync() == SyncReport(waiting=1)
    assert loop.server.state() == before
    assert loop.said(sent) == [("neutral", ANN, OURS)]
    loop.server.delete_annotation(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport(withdrawn=1, waiting=2)
    assert (loop.said(sent), loop.row(waiting).state) == ([], SampleState.SENT)


@pytest.mark.parametrize("address", [URL, "http://another.name:8080/"])
def test_what_an_earlier_release_knew_by_its_address_goes_on(loop: Loop, sent: str, address: str) -> None:
    loop.visit("waits")
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    as_an_earlier_release_left_it(loop)
    before = dict(loop.server.tasks)
    loop.server.url = address
    assert loop.sync() == SyncReport(waiting=1)
    assert (loop.server.tasks, len(loop.server.projects)) == (before, 2)
    assert loop.said(sent) == [("neutral", ANN, OURS)]
    assert loop.sync() == SyncReport(waiting=1)
    loop.server.delete_annotation(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport(withdrawn=1, waiting=2)
    assert loop.said(sent) == []


def as_an_earlier_release_left_it(loop: Loop) -> None:
    """Write everything down by the server's address, and take the ids of the places off their projects."""
    for number, project in loop.server.projects.items():
        bare = project.description.split(" [place:")[0]
        loop.server.projects[number] = replace(project, description=bare)
    with loop.store.session() as session:
        for row in session.scalars(select(RemoteProjectRow)):
            row.server, row.extra = URL, {}
        for link in session.scalars(select(RemoteLinkRow)):
            link.server = URL
            ((annotation, at),) = (link.extra["annotations"] or {None: ""}).items()
            number = int(annotation) if annotation else None
            link.extra = {"files": link.extra["files"], "annotation": number, "updated_at": at, "skipped": False}
        for correction in session.scalars(select(CorrectionRow)):
            correction.external_id = "label-studio.test/" + correction.external_id.split("/", 1)[1]
        session.commit()


def test_an_answer_given_here_after_the_annotation_stands(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral")
    loop.correct(sent, "negative")
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.sync() == SyncReport()
    assert sorted(loop.said(sent)) == [("negative", "Petra", "page"), ("neutral", ANN, OURS)]
    assert loop.counts(sent) == "negative"


def test_an_annotation_given_after_the_answer_here_counts(loop: Loop, sent: str) -> None:
    loop.correct(sent, "negative")
    loop.annotate(sent, "neutral")
    assert loop.sync() == SyncReport(pulled=1)
    assert [label for label, _, _ in loop.said(sent)] == ["negative", "neutral"]


def test_who_saves_the_same_label_after_somebody_here_disagreed_counts(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    loop.correct(sent, "negative")
    assert loop.sync() == SyncReport()
    loop.server.change(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport(pulled=1)
    assert [label for label, _, _ in loop.said(sent)] == ["negative", "neutral"]


def test_a_skip_there_is_a_skip_here(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "")
    assert loop.sync() == SyncReport(skipped=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SKIPPED, [])
    assert loop.sync() == SyncReport()


def test_a_label_after_a_skip_counts(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "")
    loop.sync()
    result = (tasks.result(given.TASK, "neutral"),)
    loop.server.change(*loop.there(sent), annotation, result=result, cancelled=False)
    assert loop.sync().pulled == 1
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.LABELLED, [("neutral", ANN, OURS)])
    assert loop.sync() == SyncReport()


def test_a_skip_that_was_undone_here_is_not_repeated(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "")
    loop.sync()
    assert review_queue.undo(loop.store, ANN) is None  # it was no script's, whatever name it types
    with loop.store.session() as session:
        review_queue.move(session, samples.get(session, sent), "undo")
        session.commit()
    assert loop.sync() == SyncReport()
    assert loop.row(sent).state == SampleState.SENT


@pytest.mark.parametrize("label", ["neutral", ""])
def test_what_is_deleted_there_is_withdrawn_and_asked_again(loop: Loop, sent: str, label: str) -> None:
    annotation = loop.annotate(sent, label)
    loop.sync()
    loop.server.delete_annotation(*loop.there(sent), annotation)
    assert loop.sync() == SyncReport(withdrawn=1, waiting=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [])
    assert loop.sync() == SyncReport(waiting=1)


def test_every_label_that_a_deleted_annotation_ever_said_is_withdrawn(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    loop.server.change(*loop.there(sent), annotation, result=(tasks.result(given.TASK, "negative"),))
    loop.sync()
    loop.server.delete_annotation(*loop.there(sent), annotation)
    loop.sync()
    assert loop.said(sent) == []


def test_a_label_that_became_a_skip_is_withdrawn(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    loop.server.change(*loop.there(sent), annotation, cancelled=True)
    assert loop.sync() == SyncReport(withdrawn=1, skipped=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SKIPPED, [])
    assert loop.sync() == SyncReport()


def test_when_the_last_annotation_is_deleted_the_one_before_counts(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral", person=1)
    last = loop.annotate(sent, "negative", person=2)
    loop.sync()
    loop.server.delete_annotation(*loop.there(sent), last)
    assert loop.sync() == SyncReport(withdrawn=1)
    assert loop.said(sent) == [("neutral", ANN, OURS)]


def test_an_annotation_without_a_label_of_the_task_is_reported_and_left(loop: Loop, sent: str) -> None:
    result = {**tasks.result(given.TASK, "neutral"), "value": {"choices": ["from another life"]}}
    loop.server.annotate(*loop.there(sent), [result])
    assert loop.sync() == SyncReport(unreadable=1)
    assert (loop.row(sent).state, loop.said(sent)) == (SampleState.SENT, [])


def test_an_annotator_whose_user_is_gone_still_has_a_name(loop: Loop, sent: str) -> None:
    loop.annotate(sent, "neutral", person=99)
    loop.sync()
    assert loop.said(sent) == [("neutral", "Label Studio", OURS)]


def test_a_server_that_was_set_up_anew_under_its_address_is_no_confusion(loop: Loop, sent: str) -> None:
    annotation = loop.annotate(sent, "neutral")
    loop.sync()
    other, _ = loop.visit("another sample")
    for table in (loop.server.projects, loop.server.tasks, loop.server.uploads, loop.server.predictions):
        table.clear()
    assert loop.sync() == SyncReport(created=1, pushed=1, waiting=1)
    loop.server.numbers = iter([annotation])  # numbers start anew
    loop.annotate(other, "neutral")
    assert loop.sync() == SyncReport(pulled=1)
    assert (loop.said(other), loop.said(sent)) == ([("neutral", ANN, OURS)],) * 2


def test_nothing_is_fetched_for_what_was_forgotten(loop: Loop) -> None:
    sample_id, prediction_id = loop.visit("forget me")
    loop.sync()
    loop.annotate(sample_id, "neutral")
    retention.forget(loop.store, prediction_id)
    assert loop.sync() == SyncReport(removed=1)
    assert loop.said(sample_id) == []


def test_the_clock_of_the_server_may_run_ahead(loop: Loop, sent: str) -> None:
    loop.server.clock += timedelta(days=1)
    loop.annotate(sent, "neutral")
    assert [loop.sync(), loop.sync()] == [SyncReport(pulled=1), SyncReport()]
