"""Training learns a drawn task, writes a folder that loads, and gives the same bytes for the same seed."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import TrainerCallback

from mmdemo import tasks
from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.prediction.predictor import Predictor
from mmdemo.training import manifests
from mmdemo.training.data import Manifests
from mmdemo.training.data.datasets import Item, decode_rows, only
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.fitting.weight_selection import JUDGED_BY
from mmdemo.training.jobs import Origin
from mmdemo.training.options import Options
from mmdemo.training.run import TrainingRecord, train
from mmdemo.values.samples import subsets
from mmdemo.versions import sidecar
from tests import tiny, tiny_training
from tests.tiny_training import job


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
def test_it_learns_and_says_so(trained) -> None:
    about = sidecar.read(trained.folder)
    assert about.figures["accuracy"] >= 0.9
    assert (about.version, about.samples < 160, about.seed) == ("v1", True, 3)
    assert set(about.temperatures) == {"image"} and set(about.familiarity) == {"image"}
    assert about.data == manifests.digest(manifests.read(trained.train, tasks.get(trained.task)))


@pytest.mark.slow
def test_the_folder_is_whole_and_nothing_else_is_left(trained) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert names >= {"config.json", "model.safetensors", "processor.json", "version.json", "model_card.md"}
    assert not [path for path in trained.folder.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_one_that_stops_while_it_is_measured_loads_and_has_no_card_yet(trained, tmp_path: Path) -> None:
    def stop(folder: Path, rows: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job(trained.task, epochs=0.1), Manifests(trained.dev), tmp_path / "v", finish=stop)
    assert Predictor(tasks.get(trained.task), tmp_path / "v").model_version == "v"
    assert not (tmp_path / "v" / "model_card.md").exists()


@pytest.mark.slow
def test_weights_are_halves_on_disk_and_floats_in_use(trained) -> None:
    model, _ = MultimodalModel.load(trained.folder)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert all(torch.equal(p, p.half().float()) for p in model.parameters())
    assert (trained.folder / "model.safetensors").stat().st_size < 2.5 * sum(p.numel() for p in model.parameters())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(trained, tmp_path: Path) -> None:
    folders = [
        train(job(trained.task, seed=seed, epochs=1, augment=True), Manifests(trained.dev), tmp_path / f"v{number}")
        for number, seed in enumerate((3, 3, 4))
    ]
    assert weights(folders[0]) == weights(folders[1]) != weights(folders[2])


@pytest.mark.slow
def test_a_builder_is_told_what_few_samples_mean_for_doubt(capsys, trained, tmp_path: Path) -> None:
    lines = trained.dev.read_text("utf-8").replace('"image": "', f'"image": "{trained.dev.parent}/').splitlines()
    (tmp_path / "few.jsonl").write_text("\n".join(lines[:12]), "utf-8")
    out = train(job(trained.task, epochs=0.3), Manifests(tmp_path / "few.jsonl", trained.dev), tmp_path / "v")
    about = sidecar.read(out)
    assert about.familiarity == {} and about.too_few == {"image": about.samples}
    assert about.figures["unfamiliar"] == 0.0  # nothing can be
    assert f"{about.samples} samples with image are too few" in capsys.readouterr().err
    assert f"none for the picture, since {about.samples} samples are too few" in (out / "model_card.md").read_text(
        "utf-8"
    )


@pytest.mark.slow
def test_a_builder_is_told_that_dev_is_unlike_train(capsys, trained, tmp_path: Path) -> None:
    manifest = tiny_training.write(tmp_path, 24, seed=9, name="negatives")
    for path in tmp_path.glob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    further = job(trained.task, Origin(parent=trained.folder), epochs=0.1, head_lr=1e-9)
    out = train(further, Manifests(trained.train, manifest), tmp_path / "v")
    share = sidecar.read(out).figures["unfamiliar"]
    assert share > 0.5 and f"{share:.0%} of dev is unlike" in capsys.readouterr().err
    assert f"only guessed: {share:.1%} of dev" in (out / "model_card.md").read_text("utf-8")


@pytest.mark.slow
def test_a_parent_is_trained_further(trained, tmp_path: Path) -> None:
    further = job(trained.task, Origin(parent=trained.folder), epochs=0.1, head_lr=1e-9)
    folder = train(further, Manifests(trained.train), tmp_path / "v2")
    assert sidecar.read(folder).parent == "v1"
    before, after = (MultimodalModel.load(path)[0].state_dict() for path in (trained.folder, folder))
    moved = max(float((after[name] - before[name]).abs().max()) for name in after if "norm" not in name)
    assert moved < 1e-3


@pytest.mark.slow
def test_a_taken_folder_and_a_missing_start_are_refused_before_training(trained, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="not empty"):
        train(job(trained.task), Manifests(trained.train, trained.dev), trained.folder)
    text = tiny.write_task(tmp_path, ("text",), ("left", "right"))
    manifest = tmp_path / "t.jsonl"
    manifest.write_text('{"id": "1", "text": "a", "label": "left"}\n')
    with pytest.raises(CheckpointError, match="gone"):
        train(job(str(text), Origin({"text": tmp_path / "gone"})), Manifests(manifest, manifest), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_unreadable_picture_is_named(trained, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    manifest = tmp_path / "t.jsonl"
    manifest.write_text('{"id": "odd one", "image": "bad.png", "label": "left"}\n')
    with pytest.raises(ManifestError, match='line 1: "odd one" cannot be judged'):
        train(job(trained.task), Manifests(manifest), tmp_path / "out")
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.slow
def test_lines_at_fault_are_left_out_and_counted_where_that_is_asked_for(capsys, trained, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    lines = trained.dev.read_text("utf-8").replace('"image": "', f'"image": "{trained.dev.parent}/').splitlines()
    lines += ["no JSON", '{"id": "odd one", "image": "bad.png", "label": "left"}', lines[0]]
    manifest = tmp_path / "t.jsonl"
    manifest.write_text("\n".join(lines), "utf-8")
    with pytest.raises(ManifestError, match=r"2 line\(s\).*line 41: no JSON; line 43: id"):
        train(job(trained.task), Manifests(manifest), tmp_path / "out")
    folder = train(job(trained.task, epochs=0.3), Manifests(manifest, skip_bad=True), tmp_path / "out")
    said = capsys.readouterr().err
    assert "skipped: " in said and "3 line(s)" in said and "line 42" in said
    assert sidecar.read(folder).data == manifests.digest(manifests.read(trained.dev, tasks.get(trained.task)))


@pytest.mark.slow
def test_frozen_parameters_keep_their_value(trained) -> None:
    task = tasks.get(trained.task)
    model, processor = MultimodalModel.load(trained.folder)
    before = {name: value.clone() for name, value in model.named_parameters()}
    items = decode_rows(manifests.read(trained.train, task)[:16], task, processor)
    frozen = Options(epochs=1, batch=4, precision="fp32", augment=False, frozen=("fusion.",))
    fit(Loaded(model, processor), items, Plan(frozen))
    kept = {name for name, value in model.named_parameters() if torch.equal(value, before[name])}
    assert kept >= {name for name in before if name.startswith("fusion.")}
    assert "head.out.weight" not in kept
    assert all(value.requires_grad for value in model.parameters())


@pytest.fixture(scope="module")
def plain(trained) -> dict[str, torch.Tensor]:
    """The weights that plain options lead to."""
    return learned(trained)


def learned(trained, callbacks=(), **options: object) -> dict[str, torch.Tensor]:
    """Return the weights of the trained model after two more epochs on a few samples."""
    task = tasks.get(trained.task)
    loaded = MultimodalModel.load(trained.folder)
    items = decode_rows(manifests.read(trained.train, task)[:8], task, loaded.processor)
    chosen = {"epochs": 2, "batch": 8, "precision": "fp32", "augment": False, **options}
    fit(loaded, items, Plan(Options(**chosen)), callbacks=callbacks)
    return loaded.model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"class_weights": 1.0, "label_smoothing": 0.3}, {"adversarial": 0.1}, {"ema": 0.9}],
    ids=lambda options: next(iter(options)),
)
def test_an_option_changes_what_is_learned(trained, plain, options: dict[str, object]) -> None:
    changed = learned(trained, **options)
    assert not torch.equal(plain["head.out.weight"], changed["head.out.weight"])
    assert all(torch.isfinite(value).all() for value in changed.values())


@pytest.mark.slow
def test_half_precision_is_only_asked_of_a_device_that_has_it(trained, plain) -> None:
    halves = learned(trained, precision="bf16")
    has_it = torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()
    assert torch.equal(plain["head.out.weight"], halves["head.out.weight"]) != has_it


@pytest.mark.slow
def test_a_step_is_computed_in_parts(trained) -> None:
    class Watch(TrainerCallback):
        def on_train_end(self, args, state, control, **kwargs):
            self.progress = state.global_step, args.per_device_train_batch_size

    watch = Watch()
    learned(trained, accumulate=2, callbacks=[watch])
    assert watch.progress == (2, 4)  # two epochs of one step, eight samples by four


@pytest.mark.slow
def test_training_ends_early_and_keeps_the_best_weights(trained) -> None:
    task = tasks.get(trained.task)
    model, processor = MultimodalModel.load(trained.folder)
    items = decode_rows(manifests.read(trained.train, task)[:8], task, processor)
    losses, epochs = [0.5, 0.3, 0.4, 0.6, 0.1], []

    def measure(now: MultimodalModel) -> dict[str, float]:
        epochs.append({name: value.clone() for name, value in now.state_dict().items()})
        return {JUDGED_BY: losses[len(epochs) - 1]}

    patient = Options(epochs=5, batch=8, precision="fp32", augment=False, patience=2)
    fit(Loaded(model, processor), items, Plan(patient), judge=measure)
    assert len(epochs) == 4
    assert all(torch.equal(value, epochs[1][name]) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_early_stopping_needs_samples_set_aside(trained, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="hold_out"):
        train(job(trained.task, patience=1, hold_out=0.0), Manifests(trained.dev), tmp_path / "out")


@pytest.mark.slow
def test_a_teacher_is_learned_from_and_tensorboard_can_be_read(trained, tmp_path: Path) -> None:
    record = TrainingRecord(log=tmp_path / "log")
    plain, distilled = (
        train(job(trained.task, origin, epochs=1), Manifests(trained.dev), tmp_path / name, record=record)
        for name, origin in (("plain", Origin()), ("distilled", Origin(teachers=[trained.folder])))
    )
    assert weights(plain) != weights(distilled)
    assert [path.name for path in (tmp_path / "log").iterdir() if path.name.startswith("events.out.tfevents")]


@pytest.mark.slow
def test_parents_and_teachers_answer_the_same_task(trained) -> None:
    task = tasks.load_file(Path(trained.task))
    turned = replace(task, labels=task.labels[::-1])
    for origin in (Origin(parent=trained.folder), Origin(teachers=[trained.folder])):
        with pytest.raises(CheckpointError, match="labels"):
            job(turned, origin)


def test_subsets_and_their_items() -> None:
    assert subsets(("image", "text")) == [("image",), ("text",), ("image", "text")]
    items = [tiny.inputs(0, ("image", "text")), tiny.inputs(1, ("text",))]
    chosen = only([Item(inputs, 0) for inputs in items], ("image",))
    assert [item.inputs.modalities for item in chosen] == [("image",)]


@pytest.mark.slow
def test_an_encoder_that_does_not_learn_is_asked_once_for_folds_and_model(trained, tmp_path: Path, capsys) -> None:
    still = {"frozen": ("encoders.",), "copies": 2, "bits": 8, "epochs": 2, "seed": 3}
    both = Manifests(trained.train, trained.dev)
    folders = [train(job(trained.task, **still), both, tmp_path / name, folds=2) for name in "ab"]
    assert weights(folders[0]) == weights(folders[1])
    assert {"accuracy", "folds_accuracy"} <= set(sidecar.read(folders[0]).figures)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("copy 1 of 2")]
    assert len(said) == 4  # the second fold learns from what the first one left out; the model finds all of them there
    model, _ = MultimodalModel.load(folders[0])
    packed = (folders[0] / "model.safetensors").stat().st_size
    assert packed < 2 * sum(p.numel() for p in model.parameters())
