"""A project whose answers are of inputs that the task no longer takes gets a successor, and nobody's answer is lost."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import review_queue, status
from annotations.labelstudio import check, sync
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from annotations.store import open_store
from mmdemo import tasks as known
from mmdemo.tasks import Task
from mmdemo.values.review import SampleState
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop

NAME, BOTH = "feelings", ["image", "text"]


class Feelings(Loop):
    """Both sides with a task that comes to take other inputs, and other labels."""

    visits: dict[str, str]  # sample id → its sender's prediction id

    def become(self, modalities: Sequence[str], *labels: str) -> None:
        """Let these be what the task takes, and its labels, from now on."""
        head = known.get("sentiment").path.read_text("utf-8").partition("[[labels]]")[0]
        encoders = "".join(f'[encoders.{name}]\ntype = "auto"\nstart = "{name}"\n\n' for name in modalities)
        named = "".join(f'[[labels]]\nname = "{name}"\nen = "{name}"\nzh = "{name}"\n\n' for name in labels)
        self.config.task_dir.mkdir(exist_ok=True)
        text = head.replace('"sentiment"', f'"{NAME}"', 1).replace('behaviour = "behaviour/sentiment"\n', "")
        text = text.replace('["image", "text"]', str(list(modalities)).replace("'", '"'))
        (self.config.task_dir / f"{NAME}.toml").write_text(text + named + encoders, "utf-8")

    @property
    def task(self) -> Task:
        return known.get(NAME, self.config.task_dir)

    def sync(self, **more) -> SyncReport:
        return sync.run(self.config, NAME, connect=self.server.connect, **more)

    def visit(self, text: str, seed: int | None = None) -> tuple[str, str]:
        sample = given.inputs(text, seed)
        return review_queue.offer(self.store, self.task, sample, given.prediction(sample, 0.4, "v1", self.task))

    def annotate(self, sample_id: str, label: str, person: int = 1) -> int:
        task = self.there(sample_id)[-1]
        return self.server.annotate(task, [tasks.result(self.task, label)], person)

    def project_of(self, sample_id: str) -> list[int]:
        """Return the projects in which a sample lies."""
        return [project for project, task in self.server.tasks.values() if task.data["sample_id"] == sample_id]


@pytest.fixture
def loop(loop: Loop, tmp_path: Path) -> Feelings:
    feelings = Feelings(replace(loop.config, task_dir=tmp_path / "tasks"), loop.store, loop.server)
    feelings.visits = {}
    feelings.become(BOTH, "sad", "so so", "happy")
    return feelings


@pytest.fixture
def ids(loop: Feelings) -> list[str]:
    """Four samples, of which two were answered when pictures went and "so so" became two labels, one by that."""
    for seed, text in enumerate(("stays", "goes", "waits", "skipped")):
        sample_id, loop.visits[sample_id] = loop.visit(text, seed)
    ids = list(loop.visits)
    loop.sync()
    loop.annotate(ids[0], "sad")
    loop.annotate(ids[1], "so so")
    loop.server.annotate(loop.there(ids[3])[0], [], cancelled=True)
    loop.sync()
    loop.become(["text"], "sad", "calm", "bored", "happy")
    return ids


def test_what_waits_moves_and_what_was_answered_stays_and_counts(loop: Feelings, ids: list[str], capsys) -> None:
    [old] = {*loop.project_of(ids[0])}
    assert loop.sync() == SyncReport(created=1, pushed=2, withdrawn=1, removed=1, waiting=2, unreadable=1)
    new = max(loop.server.projects)
    assert [loop.project_of(each) for each in ids] == [[old], [old, new], [new], [old]]
    assert [len(loop.files(each)) for each in ids] == [1, 1, 1, 1]
    assert [loop.row(each).state for each in ids[:3]] == [SampleState.LABELLED, SampleState.SENT, SampleState.SENT]
    assert [loop.counts(each) for each in ids] == ["sad", None, None, None]
    assert f"Old projects in Label Studio (number {old}) hold answers" in capsys.readouterr().err
    assert loop.server.projects[old].description.startswith(f"Continued in project {new}")
    assert loop.sync() == SyncReport(waiting=2, unreadable=1)
    assert capsys.readouterr().err == ""  # it is said once; Status goes on saying it
    [notice] = status.of(loop.store, loop.config, loop.task).notices
    assert (notice.key, notice.values["numbers"]) == ("status.sync_succession", str(old))
    assert all(notice.sentence(language) for language in ("en", "zh"))


def test_answers_in_both_are_read(loop: Feelings, ids: list[str]) -> None:
    loop.sync()
    loop.annotate(ids[1], "calm")
    loop.annotate(ids[0], "happy", person=2)
    assert loop.sync() == SyncReport(pulled=2, waiting=1, unreadable=1)
    assert [loop.counts(each) for each in ids[:2]] == ["happy", "calm"]
    old = loop.there(ids[0])[0]
    for annotation in loop.server.tasks[old][1].annotations:
        loop.server.delete_annotation(old, annotation.id)
    assert loop.sync() == SyncReport(
        withdrawn=1, removed=1, pushed=1, waiting=2, unreadable=1
    )  # asked again, in the new one
    assert loop.project_of(ids[0]) == [max(loop.server.projects)]


def test_a_label_that_comes_back_brings_its_answers_back(loop: Feelings, ids: list[str]) -> None:
    loop.sync()
    loop.become(["text"], "sad", "so so", "calm", "bored", "happy")
    loop.sync()
    assert loop.counts(ids[1]) == "so so"


def test_what_is_forgotten_leaves_both_with_its_files(loop: Feelings, ids: list[str]) -> None:
    loop.sync()
    for prediction_id in loop.visits.values():
        retention.forget(loop.store, prediction_id)
    assert loop.sync().removed == 5
    assert [loop.there(each) + loop.files(each) for each in ids] == [[]] * 4
    assert loop.sync() == SyncReport()


@pytest.mark.parametrize(
    "moment", ["create_project", "create_project done", "set_description", "tasks", "import_tasks"]
)
def test_one_that_broke_off_is_finished_by_the_next_round(loop: Feelings, ids: list[str], moment: str) -> None:
    before = len(loop.server.projects)
    loop.sync_cut_off(moment)
    loop.sync()
    assert len(loop.server.projects) == before + 1
    assert [len(loop.there(each)) for each in ids] == [1, 2, 1, 1]
    assert loop.counts(ids[0]) == "sad"
    assert loop.sync() == SyncReport(waiting=2, unreadable=1)


def test_a_successor_can_have_one_too(loop: Feelings, ids: list[str]) -> None:
    loop.sync()
    loop.annotate(ids[1], "calm")
    loop.sync()
    loop.become(["image"], "sad", "happy")
    loop.sync()
    assert [loop.counts(each) for each in ids[:2]] == ["sad", None]
    [notice] = status.of(loop.store, loop.config, loop.task).notices
    assert notice.values["numbers"].count(",") == 1
    assert loop.sync() == SyncReport(waiting=2, unreadable=2)


def test_old_projects_that_are_deleted_there_are_no_longer_spoken_of(loop: Feelings, ids: list[str]) -> None:
    [old] = {*loop.project_of(ids[0])}
    loop.sync()
    loop.server.projects.pop(old)
    loop.server.tasks = {number: pair for number, pair in loop.server.tasks.items() if pair[0] != old}
    loop.sync()
    assert status.of(loop.store, loop.config, loop.task).notices == ()
    assert loop.counts(ids[0]) == "sad"  # what came back stays


def test_another_home_on_the_server_is_left_alone(loop: Feelings, ids: list[str], tmp_path: Path) -> None:
    config = replace(loop.config, home=tmp_path / "other")
    with closing(open_store(config)) as store:
        other = Feelings(config, store, loop.server)
        sample_id, _ = other.visit("theirs", 9)
        other.sync()
        theirs = {number: pair for number, pair in loop.server.tasks.items() if pair[1].data["sample_id"] == sample_id}
        loop.sync()
        assert theirs.items() <= loop.server.tasks.items()
        assert other.sync() == SyncReport(waiting=1)
        assert [loop.counts(each) for each in ids[:2]] == ["sad", None]


def test_check_takes_the_old_project_for_no_other_homes(loop: Feelings, ids: list[str]) -> None:
    loop.sync()
    keys = {reason.key for reason in check.run(loop.config, loop.server.connect)}
    assert keys == {"cli.check_plain", "cli.check_media"}
