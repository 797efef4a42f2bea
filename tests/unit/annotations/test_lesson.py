"""A lesson shows what the served version would make of an annotator's latest answers, and changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from annotations import give_lesson, golden
from annotations.acquisition.strata import is_set_aside
from annotations.store import Store, labels, runs
from mmdemo import tasks
from mmdemo.errors import Conflict
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.values.history import BEHAVIOUR, GOLDEN, HELD_OUT, Lesson
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    loaded = tasks.load_file(tiny_training.write_task(tmp_path_factory.mktemp("task")))
    return replace(loaded, gate=Gate(minimum=2, held_out_share=0.3))


@pytest.fixture
def config(tmp_path: Path, task: Task) -> Settings:
    return tiny_training.home(tmp_path, task)


def files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (home / "versions").rglob("*") if path.is_file()}


def part(lesson: Lesson, name: str):
    return next(one for one in lesson.parts if one.name == name)


@pytest.mark.slow
def test_the_latest_answers_are_taught_and_others_judge(store: Store, config: Settings, task: Task, pictures) -> None:
    ids = answer(config, task, pictures[:60])
    with store.reading() as session:
        corrections = labels.corrections(session, task.name)
    share = task.gate.held_out_share
    aside = {each.correction.sample_id for each in corrections if is_set_aside(each, share)}
    pinned = next(name for name in ids[-20:] if name not in aside)
    golden.pin(store, pinned, "Ann")
    before = files(config.home)
    lesson = give_lesson(store, config, task, "Ann")
    assert set(lesson.sample_ids) == set(ids[-20:]) - aside - {pinned}
    assert lesson.set_aside == 20 - len(lesson.sample_ids) and lesson.version == FIRST
    held_out = part(lesson, HELD_OUT)
    assert held_out.count == len(aside)
    assert held_out.after - held_out.before == held_out.right - held_out.wrong
    assert all(one.sample_id in aside for one in held_out.turned)
    assert part(lesson, GOLDEN).count == 1 and part(lesson, BEHAVIOUR).count == 0
    assert files(config.home) == before  # no version came of it, and none was put into service
    with store.reading() as session:
        assert runs.of_task(session, task.name) == []  # no look was spent
    assert Versions(config).champion(task.name) == FIRST


@pytest.mark.slow
def test_what_was_taught_turns_answers(store: Store, config: Settings, task: Task, pictures) -> None:
    """An untrained version says one thing of everything; what is said to it is that all of it is the other."""
    answer(config, task, pictures[:60], lambda sample_id, truth: "left")
    lessons = {"left": give_lesson(store, config, task, "Ann")}
    answer(config, task, [(255 - image, label) for image, label in pictures[:60]], lambda sample_id, truth: "right")
    lessons["right"] = give_lesson(store, config, task, "Ann")
    sides = [part(lesson, HELD_OUT) for lesson in lessons.values()]
    assert sides[0].after == sides[0].count  # all that is set aside is said to be left, and so was what was taught
    assert sum(side.right for side in sides) > 0
    for side in sides:
        assert all(one.is_right == (one.after == one.value) for one in side.turned)


def test_too_few_answers_are_said(store: Store, config: Settings, task: Task, pictures) -> None:
    answer(config, task, pictures[:3])
    for annotator in ("Ann", "nobody"):
        with pytest.raises(Conflict, match="5 are needed"):
            give_lesson(store, config, task, annotator)
