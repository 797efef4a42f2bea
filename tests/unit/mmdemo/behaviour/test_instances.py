"""Tests of behaviour are drawn as their capability says: beside no, one or several pictures, alone or together."""

from pathlib import Path

import pytest

from mmdemo import behaviour, tasks
from mmdemo.errors import ManifestError
from mmdemo.values.samples import Sample
from tests import tiny

PICTURES = [Sample(image=f"{number}.png") for number in range(9)]


def suite(folder: Path, text: str) -> behaviour.Suite:
    path = tiny.write_task(folder, ("image", "text"))
    path.write_text('behaviour = "tests"\n' + path.read_text("utf-8"), "utf-8")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test.toml").write_text(text, "utf-8")
    loaded = behaviour.load(tasks.load_file(path))
    assert loaded is not None
    return loaded


FACTS = '[lists]\nn = ["one", "two", "three", "four", "five", "six"]\n'


def test_captions_stand_beside_a_picture_and_every_third_alone(tmp_path: Path) -> None:
    plain = '[capabilities.facts]\n[[capabilities.facts.cases]]\nlabel = "good"\ntemplates = ["{n} dogs"]\n'
    drawn = behaviour.draw(suite(tmp_path, FACTS + plain), PICTURES, 6)
    assert [item.expectations[0].sample.image is None for item in drawn] == [False, False, True] * 2
    assert len({item.expectations[0].sample.text for item in drawn}) == 6
    assert behaviour.draw(suite(tmp_path, FACTS + plain), PICTURES, 6) == drawn


def test_one_caption_stands_beside_as_many_different_pictures_as_are_asked_for(tmp_path: Path) -> None:
    text = '[capabilities.same]\npictures = 4\n[[capabilities.same.cases]]\nlabel = "bad"\ntemplates = ["{n} cats"]\n'
    for item in behaviour.draw(suite(tmp_path, FACTS + text), PICTURES, 3):
        assert len({e.sample.text for e in item.expectations}) == 1
        assert len({e.sample.image for e in item.expectations}) == 4
        assert {e.label for e in item.expectations} == {"bad"}


def test_captions_that_stand_together_share_their_picture(tmp_path: Path) -> None:
    text = '[capabilities.both]\n[[capabilities.both.together]]\ngood = "good {n}"\nbad = "bad {n}"\n'
    for item in behaviour.draw(suite(tmp_path, FACTS + text), PICTURES, 2):
        assert {e.label for e in item.expectations} == {"good", "bad"}
        assert len({e.sample.image for e in item.expectations}) == 1


def test_what_is_added_is_added_to_the_same_words(tmp_path: Path) -> None:
    pair = 'before = "{n} dogs"\nafter = "{n} dogs bite"\n'
    text = f'[capabilities.more]\n[[capabilities.more.toward]]\nlabel = "bad"\n{pair}'
    for item in behaviour.draw(suite(tmp_path, FACTS + text), [], 5):
        before, after = (expected.sample.text for expected in item.expectations)
        assert item.rises == "bad" and after == before + " bite"


@pytest.mark.parametrize(
    ("text", "at_fault"),
    [
        ('[capabilities.x]\n[[capabilities.x.cases]]\nlabel = "ugly"\ntemplates = ["a"]\n', "ugly"),
        ('[capabilities.x]\n[[capabilities.x.cases]]\nlabel = "good"\ntemplates = ["a {dog}"]\n', "dog"),
        ("[capabilities.x]\npictures = 2\n", "x"),
        ("[capabilities", "test.toml"),
    ],
)
def test_a_file_at_fault_is_refused_with_what_is_wrong(tmp_path: Path, text: str, at_fault: str) -> None:
    with pytest.raises(ManifestError, match=at_fault):
        suite(tmp_path, text)


def test_a_task_without_a_folder_has_none(tmp_path: Path) -> None:
    assert behaviour.load(tiny.task(tmp_path)) is None
