"""Which runtime computes for a predictor: put in beside the answers, with its own figures; out where it fails."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmdemo import Predictor
from mmdemo.errors import MmdemoError, UnknownName
from mmdemo.model import engines as runtimes
from mmdemo.model.engines.interface import Hidden, Runtime
from mmdemo.prediction import engines
from mmdemo.prediction.engines import EngineChoice
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import RuntimeRecord
from tests import tiny

needs_openvino = pytest.mark.skipif(not runtimes.installed(runtimes.RUNTIMES["openvino"]), reason="not installed")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return tiny.task(tmp_path_factory.mktemp("task"), ("image", "text"))


@pytest.fixture(scope="module")
def version(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.version(tmp_path_factory.mktemp("version") / "v1", task)


class Copied:
    """A runtime that computes in PyTorch what it was handed when its files were written."""

    def __init__(self, *precisions: str, off: float = 1.0) -> None:
        self.hidden: dict[str, Callable[..., Tensor]] = {}
        self.threads: list[int] = []  # with which it was read
        self.off = off
        self.breaks = False
        self.may_read = threading.Event()
        self.may_read.set()
        self.runtime = Runtime("copied", (), lambda: "1", lambda: precisions or ("f32",), self.write, self.read)

    def write(self, encoder: object, arguments: object, shapes: object, folder: Path) -> None:
        self.hidden[str(len(self.hidden))] = encoder.hidden  # type: ignore[attr-defined]
        (folder / "encoder").write_text(str(len(self.hidden) - 1))

    def read(self, folder: Path, threads: int, precision: str) -> Hidden:
        self.threads.append(threads)
        assert self.may_read.wait(30)
        name = (folder / "encoder").read_text()

        def hidden(*arguments: Tensor) -> Tensor:
            if self.breaks:
                raise RuntimeError("gone")
            return self.hidden[name](*arguments) * self.off

        return hidden

    def choice(self, home: Path, waits: bool = True) -> EngineChoice:
        return EngineChoice(self.runtime, Settings(home=home), waits, least_gain=0.0)


@contextmanager
def lane(predictor: Predictor, share: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a thread that computes with a share."""
    every = torch.get_num_threads()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(predictor.prepare, [], share).result()
        yield pool
    torch.set_num_threads(every)


def inputs(seed: int = 0) -> object:
    return tiny.inputs(seed, ("image", "text"))


def test_the_answers_are_pytorchs_until_the_engine_is_made_and_its_own_then(
    task: Task, version: Path, tmp_path: Path
) -> None:
    copied = Copied()
    copied.may_read.clear()
    predictor = Predictor(task, version, engine=copied.choice(tmp_path, waits=False))
    before = predictor.predict_inputs(inputs())
    assert predictor.runtime is None  # nobody asked for it yet
    predictor.equip()
    assert predictor.runtime is not None and "being prepared" in predictor.runtime.sentence()
    copied.may_read.set()
    _wait(lambda: "copied" in predictor.runtime.sentence() and "prepared" not in predictor.runtime.sentence())
    assert "image f32, text f32" in predictor.runtime.sentence()
    assert predictor.predict_inputs(inputs()).probabilities == pytest.approx(before.probabilities, abs=1e-4)


def test_a_runtime_that_fails_leaves_pytorch_its_own_figures(task: Task, version: Path, tmp_path: Path) -> None:
    copied = Copied("bf16", off=1.001)
    name = "copied: image bf16, text bf16"
    record = RuntimeRecord("tiny-v1", 100, 1.0, (-0.01, 0.01), (-0.01, 0.01), temperatures={"image+text": 100.0})
    folder = _with(version, tmp_path / "v1", {name: record})
    predictor = Predictor(task, folder, engine=copied.choice(tmp_path))
    assert max(predictor.predict_inputs(inputs()).probabilities.values()) < 0.51  # of so high a temperature
    copied.breaks = True
    answered = predictor.predict_inputs(inputs(1))
    assert answered.probabilities == Predictor(task, version).predict_inputs(inputs(1)).probabilities
    assert predictor.runtime is not None and predictor.runtime.sentence().endswith(": gone")


def test_a_precision_that_nobody_measured_the_version_in_does_not_serve(
    task: Task, version: Path, tmp_path: Path
) -> None:
    def choice(runtimes_of_version: dict, place: str) -> Predictor:
        folder = _with(version, tmp_path / place, runtimes_of_version)
        return Predictor(task, folder, engine=Copied("bf16", off=1.001).choice(tmp_path / place))

    name, good = "copied: image bf16, text bf16", RuntimeRecord("tiny-v1", 100, 0.995, (-0.02, 0.01), (-0.01, 0.02))
    assert choice({name: good}, "good").predict_inputs(inputs())
    worse = {
        "never measured": {},
        "another version": {name: replace(good, version="tiny-v0")},
        "labels differ": {name: replace(good, agreement=0.98)},
        "less accurate": {name: replace(good, accuracy=(-0.02, -0.01))},
        "worse calibrated": {name: replace(good, ece=(0.01, 0.02))},
    }
    for place, of_version in worse.items():
        predictor = choice(of_version, place)
        assert predictor.predict_inputs(inputs()) and predictor.engine == ""
        assert predictor.runtime is not None and "no faster" in predictor.runtime.sentence()
        assert "并不更快" in predictor.runtime.sentence("zh")


