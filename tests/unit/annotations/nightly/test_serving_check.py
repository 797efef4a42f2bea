"""The very files that would be served are tried: they answer each set of modalities, and cost what is allowed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from annotations.nightly import gate, limits, serving_check
from annotations.nightly.limits import LimitCheck, PairedCost
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from tests import tiny
from tests.unit.annotations.nightly.test_gate import comparison, judge

FIRST, SECOND = "2026-01-01-n001", "2026-01-02-n001"


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return tiny.task(tmp_path / "tasks", ("image", "text"))


@pytest.fixture
def settings(tmp_path: Path, task: Task) -> Settings:
    settings = Settings(home=tmp_path / "home")
    for seed, name in enumerate((FIRST, SECOND)):
        tiny.version(settings.versions / task.name / name, task, name, seed)
    return settings


@pytest.fixture
def rows() -> list[Row]:
    inputs = tiny.inputs(0, ("image", "text"))
    assert inputs.image is not None
    both = Sample(image=Image.fromarray(inputs.image), text=inputs.text or "")
    return [Row("empty", Sample(text=" "), "good"), Row("both", both, "good"), Row("text", Sample(text="dog"), "bad")]


def test_a_version_that_answers_each_set_of_modalities_is_fit(task: Task, settings: Settings, rows: list[Row]) -> None:
    assert serving_check.fault(task, SECOND, settings, rows) == ""


def test_one_whose_answers_are_no_numbers_is_not(task: Task, settings: Settings, rows: list[Row]) -> None:
    path = settings.versions / task.name / SECOND / "model.safetensors"
    weights = load_file(path)
    spoiled = {
        name: torch.full_like(value, 3e38) if name.startswith("head") else value for name, value in weights.items()
    }
    save_file(spoiled, path, metadata={"format": "pt"})
    assert "nan" in serving_check.fault(task, SECOND, settings, rows).lower()


def test_each_set_of_modalities_is_tried_however_late_it_comes(task: Task, settings: Settings, rows: list[Row]) -> None:
    path = settings.versions / task.name / SECOND / "model.safetensors"
    weights = load_file(path)
    spoiled = {
        name: value.float() + 3e38 if name.startswith("encoders.image") and value.is_floating_point() else value
        for name, value in weights.items()
    }
    save_file(spoiled, path, metadata={"format": "pt"})
    captions = [Row(str(number), Sample(text="dog"), "bad") for number in range(20)]
    assert serving_check.fault(task, SECOND, settings, captions) == ""
    assert "no number" in serving_check.fault(task, SECOND, settings, [*captions, *rows])


@pytest.mark.parametrize("raised", [OSError, TypeError, AttributeError, ZeroDivisionError])
def test_whatever_a_broken_model_raises_is_a_fault(
    task: Task, settings: Settings, rows: list[Row], raised: type[Exception]
) -> None:
    def load(task: Task, version: str, settings: Settings) -> Predictor:
        raise raised("broken")

    assert serving_check.fault(task, SECOND, settings, rows, load=load) == f"{raised.__name__}: broken"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "processor.json"])
def test_one_with_a_damaged_file_is_not(task: Task, settings: Settings, rows: list[Row], name: str) -> None:
    path = settings.versions / task.name / SECOND / name
    path.write_bytes(path.read_bytes()[:40])
    assert "CheckpointError" in serving_check.fault(task, SECOND, settings, rows)


def test_latency_is_measured_where_versions_are_built_otherwise(
    task: Task, settings: Settings, rows: list[Row]
) -> None:
    [size] = serving_check.costs(task, (FIRST, SECOND), settings, rows)
    assert size.name == "size" and 0.9 < size.champion / size.challenger < 1.1
    (settings.versions / task.name / SECOND / "more").write_bytes(b"0" * int(size.champion))
    config = settings.versions / task.name / SECOND / "config.json"
    config.write_text(config.read_text() + "\n")
    size, latency = serving_check.costs(task, (FIRST, SECOND), settings, rows)
    assert size.challenger > 1.9 * size.champion
    assert latency.name == "latency" and 0 < latency.champion < 10_000 and 0 < latency.challenger < 10_000


@pytest.mark.parametrize(
    ("name", "challenger", "verdict"),
    [
        ("latency", 140.0, gate.PROMOTED),
        ("latency", 160.0, gate.REJECTED),
        ("size", 200.0, gate.PROMOTED),  # where all weights learn, and the champion's lie in 8 bits
        ("size", 260.0, gate.REJECTED),
    ],
)
def test_what_costs_much_more_is_rejected(name: str, challenger: float, verdict: str) -> None:
    check = LimitCheck(costs=(PairedCost(name, 100.0, challenger),))
    judged = judge(replace(comparison(30, 0), limits=check))
    assert (judged.name, judged.numbers[f"{name}_challenger"]) == (verdict, challenger)
    for reason in limits.broken(check):
        for language in ("en", "zh"):
            assert f"{challenger / 100:.1f}" in reason.sentence(language)


def test_a_fault_is_told() -> None:
    for language in ("en", "zh"):
        assert "text: confidence nan" in limits.unusable("text: confidence nan").sentence(language)
