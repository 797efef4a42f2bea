"""A search tries what its table allows and chooses by the samples set aside, never by dev."""

from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.training.data import Manifests
from mmdemo.training.search import RANGES, SAMPLERS, ranges_of, search
from tests.tiny_training import job


def test_a_grid_is_gone_through_and_the_best_comes_first(trained) -> None:
    both = Manifests(trained.dev, trained.dev)
    ranges = {"head_lr": [1e-9, 3e-3], "label_smoothing": [0.0]}
    candidates = search(job(trained.task, epochs=1), both, ranges=ranges, trials=9, sampler="grid")
    assert sorted(trial.options["head_lr"] for trial in candidates) == [1e-9, 3e-3]
    scores = [trial.figures["macro_f1"] for trial in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(set(trial.dev) == {"accuracy", "macro_f1"} for trial in candidates)


def test_without_samples_set_aside_there_is_nothing_to_choose_by(trained) -> None:
    both = Manifests(trained.dev, trained.dev)
    with pytest.raises(ManifestError, match="hold_out"):
        search(job(trained.task, hold_out=0.0), both, ranges={}, trials=1, sampler="tpe")


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_draws_the_same(sampler: str) -> None:
    import optuna

    def draw(seed: int) -> list[float]:
        study = optuna.create_study(sampler=SAMPLERS[sampler](RANGES, seed))
        rates = []
        for _ in range(4):
            trial = study.ask()
            rates.append(trial.suggest_float("head_lr", 1e-4, 3e-3, log=True))
            study.tell(trial, rates[-1])
        return rates

    assert draw(1) == draw(1)


def test_ranges_come_from_a_file_or_fit_the_task(trained, tmp_path: Path) -> None:
    task = tasks.get(trained.task)
    assert set(ranges_of(task, None)) == set(RANGES) - {"encoder_lr"}  # nothing of it has trained weights
    assert set(ranges_of(tasks.get("sentiment"), None)) == set(RANGES)
    path = tmp_path / "ranges.toml"
    path.write_text('batch = [8, 16]\nhead_lr = { low = 1e-4, high = 1e-2 }\ntuning = ["full", "lora"]\n')
    assert ranges_of(task, path)["batch"] == [8, 16]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch = 8", "batch"),
        ("head_lr = { low = 1.0, high = 0.1 }", "head_lr"),
        ("batch = []", "batch"),
        ("batch = [", "table of ranges"),
        ("batches = [8]", "batches"),
        ("batch = [0]", "batch"),
    ],
)
def test_a_file_that_is_no_table_of_ranges_is_refused(trained, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ranges.toml"
    path.write_text(text)
    with pytest.raises(ManifestError, match=said):
        ranges_of(tasks.get(trained.task), path)
