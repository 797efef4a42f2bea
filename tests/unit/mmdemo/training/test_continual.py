"""A challenger learns what its champion got wrong, and still knows what its champion knew."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmdemo import tasks
from mmdemo.checks import out_of_distribution
from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, MultimodalModel, encoded
from mmdemo.prediction.predictor import Predictor
from mmdemo.training import continual, manifests
from mmdemo.training.continual import Corrections, Recipe, familiarity, learn, update
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import Row
from mmdemo.training.options import Tuning
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar
from tests import tiny, tiny_training

REHEARSED = 4  # of what the champion knows
QUICK = Recipe(augmentation=Augmentation(augment=False))
SHORT = replace(QUICK, steps=3, passes=0)
NAIVE = replace(QUICK, pull=0.0, soften=0.0, rehearse=0.0, freeze_statistics=False)


@pytest.fixture(scope="module")
def task(trained):
    return tasks.load_file(Path(trained.task))


@pytest.fixture(scope="module")
def negatives(task, tmp_path_factory) -> list[Row]:
    """The task's pictures as negatives, dark on light: the champion takes nearly all of them for the other side."""
    folder = tmp_path_factory.mktemp("negatives")
    manifest = tiny_training.write(folder, 72, seed=9)
    for path in folder.glob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    return manifests.read(manifest, task)


def accuracy(loaded: Loaded, items) -> float:
    return float((logits(loaded, items).argmax(axis=1) == targets_of(items)).mean())


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
def test_it_learns_and_forgets_less_than_plain_fine_tuning(trained, task, negatives) -> None:
    old = manifests.read(trained.dev, task)
    result = {}
    for name, recipe in (("champion", None), ("ours", QUICK), ("naive", NAIVE)):
        loaded = MultimodalModel.load(trained.folder)
        known, new, unseen = (
            decode_rows(rows, task, loaded.processor) for rows in (old, negatives[:36], negatives[36:])
        )
        if recipe:
            learn(loaded, new, recipe, rehearsed=known[:REHEARSED], seed=1)
        result[name] = {
            "old": accuracy(loaded, known[REHEARSED:]),
            "unseen": accuracy(loaded, unseen),
        }
    assert result["champion"]["old"] >= 0.9 and result["champion"]["unseen"] <= 0.6
    assert result["ours"]["unseen"] >= result["champion"]["unseen"] + 0.2
    assert result["ours"]["old"] >= result["naive"]["old"] + 0.1


