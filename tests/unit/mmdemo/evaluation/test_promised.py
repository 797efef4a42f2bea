"""What a version can promise is tested on answers as they are served, of whatever kind, by samples that were spared."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mmdemo import Predictor, tasks
from mmdemo.__main__ import main
from mmdemo.evaluation import promised
from mmdemo.evaluation.answers import PredictedRow
from mmdemo.training import manifests
from mmdemo.training.manifests import Row, splits
from mmdemo.values.promise import NEVER, Promise, PromiseOutcome
from mmdemo.values.samples import Prediction, Sample
from mmdemo.versions import curves, sidecar
from tests import number_kind, tiny_training
from tests.unit import test_kinds

PROMISE = Promise(error=0.1, sure=0.95)
HEIGHTS = """
name = "heights"
kind = "number"
title = "Heights"
modalities = ["text"]
threshold = 0.9
answer = { tolerance = 2.0 }
promise = { error = 0.1, sure = 0.95 }
"""


def row(number: int, label: str = "1", **extra: object) -> Row:
    return Row(str(number), Sample(text=f"dish {number}"), label, "", extra)


def test_a_number_is_wrong_beyond_its_tolerance_and_a_guess_is_never_accepted(tmp_path: Path) -> None:
    path = tmp_path / "heights.toml"
    path.write_text(HEIGHTS, "utf-8")
    with number_kind.registered():
        task = tasks.load_file(path)
        answer = Prediction(
            sample_id="0" * 64,
            task=task.name,
            kind=task.kind,
            answer=number_kind.NumberAnswer(10.0, 1.0),
            confidence=0.8,
            threshold=0.9,
            flagged=True,
            reason="low_confidence",
            modalities=("text",),
            model_version="v1",
            latency_ms=1.0,
        )
        rows = [PredictedRow(row(n, label), answer) for n, label in enumerate(("11", "12.5"))]
        outcomes = promised.outcomes_of(task, [*rows, PredictedRow(row(2, "10"), replace(answer, capped=True))])
    assert outcomes.wrong.tolist() == [False, True, False]
    assert outcomes.confidence.tolist() == [0.8, 0.8, NEVER]


def test_of_samples_that_are_alike_one_is_drawn() -> None:
    rows = [row(n, speaker="anna" if n < 50 else f"speaker {n}") for n in range(60)]
    chosen = splits.one_of_each(rows, "speaker")
    assert len(chosen) == 11 and len({each.extra["speaker"] for each in chosen}) == 11
    assert splits.one_of_each(rows[::-1], "speaker")[-1] in chosen
    assert splits.has_field(rows, "speaker") and not splits.has_field(rows, "template")
    assert not splits.has_field([], "speaker")


def test_what_is_tested_was_not_fitted_to(trained) -> None:
    task = tasks.get(trained.task)
    rows = manifests.read(trained.train, task)
    assert splits.promise_split(rows, task) == (rows, [])
    fitted, tested = splits.promise_split(rows, replace(task, promise=PROMISE))
    assert {each.id for each in fitted} | {each.id for each in tested} == {each.id for each in rows}
    assert 0.35 * len(rows) < len(tested) < 0.65 * len(rows) and not {r.id for r in fitted} & {r.id for r in tested}


def test_every_subset_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        "name = 't'\ntitle = 'T'\nlabels = ['a', 'b']\nmodalities = ['text', 'image']\nthreshold = 0.6\n", "utf-8"
    )
    assert sidecar.subsets(tasks.load_file(path).modalities) == ["image", "text", "image+text"]


def test_where_nothing_was_left_to_test_on_it_says_how_much_that_takes(trained) -> None:
    task = replace(tasks.get(trained.task), promise=PROMISE)
    record = promised.judge(Predictor(task, trained.folder), [])
    assert record.subsets["image"].outcome == PromiseOutcome.TOO_FEW and record.subsets["image"].missing == 32
    assert record.promise == PROMISE and record.population == "shipped"


@pytest.fixture(scope="module")
def promising(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the tiny task with a promise."""
    folder = tmp_path_factory.mktemp("promising")
    path = tiny_training.write_task(folder)
    path.write_text(path.read_text("utf-8").replace("threshold", f"promise = {written(PROMISE)}\nthreshold"), "utf-8")
    return path


def written(promise: Promise) -> str:
    return f"{{ error = {promise.error}, sure = {promise.sure} }}"


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_training_tests_the_promise_on_what_it_set_aside(promising: Path, tmp_path: Path, capsys) -> None:
    train, dev = tiny_training.write(tmp_path, 320), tiny_training.write(tmp_path, 40, seed=1, name="dev")
    words = ["--task", str(promising), "--train", str(train), "--dev", str(dev), "--option", "hold_out=0.5"]
    assert main(["train", *words, "--epochs", "8", "--out", str(tmp_path / "v1")]) == 0
    record = sidecar.read(tmp_path / "v1").promise
    assert record is not None and record.promise == PROMISE and record.by == ""
    kept = record.subsets["image"]
    assert kept.outcome == PromiseOutcome.STANDS and 50 < kept.samples < 110
    assert (
        f"image: threshold {kept.threshold:g}; {kept.wrong} of {kept.accepted} wrong above it"
        in capsys.readouterr().out
    )
    task = tasks.load_file(promising)
    answer = Predictor(task, tmp_path / "v1").predict(manifests.read(dev, task)[0].sample)
    assert answer.threshold == kept.threshold and answer.promise is not None


