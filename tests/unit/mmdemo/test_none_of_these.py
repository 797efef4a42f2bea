"""None of these: learned from samples that are none of the labels, answered as such, and never a label."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import locale, tasks
from mmdemo.__main__ import main
from mmdemo.answers import NONE_OF_THESE, LabelAnswer
from mmdemo.errors import CheckpointError, ManifestError, UnknownName
from mmdemo.evaluation import evaluate
from mmdemo.model import MultimodalModel
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.training import continual, manifests
from mmdemo.training.continual import Corrections, Recipe
from mmdemo.training.data import Manifests
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.fitting.inference import logits
from mmdemo.training.jobs import Origin
from mmdemo.training.objectives import targets
from mmdemo.training.run import train
from mmdemo.values.samples import Prediction, Sample, to_json
from mmdemo.versions import sidecar
from tests import tiny, tiny_training

LABELS = ("left", "right")


def write(folder: Path, sides: int, dark: int, seed: int) -> Path:
    """Write pictures with a light patch, and `dark` ones that have none, into one manifest; return it."""
    manifest = tiny_training.write(folder, sides, seed)
    lines = manifest.read_text("utf-8")
    for index in range(dark):
        name = f"dark-{seed}-{index}"
        noise = np.random.default_rng((seed, index)).integers(0, 120, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
        lines += json.dumps({"id": name, "image": f"{name}.png", "label": NONE_OF_THESE}) + "\n"
    manifest.write_text(lines, "utf-8")
    return manifest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        side: write(tmp_path_factory.mktemp(side), *numbers)
        for side, numbers in {"train": (160, 80, 0), "dev": (40, 20, 1)}.items()
    }


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The task of two sides, which may be neither."""
    path = tiny_training.write_task(tmp_path_factory.mktemp("task"))
    path.write_text(path.read_text("utf-8").replace("threshold", "none_of_these = true\nthreshold"), "utf-8")
    return tasks.load_file(path)


