"""A model that says NaN is refused, when it is loaded or when it answers: never an answer that nobody doubts."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mmdemo import Predictor
from mmdemo.errors import CheckpointError
from mmdemo.model import packing
from mmdemo.tasks import Task
from tests import tiny


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return tiny.task(tmp_path_factory.mktemp("task"))


def test_weights_that_are_no_numbers_are_refused(task: Task, tmp_path: Path) -> None:
    folder = tiny.version(tmp_path / "spoiled", task)
    weights = load_file(folder / packing.FILE)
    next(value for value in weights.values() if value.is_floating_point()).view(-1)[0] = float("nan")
    save_file(weights, folder / packing.FILE, {"format": "pt"})
    with pytest.raises(CheckpointError, match="not finite"):
        Predictor(task, folder).predict_inputs(tiny.inputs())


def test_an_answer_that_is_no_number_is_refused(task: Task, tmp_path: Path) -> None:
    folder = tiny.version(tmp_path / "hot", task)
    weights = load_file(folder / packing.FILE)
    for name, value in weights.items():
        if name.startswith("head"):
            weights[name] = value.float() * 0 + 3e38  # finite itself, but not what comes out
    save_file(weights, folder / packing.FILE, {"format": "pt"})
    predictor = Predictor(task, folder)
    for answer in (predictor.predict_inputs, lambda inputs: predictor.what_if(predictor.forward(inputs), [], ["text"])):
        with pytest.raises(CheckpointError) as caught:
            answer(tiny.inputs())
        assert caught.value.key == "answer_not_finite" and caught.value.sentence("zh")
