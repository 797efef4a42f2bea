"""Hyperparameters: defaults, then the task's, then the caller's."""

import re
from dataclasses import replace

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.settings import ROOT
from mmdemo.training.options import FINE_TUNED, FROM_SCRATCH, Options, Tuning, options
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED

LOST = {"word_replacement": 0.0, "adversarial": 0.0}  # docs/model-notes.md: option → its value where it is not used
TASK = replace(tasks.get("sentiment"), training={"epochs": 2, "frozen": ["encoders.text."]})


def test_the_nearer_one_wins() -> None:
    chosen = options(TASK, batch="8", seed=None)
    assert chosen == replace(Options(), epochs=2.0, batch=8, frozen=("encoders.text.",))


def test_a_model_from_scratch_goes_through_its_samples_more_often() -> None:
    fresh = replace(TASK, training={}, encoders={"text": {"type": "textcnn"}})
    started = replace(TASK, training={})
    assert (options(fresh).epochs, options(started).epochs) == (FROM_SCRATCH, FINE_TUNED)
    assert options(fresh, epochs=2).epochs == 2


@pytest.mark.parametrize(
    "chosen",
    [
        {"epoch": 3},
        {"epochs": "many"},
        {"precision": "fp8"},
        {"augment": "yes"},
        {"batch": 0},
        {"epochs": -1},
        {"tuning": "some"},
        {"accumulate": 0},
        {"distill": 1.5},
        {"bits": 4},
        {"copies": -1},
    ],
)
def test_what_cannot_be_is_refused(chosen: dict[str, object]) -> None:
    with pytest.raises(ManifestError, match=next(iter(chosen))):
        options(TASK, **chosen)


@pytest.mark.parametrize("name", ["sentiment", "speech_emotion", "spoken_digits"])
def test_no_shipped_model_was_trained_with_an_option_that_lost(name: str) -> None:
    trained = sidecar.read(SHIPPED / name).options
    chosen = options(tasks.get(name))
    assert {option: trained[option] for option in LOST} == {option: getattr(chosen, option) for option in LOST} == LOST
    assert {trained["tuning"], chosen.tuning} <= {Tuning.FULL, Tuning.FROZEN}


def test_what_lost_is_named_in_the_notes_as_it_is_called() -> None:
    notes = (ROOT / "docs" / "model-notes.md").read_text("utf-8").partition("## Options that lost")[2]
    named = set(re.findall(r"^\| `(\w+) =", notes, re.M))
    assert named == {*LOST, "word_dropout", "tuning"}
    methods = set(re.findall(r'`tuning = "(\w+)"`', notes))
    assert methods == set(Tuning) - {Tuning.FULL, Tuning.FROZEN}
