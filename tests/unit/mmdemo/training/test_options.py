"""Hyperparameters: defaults, then the task's, then the caller's."""

from dataclasses import replace

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.training.options import FINE_TUNED, FROM_SCRATCH, Options, options

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