@pytest.mark.slow
def test_thresholds_alone_are_tested_anew(trained, promising: Path, tmp_path: Path) -> None:
    manifest = tiny_training.write(tmp_path, 80, seed=5, name="more")
    words = ["--task", str(promising), "--version", str(trained.folder), "--manifest", str(manifest)]
    assert main(["calibrate", *words, "--out", str(tmp_path / "tested"), "--thresholds"]) == 0
    before, after = sidecar.read(trained.folder), sidecar.read(tmp_path / "tested")
    assert after.promise is not None and after.promise.subsets["image"].samples == 80
    assert after.temperatures == before.temperatures and digest(tmp_path / "tested") == digest(trained.folder)
    assert (
        after.command
        == f"{before.command} && python -m mmdemo calibrate --task sides --manifest DATA/more.jsonl --thresholds"
    )
    assert main(["calibrate", *words, "--out", str(tmp_path / "part"), "--thresholds", "--aside", "0.25"]) == 0
    part = sidecar.read(tmp_path / "part")
    rows = manifests.read(manifest, tasks.load_file(promising))
    assert part.promise is not None
    assert part.promise.subsets["image"].samples == len(splits.calibration_split(rows, 0.25)[1]) < 80
    assert part.command.endswith("--manifest DATA/more.jsonl --aside 0.25 --thresholds")
    assert main(["calibrate", *words, "--out", str(tmp_path / "both")]) == 0
    both = sidecar.read(tmp_path / "both")
    assert both.promise is not None and 20 < both.promise.subsets["image"].samples < 60
    assert both.temperatures != before.temperatures


def test_where_no_sample_is_at_hand_that_is_what_a_version_says(
    trained, promising: Path, tmp_path: Path, capsys
) -> None:
    words = ["--task", str(promising), "--version", str(trained.folder), "--out", str(tmp_path / "v")]
    assert main(["calibrate", *words]) == 2
    assert capsys.readouterr().err.strip() == "Give --manifest: labelled samples that trained nothing."
    assert main(["calibrate", *words, "--thresholds"]) == 0
    assert "image: 0 samples are too few to promise anything; 32 more are needed" in capsys.readouterr().out
    about = sidecar.read(tmp_path / "v")
    assert about.command.endswith("python -m mmdemo calibrate --task sides --thresholds")
    assert about.promise is not None and about.promise.subsets["image"].outcome == PromiseOutcome.TOO_FEW


@pytest.mark.slow
def test_curves_of_other_confidences_are_not_kept(trained, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(trained.folder, before)
    (before / curves.FILE).write_text("{}", "utf-8")
    words = ["calibrate", "--task", trained.task, "--version", str(before), "--manifest", str(trained.dev)]
    assert main([*words, "--out", str(tmp_path / "fitted")]) == 0
    assert (before / curves.FILE).is_file() and not (tmp_path / "fitted" / curves.FILE).exists()


@pytest.mark.slow
def test_a_task_that_promises_nothing_has_nothing_to_test(trained, tmp_path: Path, capsys) -> None:
    words = ["--task", trained.task, "--version", str(trained.folder), "--manifest", str(trained.dev)]
    assert main(["calibrate", *words, "--out", str(tmp_path / "v"), "--thresholds"]) == 2
    assert capsys.readouterr().err.strip() == (
        "The task sides promises nothing: its file has no line such as promise = { error = 0.1, sure = 0.95 }."
    )
    assert main(["calibrate", *words, "--out", str(tmp_path / "v")]) == 0
    assert sidecar.read(tmp_path / "v").promise is None
    assert json.loads((tmp_path / "v" / sidecar.FILE).read_text("utf-8"))["promise"] is None


@pytest.mark.slow
def test_a_number_is_promised_to_lie_within_its_tolerance(tmp_path: Path) -> None:
    path = tmp_path / "heights.toml"
    promise = Promise(error=0.5, sure=0.8)
    path.write_text(test_kinds.TASK.replace("threshold", f"promise = {written(promise)}\nthreshold"), "utf-8")
    train, dev = (test_kinds.write(tmp_path / f"bars-{seed}", 160, seed) for seed in (1, 2))
    words = ["--task", str(path), "--train", str(train), "--dev", str(dev), "--option", "hold_out=0.5"]
    with number_kind.registered():
        assert main(["train", *words, "--epochs", "40", "--out", str(tmp_path / "v1")]) == 0
        task = tasks.load_file(path)
        record = sidecar.read(tmp_path / "v1").promise
        assert record is not None and record.promise == promise
        kept = record.subsets["image"]
        assert kept.outcome == PromiseOutcome.STANDS
        _, spared = splits.calibration_split(manifests.read(train, task), 0.5)
        _, tested = splits.promise_split(spared, task)
        answers = [(row, Predictor(task, tmp_path / "v1").predict(row.sample)) for row in tested]
    accepted = [(row, answer) for row, answer in answers if not answer.flagged]
    off = [abs(answer.answer.number - float(row.label)) > 2.0 for row, answer in accepted]
    assert (len(answers), len(accepted), sum(off)) == (kept.samples, kept.accepted, kept.wrong)
