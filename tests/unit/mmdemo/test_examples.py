"""Every example to click is small, credited, and says what is right."""

import re

import pytest
from PIL import Image

from mmdemo import tasks
from mmdemo.tasks import Example

FOLDER = tasks.SHIPPED / "examples"
EXAMPLES = [(task, example) for task in tasks.load_all().values() for example in task.examples]
LONGEST_SIDE = 400


def media(example: Example) -> list:
    return [path for path in (example.image, example.audio) if path]


@pytest.mark.parametrize(("task", "example"), EXAMPLES)
def test_an_example_is_complete(task: tasks.Task, example: Example) -> None:
    assert example.expected in task.label_names
    assert example.credit and media(example)
    assert all(path.is_file() and path.stat().st_size < 50_000 for path in media(example))


def test_every_file_is_used_and_credited() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"CREDITS.md"}
    assert files == {path.name for _, example in EXAMPLES for path in media(example)}
    credited = re.findall(r"^\| `([\w.-]+)` \|", (FOLDER / "CREDITS.md").read_text(encoding="utf-8"), re.M)
    assert sorted(credited) == sorted(files)


def test_pictures_are_small_and_carry_nothing_hidden() -> None:
    for path in FOLDER.glob("*.webp"):
        with Image.open(path) as picture:
            assert max(picture.size) <= LONGEST_SIDE
            assert not picture.getexif()


def test_no_two_examples_of_a_task_look_or_read_alike() -> None:
    for task in tasks.load_all().values():
        assert len({tuple(media(example)) for example in task.examples}) == len(task.examples)
        names = [example.text or example.expected for example in task.examples]
        assert len(set(names)) == len(names)


def test_two_of_each_label_show_what_sentiment_means() -> None:
    labels = [example.expected for example in tasks.get("sentiment").examples]
    assert sorted(labels) == sorted([*tasks.get("sentiment").label_names] * 2)