@pytest.fixture(scope="module")
def version(refusing: Task, data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("refusing") / "v1"
    return train(tiny_training.job(refusing, seed=3, epochs=8), Manifests(data["train"], data["dev"]), out)


@pytest.fixture(scope="module")
def dev(refusing: Task, data: dict[str, Path]) -> list[manifests.Row]:
    return manifests.read(data["dev"], refusing)


def prediction(answer: LabelAnswer) -> Prediction:
    return Prediction(
        *("0" * 64, "tiny", "classification", answer),
        confidence=0.8,
        threshold=0.6,
        flagged=False,
        reason=NONE_OF_THESE,
        modalities=("text",),
        model_version="v1",
        latency_ms=1,
    )


def test_it_is_a_reserved_name_and_a_flag(tmp_path: Path) -> None:
    path = tiny.write_task(tmp_path, ("text",))
    plain = tasks.load_file(path)
    assert not plain.none_of_these and plain.answers == plain.label_names
    with pytest.raises(UnknownName, match=r"none_of_these.*bad, good"):
        plain.check(NONE_OF_THESE)
    written = path.read_text("utf-8")
    path.write_text("none_of_these = true\n" + written, "utf-8")
    task = tasks.load_file(path)
    assert task.answers == ("bad", "good", NONE_OF_THESE) and task.label_names == ("bad", "good")
    assert task.check(NONE_OF_THESE) == NONE_OF_THESE
    assert [task.display(NONE_OF_THESE, language) for language in locale.LANGUAGES] == ["None of these", "都不是"]
    path.write_text('none_of_these = "yes"\n' + written, "utf-8")
    with pytest.raises(ManifestError, match="neither true nor false"):
        tasks.load_file(path)
    tiny.write_task(tmp_path, ("text",), ("bad", NONE_OF_THESE))
    with pytest.raises(ManifestError, match="reserved name"):
        tasks.load_file(path)


def test_a_manifest_may_say_it_where_the_task_does(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({"id": "1", "text": "a dog", "label": NONE_OF_THESE}) + "\n", "utf-8")
    with pytest.raises(ManifestError, match='"none_of_these" is none of bad, good'):
        manifests.read(manifest, task)
    [row] = manifests.read(manifest, replace(task, none_of_these=True))
    assert row.label == NONE_OF_THESE


def test_what_it_holds_is_spread_over_the_labels() -> None:
    spread = LabelAnswer("good", {"bad": 0.3, "good": 0.7}, none_of_these=0.2)
    assert spread.shares == pytest.approx({"bad": 0.2, "good": 0.6, NONE_OF_THESE: 0.2})
    without = LabelAnswer("good", {"bad": 0.5, "good": 0.5})
    assert without.shares is without.probabilities
    assert NONE_OF_THESE not in to_json(prediction(without)) and to_json(prediction(spread))[NONE_OF_THESE] == 0.2


@pytest.mark.slow
def test_it_is_learned_answered_and_counted(version: Path, refusing: Task, dev: list[manifests.Row]) -> None:
    about = sidecar.read(version)
    assert about.labels == LABELS and about.none_of_these
    predictor = Predictor(refusing, version)
    answers = {row.id: predictor.predict(row.sample) for row in dev}
    for answer in answers.values():
        assert tuple(answer.probabilities) == LABELS and sum(answer.probabilities.values()) == pytest.approx(1)
        assert sum(answer.labelled.shares.values()) == pytest.approx(1) and answer.flagged == (answer.confidence < 0.6)
        refused = answer.label == NONE_OF_THESE
        assert answer.confidence == (answer.none_of_these if refused else answer.probabilities[answer.label])
        assert refused == (answer.reason == NONE_OF_THESE) or answer.flagged
    assert any(answer.reason == NONE_OF_THESE and not answer.flagged for answer in answers.values())
    result = evaluate(predictor, dev)
    right = sum(answers[row.id].label == row.label for row in dev)
    assert result.accuracy == right / len(dev) >= 0.9
    assert (
        list(result.details.per_class) == [*LABELS, NONE_OF_THESE] and result.details.per_class[NONE_OF_THESE].n == 20
    )
    assert result.details.per_class[NONE_OF_THESE].recall >= 0.9 and len(result.details.confusion) == 3
    assert result.raw.ece != result.ece


@pytest.mark.slow
@pytest.mark.parametrize("most", [0.0, 0.25])
def test_how_readily_it_refuses_is_set(
    version: Path, refusing: Task, data: dict[str, Path], dev: list[manifests.Row], tmp_path: Path, most: float
) -> None:
    assert refusing.path is not None
    words = ["--task", str(refusing.path), "--version", str(version), "--manifest", str(data["dev"])]
    calibrate = ["calibrate", *words, "--out", str(tmp_path / "set"), "--name", "set", "--refused", str(most)]
    assert main(calibrate) == 0
    about, before = sidecar.read(tmp_path / "set"), sidecar.read(version)
    assert about.version == "set" and about.command.endswith(f"--refused {most:g}")
    assert dict(about.figures) == dict(before.figures)
    predictor = Predictor(refusing, tmp_path / "set")
    labelled = [row for row in dev if row.label != NONE_OF_THESE]
    refused = sum(predictor.predict(row.sample).label == NONE_OF_THESE for row in labelled)
    assert refused <= most * len(labelled)
    assert main(calibrate) == 2  # the folder is taken


@pytest.mark.slow
def test_a_refusal_is_explained_by_what_speaks_for_it(version: Path, refusing: Task, dev: list[manifests.Row]) -> None:
    predictor = Predictor(refusing, version)
    refused = next(row for row in dev if predictor.predict(row.sample).label == NONE_OF_THESE)
    assert predictor.explain(refused.sample).target == NONE_OF_THESE
    assert predictor.explain(refused.sample, target="left", against=NONE_OF_THESE).against == NONE_OF_THESE


@pytest.mark.slow
def test_a_version_that_does_not_know_it_answers_as_before(trained, refusing: Task, dev: list[manifests.Row]) -> None:
    plain, same = Predictor(tasks.load_file(Path(trained.task)), trained.folder), Predictor(refusing, trained.folder)
    for row in dev[::10]:
        one, other = plain.predict(row.sample), same.predict(row.sample)
        assert (one.label, one.probabilities, one.none_of_these) == (other.label, other.probabilities, None)
    result = evaluate(same, dev)
    assert result.details.per_class[NONE_OF_THESE].recall == 0 and result.n == len(dev)
    with pytest.raises(UnknownName, match="none_of_these"):
        same.explain(dev[0].sample, target=NONE_OF_THESE)


@pytest.mark.slow
def test_a_version_that_knows_it_is_refused_where_the_task_does_not(version: Path, trained) -> None:
    plain = tasks.load_file(Path(trained.task))
    with pytest.raises(CheckpointError, match="none_of_these = true"):
        Predictor(plain, version).predict(Sample(image=Image.new("RGB", (32, 32))))
    with pytest.raises(CheckpointError, match="none_of_these = true"):
        tiny_training.job(plain, Origin(parent=version))


@pytest.mark.slow
def test_a_parent_and_a_teacher_need_not_know_it(
    trained, refusing: Task, data: dict[str, Path], dev: list[manifests.Row], tmp_path: Path
) -> None:
    job = tiny_training.job(refusing, Origin(parent=trained.folder), epochs=6)
    further = train(job, Manifests(data["train"]), tmp_path / "v2")
    assert sidecar.read(further).parent == "v1" and sidecar.read(further).none_of_these
    result = evaluate(Predictor(refusing, further), dev)
    assert result.accuracy >= 0.9 and result.details.per_class[NONE_OF_THESE].recall >= 0.8
    teacher = MultimodalModel.load(trained.folder)
    items = decode_rows(dev, refusing, teacher[1])
    shares = np.array([item.shares for item in targets.distil(items, [teacher], 0.5, len(refusing.answers))])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    outliers = np.array([item.target == 2 for item in items])
    assert (shares[outliers, 2] == 1).all() and (shares[~outliers, 2] == 0).all()


@pytest.mark.slow
def test_a_new_answer_is_at_first_an_unlikely_one(trained, refusing: Task, dev: list[manifests.Row]) -> None:
    loaded = MultimodalModel.load(trained.folder)
    items = decode_rows(dev, refusing, loaded.processor)
    before = logits(loaded, items)
    loaded.model.learn_to_answer(refusing.answers)
    after = logits(loaded, items)
    np.testing.assert_allclose(after[:, :2], before, rtol=1e-5)
    assert loaded.model.config.labels == list(refusing.answers) and (after.argmax(axis=1) < 2).all()


@pytest.mark.slow
def test_a_night_teaches_it_to_a_champion_that_did_not_know_it(
    trained, refusing: Task, data: dict[str, Path], dev: list[manifests.Row], tmp_path: Path
) -> None:
    rows = manifests.read(data["train"], refusing)
    rows = [*rows[:20], *[row for row in rows if row.label == NONE_OF_THESE][:20]]
    quick = Recipe(augmentation=Augmentation(augment=False))
    corrections = Corrections(rows, dev=dev)
    folder = continual.update(trained.folder, corrections, tmp_path / "n1", task=refusing, recipe=quick)
    about = sidecar.read(folder)
    assert about.none_of_these and about.parent == "v1"
    result = evaluate(Predictor(refusing, folder), dev)
    assert result.accuracy >= 0.8 and result.details.per_class[NONE_OF_THESE].recall >= 0.8
