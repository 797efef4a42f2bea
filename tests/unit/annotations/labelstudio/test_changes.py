"""Rounds after the first read what changed, and everything where that is not enough."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from annotations.labelstudio import index, sync
from annotations.labelstudio.exchange import Memory
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from mmdemo.errors import LabelStudioError
from mmdemo.values.review import SampleState
from tests.fake_label_studio import KEY
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop

IDLE = ["connect", "projects", "changed_tasks"]


class Watched:
    """Rounds of one process, what the last one asked for, and a clock that is set by hand."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.seconds, self.calls = loop, 0.0, []
        self.listed, self.whole = [], []  # the tasks of which it was told that they changed, and those that came whole
        memory = Memory(clock=lambda: self.seconds)
        self.rounds = sync.SyncRounds(lambda: loop.config, loop.store, [given.TASK], self.connect, memory)

    def connect(self, url: str, key: str):
        client = self.loop.server.connect(url, key)
        changed, changed_tasks = client.changed, client.changed_tasks

        def noted(*about):
            changes = changed(*about)
            self.listed += changes
            return changes

        def noted_tasks(*about):
            remotes = changed_tasks(*about)
            self.whole += [remote.id for remote in remotes]
            return remotes

        client.changed, client.changed_tasks = noted, noted_tasks
        return client

    def go(self, seconds: float = 60.0) -> SyncReport:
        """Go one round so much later."""
        self.seconds += seconds
        self.calls, self.listed, self.whole = [], [], []
        self.loop.server.before = self.calls.append
        try:
            return self.rounds.go()[0]
        finally:
            self.loop.server.before = lambda name: None

    def is_idle(self) -> bool:
        """Whether the last round asked for counts and changes alone, and read no task."""
        return {*self.calls} <= {*IDLE, "changed"} and not self.whole

    def read_everything(self) -> bool:
        """Whether the last round did."""
        return "newest_change" in self.calls


@pytest.fixture
def watched(loop: Loop) -> Watched:
    return Watched(loop)


@pytest.fixture
def sent(loop: Loop, watched: Watched) -> list[str]:
    """Three samples that lie there, the first with a picture; the round after that has read them as they are."""
    ids = [loop.visit(f"number {number}", seed=number + 1)[0] for number in range(3)]
    assert watched.go() == SyncReport(created=1, pushed=3, waiting=3)
    assert watched.go() == SyncReport(waiting=3)
    return ids


def test_a_round_with_nothing_to_do_asks_for_counts_and_changes_alone(watched: Watched, sent: list[str]) -> None:
    before = watched.loop.server.state()
    watched.go()  # what was just sent is listed once more
    for _ in range(3):
        assert watched.go() == SyncReport(waiting=3)
        assert watched.calls == IDLE
    assert watched.loop.server.state() == before


def test_only_what_somebody_touched_there_is_read(watched: Watched, sent: list[str]) -> None:
    loop, read = watched.loop, []

    def go() -> SyncReport:
        report = watched.go()
        read.extend(watched.whole)
        assert "tasks" not in watched.calls
        return report

    said = loop.annotate(sent[1], "neutral")
    assert go() == SyncReport(pulled=1, waiting=2)
    loop.server.change(loop.there(sent[1])[0], said, result=(tasks.result(given.TASK, "negative"),))
    assert go() == SyncReport(pulled=1, waiting=2)
    loop.annotate(sent[2], "")
    assert go() == SyncReport(skipped=1, waiting=1)
    loop.server.delete_annotation(loop.there(sent[1])[0], said)
    assert go() == SyncReport(withdrawn=1, waiting=2)
    assert go() == SyncReport(waiting=2)
    assert read == loop.there(sent[1]) * 2 + loop.there(sent[2]) + loop.there(sent[1])


