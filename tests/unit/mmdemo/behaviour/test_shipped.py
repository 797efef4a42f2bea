"""What the shipped task is tested by is not what it learned: other templates, and other words in their places."""

import re

import pytest

from mmdemo import behaviour, tasks
from mmdemo.behaviour.capabilities import TEST, TRAIN

TASK = tasks.get("sentiment")
FEWEST = 60  # tests of a capability


@pytest.fixture(scope="module")
def halves() -> tuple[behaviour.Suite, behaviour.Suite]:
    learned, tested = behaviour.load(TASK, TRAIN), behaviour.load(TASK, TEST)
    assert learned and tested
    return learned, tested


def templates(suite: behaviour.Suite) -> set[str]:
    cases = {text for item in suite.capabilities for case in item.cases for text in case.templates}
    together = {text for item in suite.capabilities for captions in item.together for text in captions.values()}
    toward = {text for item in suite.capabilities for entry in item.toward for text in (entry.before, entry.after)}
    return {text.rstrip(".!") for text in cases | together | toward}


def words(entry: str) -> set[str]:
    return set(re.findall(r"[\w']+", re.sub(r"\{\w+\}", "", entry).lower()))


def shape(template: str) -> str:
    """Return a template without its lists' names and without what only ends a sentence."""
    bare = re.sub(r"\{(plainend|gladend|end|very|intro)\}", "", template)
    return re.sub(r"\{\w+\}s?", "_", bare).rstrip(".!").strip().lower()


def test_no_template_stands_in_both_halves_whatever_its_lists_are_called(halves) -> None:
    learned, tested = ({shape(text) for text in templates(suite)} for suite in halves)
    assert not {text for text in learned & tested if re.search(r"[a-z]", text)}  # lists alone differ by their words


def test_no_entry_and_no_single_word_of_a_tested_list_is_learned(halves) -> None:
    learned, tested = halves
    learned_entries = {entry.lower() for entries in learned.lists.values() for entry in entries}
    learned_words = {word for entries in learned.lists.values() for entry in entries for word in words(entry)}
    entries = {entry.lower() for entries in tested.lists.values() for entry in entries}
    assert not entries & learned_entries
    assert not {entry for entry in entries if words(entry) == {entry}} & learned_words


def test_each_capability_has_tests_of_labels_that_the_task_has(halves) -> None:
    drawn = behaviour.draw(halves[1], [], 200)
    counts = {name: sum(item.capability == name for item in drawn) for name in {item.capability for item in drawn}}
    assert min(counts.values()) >= FEWEST and len(counts) >= 15
    for instance in drawn:
        assert all(expected.label in TASK.label_names for expected in instance.expectations)


def test_captions_to_learn_from_are_many_different_and_of_every_label(halves) -> None:
    drawn = behaviour.captions(halves[0], 3000)
    assert len({item.text for item in drawn}) > 2800
    shares = [sum(item.label == label for item in drawn) / len(drawn) for label in TASK.label_names]
    assert min(shares) > 0.2
    assert behaviour.captions(halves[0], 50, seed=3) == behaviour.captions(halves[0], 50, seed=3)