@pytest.fixture(scope="module")
def challenger(trained, task, negatives, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("challenger") / "v2"
    corrections = Corrections(negatives[:36], dev=negatives[36:])
    return update(trained.folder, corrections, out, task=task, seed=1, recipe=QUICK)


@pytest.mark.slow
def test_the_folder_tells_where_it_comes_from(trained, task, negatives, challenger: Path) -> None:
    about = sidecar.read(challenger)
    assert (about.version, about.parent, about.samples) == ("v2", "v1", 36)
    assert about.data == manifests.digest(negatives[:36])
    assert about.temperatures == sidecar.read(trained.folder).temperatures
    loaded = MultimodalModel.load(challenger)
    measured = accuracy(loaded, decode_rows(negatives[36:], task, loaded.processor))
    assert about.figures["accuracy"] == pytest.approx(measured, abs=1e-4) and measured > 0.5
    assert (about.measured_on, about.measured) == ("held_out", len(negatives[36:]))
    assert Predictor(task, challenger).model_version == "v2"
    assert [path.name for path in challenger.parent.iterdir()] == ["v2"]


@pytest.mark.slow
def test_samples_are_changed_as_the_tasks_own_training_does(task) -> None:
    sided = replace(task, training={"mirror": False, "moment_dropout": 0.5})
    assert continual.recipe_of(sided) == Recipe(augmentation=Augmentation(mirror=False, moment_dropout=0.5))
    assert continual.recipe_of(task) == QUICK


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(trained, task, negatives, tmp_path: Path) -> None:
    short = replace(QUICK, steps=3, passes=0)
    folders = [
        update(trained.folder, Corrections(negatives[:8]), tmp_path / f"c{number}", task=task, seed=seed, recipe=short)
        for number, seed in enumerate((1, 1, 2))
    ]
    assert weights(folders[0]) == weights(folders[1]) != weights(folders[2])


@pytest.mark.slow
def test_what_was_corrected_is_familiar_and_what_was_known_stays_so(trained, task, negatives, challenger) -> None:
    before, after = (Predictor(task, folder) for folder in (trained.folder, challenger))
    old = manifests.read(trained.dev, task)

    def strange(predictor: Predictor, rows) -> float:
        return float(np.mean([predictor.predict(row.sample).reason == "unfamiliar" for row in rows]))

    assert strange(before, negatives[36:]) >= 0.9
    assert strange(after, negatives[36:]) <= 0.2
    assert strange(after, old) <= 0.3


@pytest.mark.slow
def test_a_limit_that_few_samples_made_wide_stays_wide_and_one_that_is_off_stays_off(
    trained, task, negatives, tmp_path: Path
) -> None:
    """What is remembered of them is drawn as if they were many, and would make a narrow one."""
    short, about = replace(QUICK, steps=2, passes=0), sidecar.read(trained.folder)
    limits = []
    for number, changes in enumerate(({"familiarity": {"image": 9.0}}, {"familiarity": {}, "too_few": {"image": 14}})):
        folder = shutil.copytree(trained.folder, tmp_path / f"champion{number}")
        sidecar.write(folder, replace(about, **changes))
        out = update(folder, Corrections(negatives[:4]), tmp_path / f"challenger{number}", task=task, recipe=short)
        limits.append((sidecar.read(out).familiarity, sidecar.read(out).too_few))
    assert limits == [({"image": 9.0}, {}), ({}, {"image": 14})]


@pytest.mark.slow
def test_encoders_that_stay_are_asked_once_and_stay_to_the_last_bit_in_the_file_too(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    folder = tiny.version(tmp_path / "v1", task)
    rows = [Row(str(number), Sample(text=text), "good") for number, text in enumerate(("a dog", "a cat is bad"))]
    cache = TokenCache(tmp_path / "tokens")
    out = [
        update(folder, Corrections(rows, dev=rows[:1]), tmp_path / f"n{n}", task=task, recipe=SHORT, cache=each)
        for n, each in enumerate((cache, TokenCache(tmp_path / "tokens"), TokenCache()))
    ]
    assert len({weights(each) for each in out}) == 1  # whether its tokens were kept, read from files, or encoded anew
    before, after = (MultimodalModel.load(path) for path in (folder, out[0]))
    assert encoded.digest(before, ["text"]) == encoded.digest(after, ["text"])
    assert len(list((tmp_path / "tokens").glob("*/*"))) == len(rows)


@pytest.mark.slow
def test_a_task_can_have_its_encoders_learn_at_night(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    folder = tiny.version(tmp_path / "v1", task)
    rows = [Row(str(number), Sample(text=text), "good") for number, text in enumerate(("a dog", "a cat is bad"))]
    before = MultimodalModel.load(folder)[0].state_dict()
    for tuning in (Tuning.LORA, Tuning.FULL):
        learning = replace(task, retrain={"tuning": str(tuning), "steps": 3})
        assert not continual.asks_once(learning) and continual.asks_once(task)
        out = update(folder, Corrections(rows), tmp_path / tuning, task=learning)
        after = MultimodalModel.load(out)[0].state_dict()
        assert after.keys() == before.keys()
        moved = [name for name in after if not torch.allclose(after[name], before[name], atol=2e-3)]
        assert any(name.startswith("encoders.text.backbone.") for name in moved)


@pytest.mark.parametrize(
    ("option", "sentence"), [({"step": 3}, "steps, passes"), ({"batch": 0}, "batch"), ({"tuning": "none"}, "tuning")]
)
def test_an_option_of_the_night_that_is_wrong_is_named(task, option, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        continual.recipe_of(replace(task, retrain=option))


@pytest.mark.slow
def test_what_is_set_aside_ends_the_training_and_the_best_weights_are_kept(trained, task, negatives) -> None:
    """Set aside are the champion's own answers: every step away from them makes the loss there larger."""
    loaded, champion = (MultimodalModel.load(trained.folder) for _ in range(2))
    items = decode_rows(negatives[:16], task, loaded.processor)
    own = logits(champion, items).argmax(axis=1)
    aside = [replace(item, target=int(answer)) for item, answer in zip(items, own, strict=True)]
    learn(loaded, items, replace(QUICK, patience=2, soften=0.0), aside=aside)
    ended = accuracy(loaded, aside)
    learn(loaded := MultimodalModel.load(trained.folder), items, replace(QUICK, patience=0, soften=0.0), aside=aside)
    assert ended >= accuracy(loaded, aside) + 0.3


@pytest.mark.slow
def test_batch_norms_keep_their_statistics(trained, task, negatives) -> None:
    model, processor = MultimodalModel.load(trained.folder)
    before = {name: value.clone() for name, value in model.named_buffers()}
    learn(Loaded(model, processor), decode_rows(negatives[:8], task, processor), replace(QUICK, steps=2))
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


@pytest.mark.slow
def test_encoders_that_started_from_trained_weights_stay(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    folder = tiny.version(tmp_path / "v1", task)
    rows = [Row(str(number), Sample(text=text), "good") for number, text in enumerate(("a dog", "a cat is bad"))]
    out = update(folder, Corrections(rows), tmp_path / "v2", task=task, recipe=replace(QUICK, steps=3))
    before, after = (MultimodalModel.load(path)[0].state_dict() for path in (folder, out))
    moved = {name.split(".")[0] for name in after if not torch.allclose(after[name], before[name], atol=2e-3)}
    assert moved and "encoders" not in moved


@pytest.mark.slow
def test_what_is_rehearsed_keeps_its_answer(trained, task, negatives) -> None:
    """Corrected so that all is "left", the champion's answer to what is rehearsed stays where it was."""
    rows = [replace(row, label="left") for row in negatives[:8]]
    answers = {}
    for weight in (0.0, Recipe.rehearse):
        loaded = MultimodalModel.load(trained.folder)
        parts = (rows, manifests.read(trained.dev, task)[:4])
        new, known = (decode_rows(part, task, loaded.processor) for part in parts)
        before = logits(loaded, known)
        learn(loaded, new, replace(NAIVE, rehearse=weight, freeze_statistics=True), rehearsed=known)
        answers[weight] = float(np.abs(logits(loaded, known) - before).mean())
    assert answers[Recipe.rehearse] < answers[0.0] / 2


@pytest.mark.slow
def test_a_softened_target_leaves_the_champion_its_share(trained, task, negatives) -> None:
    """With all of the target left to the champion, nothing is learned but to stay."""
    loaded = MultimodalModel.load(trained.folder)
    items = decode_rows(negatives[:8], task, loaded.processor)
    before = logits(loaded, items)
    learn(loaded, items, replace(QUICK, soften=1.0, steps=20))
    assert (logits(loaded, items).argmax(axis=1) == before.argmax(axis=1)).all()


@pytest.mark.slow
def test_a_correction_that_cannot_be_read_is_named_and_nothing_is_left(trained, task, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    rows = [Row("odd one", Sample(tmp_path / "bad.png"), "left")]
    with pytest.raises(ManifestError, match="odd one"):
        update(trained.folder, Corrections(rows), tmp_path / "out", task=task)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]


def test_remembered_features_are_as_strange_as_those_that_were_learned(trained) -> None:
    stats = out_of_distribution.load(trained.folder)["image"]
    distances = out_of_distribution.distance(stats, familiarity.remember(stats, np.random.default_rng(0)))
    assert 0.9 < float(np.median(distances)) < 1.1