def test_what_happens_here_is_brought_there_without_reading_everything(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    _, prediction_id = loop.visit("forget me", seed=9)
    assert watched.go() == SyncReport(pushed=1, waiting=4)
    loop.correct(sent[0], "negative")
    retention.forget(loop.store, prediction_id)
    later, _ = loop.visit("later")
    assert watched.go() == SyncReport(pushed=1, removed=2, waiting=3)
    assert not watched.read_everything()
    assert {task.data["sample_id"] for _, task in loop.server.tasks.values()} == {*sent[1:], later}
    assert loop.files(sent[0]) == []
    watched.go()
    assert watched.is_idle()


def test_an_answer_given_on_both_sides_between_two_rounds_stays_there(watched: Watched, sent: list[str]) -> None:
    watched.loop.annotate(sent[0], "neutral")
    watched.loop.correct(sent[0], "negative")
    assert watched.go() == SyncReport(pulled=1, waiting=2)
    assert len(watched.loop.there(sent[0])) == len(watched.loop.files(sent[0])) == 1
    watched.go()
    assert watched.is_idle()


def test_what_is_disputed_after_it_was_answered_there_is_asked_here(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    loop.annotate(sent[1], "neutral")
    watched.go()
    loop.visit("number 1", seed=2, suggested="negative")
    assert watched.go() == SyncReport(waiting=2)
    assert loop.row(sent[1]).state == SampleState.SENT
    watched.go()
    assert watched.is_idle()


def delete_task(loop: Loop, number: int) -> None:
    loop.server.tasks.pop(number)
    loop.server.predictions.pop(number)


def drop_guess(loop: Loop, number: int) -> None:
    loop.server.predictions[number] = {"predictions": []}


@pytest.mark.parametrize(
    ("lose", "report"),
    [(delete_task, SyncReport(pushed=1, waiting=3)), (drop_guess, SyncReport(mended=1, waiting=3))],
)
def test_what_shows_in_the_counts_alone_is_found_by_reading_everything(
    watched: Watched, sent: list[str], lose: Callable[[Loop, int], None], report: SyncReport
) -> None:
    lose(watched.loop, watched.loop.there(sent[0])[0])
    assert watched.go() == report
    assert watched.read_everything()
    assert len(watched.loop.there(sent[0])) == len(watched.loop.files(sent[0])) == 1
    watched.go()  # what was mended is looked at once more
    watched.go()
    assert watched.is_idle()


def test_what_people_import_there_themselves_is_counted_and_left_alone(watched: Watched, sent: list[str]) -> None:
    (project,) = {project for project, _ in watched.loop.server.tasks.values()}
    client = watched.loop.server.connect(watched.loop.server.url, KEY)
    client.import_tasks(project, [{"data": {"image": "", "text": "theirs"}}])
    assert watched.go() == SyncReport(waiting=3)
    watched.go()
    assert watched.is_idle()


def test_a_second_task_of_an_unchanged_one_is_healed(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    project, remote = loop.server.tasks[loop.there(sent[1])[0]]
    client = loop.server.connect(loop.server.url, KEY)
    client.import_tasks(project, [{"data": remote.data}])
    assert watched.go() == SyncReport(waiting=3)
    assert loop.there(sent[1]) == [remote.id]
    (second,) = client.import_tasks(project, [{"data": remote.data}])
    loop.server.annotate(second, [tasks.result(given.TASK, "neutral")])
    assert watched.go().pulled == 1
    assert loop.there(sent[1]) == [second]


def test_everything_is_read_after_a_day(watched: Watched, sent: list[str]) -> None:
    watched.seconds += index.LONGEST_S
    assert watched.go() == SyncReport(waiting=3)
    assert watched.read_everything()
    watched.go()
    assert watched.is_idle()


def test_everything_is_read_after_a_round_that_broke_off(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    late, _ = loop.visit("late")

    def cut(name: str) -> None:
        if name == "import_tasks done":
            raise LabelStudioError("label_studio_away", url="", detail="cut off")

    loop.server.before = cut
    with pytest.raises(LabelStudioError):
        watched.rounds.go()
    assert watched.go() == SyncReport(waiting=4)
    assert watched.read_everything()
    assert (loop.row(late).state, len(loop.there(late))) == (SampleState.SENT, 1)


def test_everything_is_read_where_the_servers_clock_was_set_back(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    said = loop.annotate(sent[0], "neutral")
    watched.go()
    watched.go()
    (number,) = loop.there(sent[0])
    loop.server.change(number, said, result=(tasks.result(given.TASK, "negative"),))
    project, remote = loop.server.tasks[number]
    earlier = loop.server.clock - timedelta(hours=1)
    annotations = tuple(replace(each, updated_at=earlier) for each in remote.annotations)
    loop.server.tasks[number] = project, replace(remote, annotations=annotations, updated_at=earlier)
    loop.server.clock = earlier
    assert watched.go().pulled == 1
    assert loop.said(sent[0])[-1][0] == "negative"


def test_a_change_that_comes_into_sight_late_is_not_missed(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    loop.annotate(sent[0], "neutral")
    loop.annotate(sent[1], "neutral")
    (number,) = loop.there(sent[0])
    project, late = loop.server.tasks[number]
    loop.server.tasks[number] = project, replace(late, annotations=(), updated_at=late.updated_at - timedelta(hours=1))
    assert watched.go() == SyncReport(pulled=1, waiting=2)
    loop.server.tasks[number] = project, late
    assert watched.go() == SyncReport(pulled=1, waiting=1)
    assert not watched.read_everything()


def hide(loop: Loop, sample_id: str, said: tuple = ()) -> Callable[[], None]:
    """Take the change of a sample's task out of sight, as a write that ends late; what is returned brings it there."""
    (number,) = loop.there(sample_id)
    project, late = loop.server.tasks[number]
    before = replace(late, annotations=said, updated_at=late.updated_at - timedelta(hours=1))
    loop.server.tasks[number] = project, before
    return lambda: loop.server.tasks.update({number: (project, late)})


def test_an_answer_that_comes_into_sight_late_is_missed_in_the_counts(watched: Watched, sent: list[str]) -> None:
    loop = watched.loop
    loop.annotate(sent[0], "neutral")
    show = hide(loop, sent[0])
    loop.annotate(sent[1], "neutral")
    assert watched.go(1) == SyncReport(pulled=1, waiting=2)
    show()
    assert watched.go(1) == SyncReport(pulled=1, waiting=1)
    assert not watched.read_everything()


@pytest.mark.parametrize("late", [0, 10, int(index.OVERLAP_S) - 1])
def test_a_change_that_comes_into_sight_late_and_is_not_counted_is_found_soon(
    watched: Watched, sent: list[str], late: int
) -> None:
    loop = watched.loop
    said = loop.annotate(sent[0], "neutral")
    watched.go(1)
    (number,) = loop.there(sent[0])
    before = loop.server.tasks[number][1].annotations
    loop.server.change(number, said, result=(tasks.result(given.TASK, "negative"),))
    show = hide(loop, sent[0], before)
    loop.annotate(sent[1], "neutral")
    assert watched.go(1) == SyncReport(pulled=1, waiting=1)
    for _ in range(late):
        assert watched.go(1) == SyncReport(waiting=1)
    show()
    reports = [watched.go(1) for _ in range(2 * int(index.OVERLAP_S))]
    assert sum(report.pulled for report in reports) == 1
    assert loop.said(sent[0])[-1][0] == "negative"


@pytest.mark.parametrize("seconds", [1.0, 10.0, 60.0])
def test_what_was_just_sent_is_listed_once_more_and_not_read(watched: Watched, seconds: float) -> None:
    for number in range(20):
        watched.loop.visit(f"number {number}")
    assert watched.go(seconds).pushed == 20
    listed = 0
    for _ in range(100):
        assert watched.go(seconds) == SyncReport(waiting=20)
        assert watched.is_idle()
        listed += len(watched.listed)
    assert listed == 20


@pytest.mark.parametrize("moment", ["delete_unanswered", "tasks"])
def test_an_answer_given_while_its_task_is_taken_back_wins(watched: Watched, sent: list[str], moment: str) -> None:
    loop = watched.loop
    loop.correct(sent[0], "negative")
    left = [sent[0]]

    def answer(name: str) -> None:
        if name == moment and left:
            loop.annotate(left.pop(), "neutral")

    loop.server.before = answer
    report = watched.rounds.go()[0] + watched.go()
    assert (report.pulled, report.removed, loop.counts(sent[0])) == (1, 0, "neutral")
    assert len(loop.there(sent[0])) == len(loop.files(sent[0])) == 1
    watched.go()
    assert watched.is_idle()


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_an_answer_given_while_its_task_is_read_back_is_brought_over(
    watched: Watched, sent: list[str], seconds: float
) -> None:
    loop = watched.loop
    sample_id, _ = loop.visit("answered at once")

    def answer(name: str) -> None:
        if name == "import_tasks done":
            loop.annotate(sample_id, "neutral")

    loop.server.before = answer
    assert watched.rounds.go()[0].pushed == 1
    assert (watched.go(seconds).pulled, watched.read_everything()) == (1, False)


@pytest.mark.parametrize("answered", [False, True])
def test_a_task_that_a_list_misses_is_asked_for_by_its_number(loop: Loop, answered: bool) -> None:
    sample_id, _ = loop.visit("missed", seed=1)
    loop.sync()
    if answered:
        loop.annotate(sample_id, "neutral")
        loop.sync()
    before = loop.server.state()
    loop.server.shows = lambda task: False
    assert loop.sync() == SyncReport(waiting=int(not answered))
    assert loop.server.state() == before
