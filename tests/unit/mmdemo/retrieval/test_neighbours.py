"""What is looked through: examples, indexes of the version that answers and of no other, and what is handed over."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmdemo.decode import sample_id
from mmdemo.retrieval import index
from mmdemo.retrieval.candidates import CandidatePool
from mmdemo.retrieval.encoding import make
from mmdemo.retrieval.neighbours import Neighbours
from mmdemo.settings import Settings
from mmdemo.tasks import Example, Task
from mmdemo.training.manifests import Row
from mmdemo.values.analysis import Alike
from mmdemo.values.samples import Features, Inputs, Sample
from tests.unit.mmdemo.retrieval import ruled
from tests.unit.mmdemo.retrieval.ruled import RuledEncoder, names_of


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A task with two examples, a red picture and a caption that says blue."""
    ruled.picture("red").save(tmp_path / "red.png")
    examples = (Example(image=tmp_path / "red.png", text="red", expected="good"), Example(text="blue"))
    return dataclasses.replace(ruled.task(tmp_path), examples=examples)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def ask(neighbours: Neighbours, encoder: RuledEncoder, sample: Sample, *further: CandidatePool) -> Alike:
    inputs = ruled.inputs_of(sample, encoder.task)
    own = sample_id(inputs, encoder.task.name)
    return neighbours.find(encoder, lambda: encoder.features([inputs]), 10, own, lambda version: further)


def write(settings: Settings, encoder: RuledEncoder, name: str, rows: Sequence[Row]) -> Path:
    candidates = make(encoder, rows, name)
    about = index.About(encoder.task.name, name, encoder.version, len(rows), f"{name}.jsonl", "")
    return index.write(settings, about, candidates.pool, candidates.pictures)


def test_examples_are_encoded_once_a_version(task: Task, settings: Settings) -> None:
    encoder, neighbours = RuledEncoder(task), Neighbours(task, settings)
    first = ask(neighbours, encoder, Sample(text="purple red"))
    assert names_of(first) == ["example-0", "example-1"] and first.model_version == "v1"
    assert (first.nearest[0].source, first.nearest[0].label, first.nearest[1].label) == ("examples", "good", "")
    assert first.nearest[0].image.startswith("data:image/jpeg;base64,") and first.nearest[1].image == ""
    ask(neighbours, encoder, Sample(text="red"))
    assert encoder.batches == [1, 2, 1]
    encoder.version = "v2"
    assert ask(neighbours, encoder, Sample(text="red")).model_version == "v2"
    assert encoder.batches == [1, 2, 1, 1, 2]


def test_a_version_that_begins_to_serve_in_between_answers_the_whole_question(task: Task, settings: Settings) -> None:
    class Swapped(RuledEncoder):
        def features(self, batch: Sequence[Inputs]) -> Features:
            answered = super().features(batch)
            self.version = "v2"  # from the next pass on
            return answered

    assert ask(Neighbours(task, settings), Swapped(task), Sample(text="green red")).model_version == "v2"


def test_the_sample_itself_is_not_found(task: Task, settings: Settings) -> None:
    assert names_of(ask(Neighbours(task, settings), RuledEncoder(task), Sample(text="blue"))) == ["example-0"]


def test_what_is_indexed_is_found_until_it_is_removed_or_another_version_answers(
    task: Task, settings: Settings
) -> None:
    encoder, neighbours = RuledEncoder(task), Neighbours(task, settings)
    write(settings, encoder, "dev", [ruled.row("green", "green"), ruled.row("greenish", text="green red")])
    answer = ask(neighbours, encoder, Sample(text="green"))
    assert set(names_of(answer)[:2]) == {"green", "greenish"} and answer.nearest[0].source == "dev"
    write(settings, encoder, "dev", [ruled.row("again", text="green blue")])
    assert set(names_of(ask(neighbours, encoder, Sample(text="green")))) == {"again", "example-0", "example-1"}
    encoder.version = "v2"
    later = ask(neighbours, encoder, Sample(text="green"))
    assert "again" not in names_of(later) and later.left_out == {"dev": "v1"}
    write(settings, encoder, "dev", [ruled.row("anew", text="green blue")])
    later = ask(neighbours, encoder, Sample(text="green"))
    assert "anew" in names_of(later) and later.left_out == {}
    index.remove(settings, task.name, "dev")
    assert "anew" not in names_of(ask(neighbours, encoder, Sample(text="green")))


def test_a_damaged_index_takes_nothing_else_with_it(
    task: Task, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = RuledEncoder(task)
    write(settings, encoder, "dev", [ruled.row("green", "green")]).write_bytes(b"nothing")
    assert names_of(ask(Neighbours(task, settings), encoder, Sample(text="green"))) != []
    assert "Index its manifest again" in caplog.text


def test_what_is_handed_over_is_found_first_of_equal_samples(task: Task, settings: Settings) -> None:
    encoder = RuledEncoder(task)
    corrected = make(encoder, [ruled.row("mine", text="blue", label="bad")], "corrections").pool
    answer = ask(Neighbours(task, settings), encoder, Sample(text="blue green"), corrected)
    assert names_of(answer)[0] == "mine" and "example-1" not in names_of(answer)  # the same caption, corrected since
