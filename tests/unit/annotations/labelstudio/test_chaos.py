"""Whatever three annotators do while rounds break off and guesses are dropped: nothing is lost, doubled or wrong."""

import random
from collections import Counter
from contextlib import suppress

import pytest

from annotations.labelstudio import sync
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.store import labels
from mmdemo.errors import LabelStudioError
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop

LABELS = given.TASK.label_names
CALLS = ("projects", "tasks", "upload", "import_tasks", "import_tasks done", "add_guesses", "delete_task")
OPERATIONS, SAMPLES = 120, 6


class Chaos:
    """Three annotators, a server under load, and rounds that break off anywhere; one seed, one course."""

    def __init__(self, loop: Loop, seed: int, afresh: bool) -> None:
        """`afresh`: each round is a process of its own, else they go on from what the one before read."""
        self.loop, self.server, self.random = loop, loop.server, random.Random(seed)
        self.rounds = sync.SyncRounds(lambda: loop.config, loop.store, [given.TASK], loop.server.connect)
        self.afresh = afresh
        self.server.people[3] = "cleo@example.com"
        self.server.drops = lambda task: self.random.random() < 0.3
        self.ids = [loop.visit(f"sample {number}")[0] for number in range(SAMPLES)]

    def step(self) -> None:
        """Let anything happen."""
        there = [task for _, task in self.server.tasks.values()]
        what = self.random.choice(["annotate"] * 4 + ["change", "delete", "empty", "skip", "sync", "break off", "move"])
        if what == "sync":
            self.sync()
        elif what == "break off":
            self.break_off()
        elif what == "move":
            self.server.url = f"http://name-{self.random.randrange(3)}.test/"
        elif there:
            self.person(what, self.random.choice(there))

    def sync(self) -> SyncReport:
        """Go one round."""
        return self.loop.sync() if self.afresh else self.rounds.go()[0]

    def break_off(self) -> None:
        """Cut the connection at the nth of some call."""
        where, left = self.random.choice(CALLS), [self.random.randrange(3)]

        def cut(name: str) -> None:
            if name == where and left[0] == 0:
                raise LabelStudioError("label_studio_away", url="", detail="cut off")
            left[0] -= name == where

        self.server.before = cut
        with suppress(LabelStudioError):
            self.sync()
        self.server.before = lambda name: None

    def person(self, what: str, task) -> None:
        """Let somebody do something with a task."""
        said = [tasks.result(given.TASK, self.random.choice(LABELS))]
        if what in ("annotate", "skip"):
            cancelled = what == "skip"
            self.server.annotate(task.id, [] if cancelled else said, self.random.randint(1, 3), cancelled)
        elif task.annotations:
            annotation = self.random.choice(task.annotations)
            if what == "delete":
                self.server.delete_annotation(task.id, annotation.id)
            else:
                result = () if what == "empty" else tuple(said)
                self.server.change(task.id, annotation.id, result=result, cancelled=False)


def votes(annotations) -> dict[str, str]:
    """Return person → what they say, worked out from the annotations alone."""
    people = {1: "ann@example.com", 2: "ben@example.com", 3: "cleo@example.com"}
    ordered = sorted(annotations, key=lambda each: (each.updated_at, each.id))
    said = {each.annotator: tasks.value_of(each.result, given.TASK) for each in ordered if readable(each)}
    return {people[number]: label for number, label in said.items()}


def readable(annotation) -> bool:
    return not annotation.cancelled and tasks.value_of(annotation.result, given.TASK) is not None


@pytest.mark.parametrize("afresh", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost_doubled_or_wrong(loop: Loop, seed: int, afresh: bool) -> None:
    chaos = Chaos(loop, seed, afresh)
    for _ in range(OPERATIONS):
        chaos.step()
    chaos.sync()
    last = chaos.sync()
    assert last == SyncReport(waiting=last.waiting, unreadable=last.unreadable)
    there = Counter(task.data["sample_id"] for _, task in loop.server.tasks.values())
    assert set(there.values()) <= {1}
    for sample_id in chaos.ids:
        (task,) = [task for _, task in loop.server.tasks.values() if task.data["sample_id"] == sample_id] or [None]
        expected = votes(task.annotations) if task else {}
        with loop.store.reading() as session:
            here = {correction.annotator: correction.value for correction in labels.history(session, sample_id)}
        assert here == expected
        counted = Counter(expected.values()).most_common()
        if len(counted) == 1 or (counted and counted[0][1] > counted[1][1]):
            assert loop.counts(sample_id) == counted[0][0]
        if task:
            assert len(loop.server.predictions[task.id]["predictions"]) == 1
