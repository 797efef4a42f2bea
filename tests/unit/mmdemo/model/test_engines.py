"""Encoders that another runtime computes: as PyTorch's, whatever else is in a batch, and PyTorch's where it fails."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmdemo.errors import MmdemoError, UnknownName
from mmdemo.model import Loaded, MultimodalModel, encoded, engines
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines import attempts, making
from mmdemo.model.engines.converted import Engine
from mmdemo.model.engines.interface import Runtime
from mmdemo.values.samples import Inputs
from tests import tiny

CAPTIONS = ("a dog", "the cat is smiling and the dog runs", "the dog")
RUNTIMES = [pytest.param(runtime, id=name) for name, runtime in engines.RUNTIMES.items() if engines.installed(runtime)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(tiny.task(folder, ("image", "text")), tiny.starts(folder))
    return Loaded(model.eval(), processor)


def samples() -> list[Inputs]:
    return [replace(tiny.inputs(seed, ("image", "text")), text=text) for seed, text in enumerate(CAPTIONS)]


def own(hidden: Callable[..., Tensor]) -> Runtime:
    """Return a runtime that computes with what it is handed."""

    def write(encoder: object, arguments: object, shapes: object, folder: Path) -> None:
        (folder / "encoder").write_text("whole")

    return Runtime("own", (), lambda: "1", lambda: ("f32",), write, lambda folder, threads, precision: hidden)


def of(loaded: Loaded) -> dict[str, ModalityEncoder]:
    """Return its encoders."""
    return dict(loaded.model.encoders.items())  # type: ignore[arg-type]


def tokens(loaded: Loaded, some: Sequence[Inputs], made: Engine | None = None) -> list[encoded.EncodedSample]:
    """Return what becomes of samples, where an engine is given in its runtime."""
    return encoded.tokens_in_batches(made.encoders if made else of(loaded), loaded.processor, some)


def both(loaded: Loaded) -> Callable[..., Tensor]:
    """Return what computes either encoder in PyTorch."""
    return lambda *arguments: loaded.model.encoders["text" if len(arguments) == 3 else "image"].hidden(*arguments)


def engine(loaded: Loaded, runtime: Runtime, home: Path, precisions: Sequence[str] = ("f32",)) -> Engine | None:
    return making.make(loaded, of(loaded), runtime, home, 1, precisions, least_gain=0.0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtime_makes_the_same_of_a_sample_alone_and_in_company(
    loaded: Loaded, runtime: Runtime, tmp_path: Path
) -> None:
    made = engine(loaded, runtime, tmp_path)
    assert made is not None and set(made.encoders) == {"image", "text"}
    expected = tokens(loaded, samples())
    together = tokens(loaded, samples(), made)
    alone = [tokens(loaded, [one], made)[0] for one in samples()]
    for wanted, ours, by_itself in zip(expected, together, alone, strict=True):
        for name, values in wanted.items():
            torch.testing.assert_close(ours[name], values, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(ours[name], by_itself[name], atol=1e-4, rtol=1e-4)
    assert not made.failure.error


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_files_are_made_once_and_anew_where_they_are_broken(loaded: Loaded, runtime: Runtime, tmp_path: Path) -> None:
    writes: list[int] = []

    def write(*arguments: object) -> None:
        writes.append(1)
        runtime.write(*arguments)  # type: ignore[arg-type]

    counting = replace(runtime, write=write)
    assert engine(loaded, counting, tmp_path) and engine(loaded, counting, tmp_path)
    assert len(writes) == 2  # one a modality
    largest = max(tmp_path.rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    largest.write_bytes(largest.read_bytes()[:100])
    next(tmp_path.rglob("engine.json")).write_text("{")
    assert engine(loaded, counting, tmp_path)
    assert 3 <= len(writes) <= 4
    left = {path.name for path in tmp_path.rglob("*") if path.name.startswith(".") or path.suffix == ".tries"}
    assert left == {attempts.LOCK}


def test_other_weights_have_other_files(loaded: Loaded, tmp_path: Path) -> None:
    assert engine(loaded, own(both(loaded)), tmp_path)
    before = {path.name for path in (tmp_path / "own").iterdir()}
    with torch.no_grad():
        weight = next(loaded.model.encoders["text"].parameters())
        weight.add_(0.5)
        assert engine(loaded, own(both(loaded)), tmp_path)
        weight.sub_(0.5)
    assert len({path.name for path in (tmp_path / "own").iterdir()} - before) == 1


def test_a_runtime_that_fails_at_a_call_is_asked_no_more(
    loaded: Loaded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    breaks = False

    def hidden(*arguments: Tensor) -> Tensor:
        calls.append(1)
        if breaks:
            raise RuntimeError("the runtime is gone")
        return both(loaded)(*arguments)

    made = engine(loaded, own(hidden), tmp_path)
    assert made is not None
    breaks, expected = True, tokens(loaded, samples())
    calls.clear()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            answered = tokens(loaded, samples(), made)
            for ours, wanted in zip(answered, expected, strict=True):
                assert all(torch.equal(ours[name], wanted[name]) for name in wanted)
    assert len(calls) == 1 and made.failure.error == "the runtime is gone"
    assert [record.message for record in caplog.records if "the runtime is gone" in record.message] != []
    assert len(caplog.records) == 1


def test_what_is_not_close_or_not_finite_stays_in_pytorch(loaded: Loaded, tmp_path: Path) -> None:
    def off(by: float) -> Callable[..., Tensor]:
        return lambda *arguments: both(loaded)(*arguments) * by

    assert engine(loaded, own(off(1.0)), tmp_path / "1") is not None
    assert engine(loaded, own(off(1.01)), tmp_path / "2") is None
    assert engine(loaded, own(off(float("nan"))), tmp_path / "3") is None


def test_what_gains_nothing_stays_in_pytorch(loaded: Loaded, tmp_path: Path) -> None:
    assert making.make(loaded, of(loaded), own(both(loaded)), tmp_path, 1, ("f32",), least_gain=1000.0) is None


def test_what_gained_nothing_is_timed_again(loaded: Loaded, tmp_path: Path) -> None:
    def gains() -> bool:
        return making.make(loaded, of(loaded), own(both(loaded)), tmp_path, 1, ("f32",), least_gain=1e-3) is not None

    def set_seconds(torch_s: float, runtime_s: float) -> None:
        for file in tmp_path.rglob("engine.json"):
            about = json.loads(file.read_text())
            about["seconds"] = {cpu: [torch_s, runtime_s] for cpu in about["seconds"]}
            file.write_text(json.dumps(about))

    assert gains()
    set_seconds(1.0, 1e9)  # as if others had kept the processor busy
    assert gains()
    set_seconds(2.0, 1.0)
    made = engine(loaded, own(both(loaded)), tmp_path)
    assert made is not None and made.gain == 2.0  # what gained something is not timed again


def test_an_encoder_that_processes_died_over_is_left_alone(loaded: Loaded, tmp_path: Path) -> None:
    assert engine(loaded, own(both(loaded)), tmp_path)
    folders = [path for path in (tmp_path / "own").iterdir() if path.is_dir()]
    for tries in (1, attempts.MOST):
        for folder in folders:
            folder.with_name(f"{folder.name}.tries").write_text("." * tries)
        assert (engine(loaded, own(both(loaded)), tmp_path) is None) == (tries == attempts.MOST)
    assert len(list((tmp_path / "own").glob("*.tries"))) == len(folders)


def test_an_attempt_that_ends_its_process_counts_and_keeps_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    dies = """if True:
        import os, pathlib, sys
        from mmdemo.model.engines.attempts import attempt
        with attempt(pathlib.Path(sys.argv[1])):
            os._exit(9)"""
    assert subprocess.run([sys.executable, "-c", dies, str(folder)], check=False).returncode == 9
    assert (tmp_path / "engine.tries").stat().st_size == 1
    with attempts.attempt(folder, wait_s=0.0):
        assert (tmp_path / "engine.tries").stat().st_size == 2
    assert not (tmp_path / "engine.tries").exists()


def test_whoever_finds_another_at_it_waits_and_takes_its_files(loaded: Loaded, tmp_path: Path) -> None:
    begun, may_end, writes = threading.Event(), threading.Event(), list[int]()

    def write(encoder: object, arguments: object, shapes: object, folder: Path) -> None:
        writes.append(1)
        begun.set()
        assert may_end.wait(30)
        (folder / "encoder").write_text("whole")

    runtime = replace(own(both(loaded)), write=write)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine, loaded, runtime, tmp_path)
        assert begun.wait(30)
        second = pool.submit(engine, loaded, runtime, tmp_path)
        with pytest.raises(TimeoutError):
            second.result(0.3)
        may_end.set()
        for made in (first.result(), second.result()):
            assert made is not None and set(made.encoders) == {"image", "text"}
    assert len(writes) == 2  # one a modality


def test_waiting_for_another_ends(tmp_path: Path) -> None:
    with attempts.attempt(tmp_path / "engine"), ThreadPoolExecutor(1) as pool:

        def wait() -> None:
            with attempts.attempt(tmp_path / "engine", wait_s=0.1):
                pass

        with pytest.raises(ValueError, match="another process"):
            pool.submit(wait).result(30)


def test_what_a_process_left_half_written_goes(loaded: Loaded, tmp_path: Path) -> None:
    old, young = (tmp_path / "own" / f"{making.ASIDE}{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "encoder").write_text("half")
    long_ago = time.time() - making.LEFT_S - 60
    os.utime(old, (long_ago, long_ago))
    assert engine(loaded, own(both(loaded)), tmp_path)
    assert not old.exists() and young.exists()


def test_old_files_go(loaded: Loaded, tmp_path: Path) -> None:
    for number in range(making.KEPT + 3):
        (tmp_path / "own" / f"old{number}").mkdir(parents=True)
        os.utime(tmp_path / "own" / f"old{number}", (number, number))
    assert engine(loaded, own(both(loaded)), tmp_path)
    left = {path.name for path in (tmp_path / "own").iterdir() if path.is_dir()}
    assert len(left) == making.KEPT and "old0" not in left and f"old{making.KEPT + 2}" in left


def test_a_name_that_is_unknown_or_not_installed_is_said() -> None:
    with pytest.raises(UnknownName, match="torch, openvino, onnxruntime"):
        engines.get("tensorflow")
    absent = {"away": replace(own(lambda *_: torch.zeros(1)), name="away", packages=("no_such_package",))}
    with pytest.raises(MmdemoError, match="no_such_package"):
        engines.get("away", absent)
