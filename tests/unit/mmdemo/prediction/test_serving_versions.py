"""Which version answers: the champion, followed without a restart; what stands in where it cannot be loaded."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmdemo import Predictor
from mmdemo.errors import CheckpointError, UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions.registry import Versions
from tests import tiny


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return tiny.task(tmp_path_factory.mktemp("task"))


class Home:
    """A home folder with two versions, the first of them champion."""

    def __init__(self, task: Task, folder: Path, version: Path) -> None:
        self.task = task
        self.settings = Settings(home=folder / "home")
        self.versions = Versions(self.settings)
        shutil.copytree(version, self.versions.folder(task.name, "v1").parent)
        self.versions.promote(task.name, "v1")

    def pinned(self, version: str) -> Predictor:
        return Predictor(self.task, version, self.settings)


@pytest.fixture(scope="module")
def version(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions that answer differently."""
    folder = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("v1", "v2")):
        tiny.version(folder / name, task, name, seed)
    return folder


@pytest.fixture
def home(task: Task, tmp_path: Path, version: Path) -> Home:
    return Home(task, tmp_path, version)


def test_the_champion_is_followed_without_a_restart(home: Home, task: Task) -> None:
    predictor, inputs = Predictor(task, settings=home.settings), tiny.inputs()
    answers = {name: home.pinned(name).predict_inputs(inputs).probabilities for name in ("v1", "v2")}
    assert answers["v1"] != answers["v2"]
    prediction = predictor.predict_inputs(inputs)
    assert (prediction.model_version, prediction.probabilities) == ("v1", answers["v1"])
    home.versions.promote(task.name, "v2")
    prediction = predictor.predict_inputs(inputs)
    assert (prediction.model_version, prediction.probabilities) == ("v2", answers["v2"])
    home.versions.rollback(task.name)
    assert predictor.predict_inputs(inputs).model_version == "v1"


def test_a_named_version_stays(home: Home, task: Task) -> None:
    by_name, by_folder = home.pinned("v1"), Predictor(task, home.versions.path(task.name, "v1"), home.settings)
    home.versions.promote(task.name, "v2")
    for predictor in (by_name, by_folder):
        assert predictor.predict_inputs(tiny.inputs()).model_version == "v1"
    with pytest.raises(UnknownName, match="v2"):
        home.pinned("v3").predict_inputs(tiny.inputs())


def test_a_champion_that_cannot_be_loaded_leaves_the_old_one_in_service(
    home: Home, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = Predictor(task, settings=home.settings)
    assert predictor.model_version == "v1"
    broken = home.versions.folder(task.name, "v3")
    shutil.copytree(home.versions.path(task.name, "v2"), broken)
    (broken / "model.safetensors").write_bytes(b"cut off")
    home.versions.promote(task.name, "v3")
    for _ in range(3):
        assert predictor.predict_inputs(tiny.inputs()).model_version == "v1"
    assert len(caplog.records) == 1 and "v1 stays in service" in caplog.text  # it is tried once, not at every call
    home.versions.promote(task.name, "v2")
    assert predictor.model_version == "v2"


def test_a_champion_that_cannot_be_loaded_at_the_start_has_the_newest_earlier_one_stand_in(
    home: Home, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    home.versions.promote(task.name, "v2")
    weights = home.versions.folder(task.name, "v2") / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(b"\x00\xff" * 500)
    predictor = Predictor(task, settings=home.settings)
    for _ in range(3):
        assert predictor.predict_inputs(tiny.inputs()).model_version == "v1"
    assert predictor.stands_in_for == "v2"
    assert len(caplog.records) == 1 and "v1 serves instead" in caplog.text
    with pytest.raises(CheckpointError):  # who asks for that very version is not given another
        home.pinned("v2").predict_inputs(tiny.inputs())
    weights.write_bytes(whole)
    again = Predictor(task, settings=home.settings)
    assert (again.model_version, again.stands_in_for) == ("v2", None)


FILES = ("config.json", "processor.json", "model.safetensors", "version.json")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("garbage", [b"", b"\x00\xff\xfe" * 99])
def test_whatever_file_is_damaged_the_version_before_stands_in(
    home: Home, task: Task, name: str, garbage: bytes
) -> None:
    home.versions.promote(task.name, "v2")
    path = home.versions.folder(task.name, "v2") / name
    assert path.is_file()
    path.write_bytes(garbage)
    predictor = Predictor(task, settings=home.settings)
    assert (predictor.model_version, predictor.stands_in_for) == ("v1", "v2")


def test_a_damaged_pointer_is_told_and_its_copy_serves(
    home: Home, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    home.versions.promote(task.name, "v2")
    home.versions.folder(task.name, "champion").write_bytes(b"\x00\xff\xfe garbage")
    predictor = Predictor(task, settings=home.settings)
    assert (predictor.model_version, predictor.stands_in_for) == ("v2", "")
    assert len(caplog.records) == 1 and "names no version that there is; v2 serves" in caplog.text


def test_a_home_that_goes_away_does_not_stop_the_service(home: Home, task: Task) -> None:
    predictor = Predictor(task, settings=home.settings)
    assert predictor.model_version == "v1"
    home.settings.home.rename(home.settings.home.with_name("elsewhere"))
    assert predictor.predict_inputs(tiny.inputs()).model_version == "v1"


@pytest.mark.slow
def test_threads_share_it_while_the_champion_changes(home: Home, task: Task) -> None:
    predictor, samples = Predictor(task, settings=home.settings), [tiny.inputs(seed) for seed in range(4)]
    expected = {
        (name, row): home.pinned(name).predict_inputs(inputs, "default")
        for name in ("v1", "v2")
        for row, inputs in enumerate(samples)
    }
    started, done = threading.Barrier(5), threading.Event()

    def ask(row: int) -> set[str]:
        served = set()
        started.wait()
        while not done.is_set() or "v2" not in served:
            prediction = predictor.predict_inputs(samples[row], "default")
            reference = expected[prediction.model_version, row]
            assert prediction.probabilities == pytest.approx(reference.probabilities, abs=1e-5)
            assert prediction.explanation and prediction.explanation.target == prediction.label == reference.label
            served.add(prediction.model_version)
        return served

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, row) for row in range(4)]
        started.wait()
        home.versions.promote(task.name, "v2")
        done.set()
        assert all("v2" in each.result() for each in asked)
    assert predictor.model_version == "v2"