def test_the_fastest_precision_serves_in_which_the_version_was_measured(
    task: Task, version: Path, tmp_path: Path
) -> None:
    name, good = "copied: image bf16, text bf16", RuntimeRecord("tiny-v1", 100, 0.995, (-0.02, 0.01), (-0.01, 0.02))
    folder = _with(version, tmp_path / "v1", {name: good})
    copied = Copied("int8", "bf16", "f32", off=1.0001)
    assert Predictor(task, folder, engine=copied.choice(tmp_path)).engine == name
    assert Predictor(task, version, engine=copied.choice(tmp_path)).engine == "copied: image f32, text f32"
    unmeasured = replace(copied.choice(tmp_path), unmeasured=True)
    assert Predictor(task, folder, engine=unmeasured).engine == "copied: image int8, text int8"


def test_the_champion_serves_in_pytorch_where_a_command_gains_nothing(
    task: Task, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copied, settings = Copied(), Settings(home=tmp_path)
    versions = Versions(settings)
    for seed, name in enumerate(("v1", "v2")):
        tiny.version(versions.folder(task.name, name), task, name, seed)
        versions.promote(task.name, name)
    assert Predictor(task, "v1", settings, engine=copied.choice(tmp_path)).engine  # the earlier one gains
    gains_nothing = replace(copied.choice(tmp_path), least_gain=1e9)
    predictor = Predictor(task, None, settings, engine=gains_nothing)
    assert predictor.predict_inputs(inputs()).model_version == "v2" and predictor.engine == ""
    assert [record.message for record in caplog.records] == [
        "v2: PyTorch computes its encoders: copied is no faster on this processor, or not as exact as is wanted."
    ]


def test_a_runtime_that_raises_leaves_pytorch(task: Task, version: Path, tmp_path: Path) -> None:
    def precisions() -> list[str]:
        raise RuntimeError("no such device")

    choice = EngineChoice(replace(Copied().runtime, precisions=precisions), Settings(home=tmp_path), waits=True)
    predictor = Predictor(task, version, engine=choice)
    assert predictor.predict_inputs(inputs())
    assert predictor.runtime is not None and predictor.runtime.sentence().endswith("no such device")


def test_an_engine_has_all_threads_whichever_lane_asked_for_the_version(
    task: Task, version: Path, tmp_path: Path
) -> None:
    copied = Copied()
    predictor = Predictor(task, version, engine=copied.choice(tmp_path, waits=False))
    predictor.equip()
    every = torch.get_num_threads()
    with lane(predictor, every + 1) as pool:
        pool.submit(predictor.predict_inputs, inputs()).result()
        _wait(lambda: predictor.engine != "")
    assert set(copied.threads) == {every}


def test_whoever_is_no_lane_computes_with_all_threads(task: Task, version: Path) -> None:
    predictor = Predictor(task, version)
    every = torch.get_num_threads()

    def look() -> int:
        predictor.forward(inputs())
        return torch.get_num_threads()

    with lane(predictor, every + 1) as pool:
        assert pool.submit(look).result() == every + 1
        with ThreadPoolExecutor(1) as other:
            assert other.submit(look).result() == every


@needs_openvino
def test_openvino_answers_as_pytorch_does(task: Task, version: Path, tmp_path: Path) -> None:
    choice = EngineChoice(runtimes.get("openvino"), Settings(home=tmp_path), waits=True, least_gain=0.0)
    ours, theirs = Predictor(task, version, engine=choice), Predictor(task, version)
    for seed in range(3):
        one, other = ours.answer(inputs(seed), "default")[0], theirs.answer(inputs(seed), "default")[0]
        assert one.label == other.label
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    assert ours.runtime is not None and "openvino: image f32, text f32" in ours.runtime.sentence()


def test_settings_and_commands_choose(tmp_path: Path) -> None:
    def chosen(runtime: str) -> Settings:
        return Settings(home=tmp_path, runtime=runtime)

    assert engines.for_page(chosen("torch")) is None
    assert engines.for_command(None, chosen("auto")) is None and engines.for_command("torch", chosen("auto")) is None
    with pytest.raises(UnknownName, match="tensorflow"):
        engines.for_command("tensorflow", chosen("auto"))
    if runtimes.installed(runtimes.RUNTIMES["openvino"]):
        page, command = engines.for_page(chosen("auto")), engines.for_command("openvino", chosen("torch"))
        assert page is not None and command is not None
        assert (page.runtime.name, page.waits, command.waits) == ("openvino", False, True)


def test_without_the_package_the_page_serves_in_pytorch_and_a_wish_for_it_is_refused(tmp_path: Path) -> None:
    away = {"openvino": replace(runtimes.RUNTIMES["openvino"], packages=("no_such_package",))}
    assert engines.for_page(Settings(home=tmp_path), away) is None
    for ask in (
        lambda: engines.for_page(Settings(home=tmp_path, runtime="openvino"), away),
        lambda: engines.for_command("openvino", Settings(home=tmp_path), away),
    ):
        with pytest.raises(MmdemoError, match="no_such_package"):
            ask()


def _with(version: Path, folder: Path, of_version: dict[str, RuntimeRecord]) -> Path:
    """Return a copy of a version, with what it is in other runtimes."""
    folder.mkdir(parents=True)
    for path in version.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    sidecar.write(folder, replace(sidecar.read(folder), runtimes=of_version))
    assert sidecar.read(folder).runtimes == of_version
    return folder


def _wait(until: Callable[[], bool]) -> None:
    last = time.monotonic() + 30
    while not until():
        assert time.monotonic() < last
        time.sleep(0.01)
