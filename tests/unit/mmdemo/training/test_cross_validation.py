"""Cross-validation measures on what each model did not see, and calibrates a model that saw everything."""

from pathlib import Path

from mmdemo.training.cross_validation import Folds
from mmdemo.training.data import Manifests
from mmdemo.training.run import train
from mmdemo.versions import sidecar
from tests import tiny_training


def test_folds_measure_and_calibrate_one_that_learns_from_everything(capsys, trained, tmp_path: Path) -> None:
    out = train(tiny_training.job(trained.task, epochs=1), Manifests(trained.dev), tmp_path / "v", folds=2)
    about = sidecar.read(out)
    assert about.samples == 40  # none was set aside
    assert 0 <= about.figures["folds_accuracy"] <= 1 and "folds_macro_f1_spread" in about.figures
    assert about.temperatures["image"] != 1.0 and about.familiarity["image"] > 0
    said = capsys.readouterr().err
    assert "fold 1 of 2" in said and "fold 2 of 2" in said


def test_mean_and_spread() -> None:
    summary = Folds([{"accuracy": 0.5}, {"accuracy": 0.7}], {}, {}).summary()
    assert summary == {"folds_accuracy": 0.6, "folds_accuracy_spread": 0.1414}
