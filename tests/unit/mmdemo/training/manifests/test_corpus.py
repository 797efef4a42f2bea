"""Captions to learn from stand beside real samples, and their label is never a picture's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.training import manifests
from mmdemo.training.data.augmentation import Augmentation, WordNoise
from mmdemo.training.data.datasets import CONSTRUCTED, Item, Samples, collate, only
from mmdemo.training.manifests import corpus, splits
from mmdemo.training.objectives import targets
from mmdemo.values.samples import Inputs
from tests import tiny

TASK = tasks.get("sentiment")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "real").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "real" / "1.png")
    line = {"id": "1", "image": "1.png", "text": "two people jog", "label": "neutral", "group": "real"}
    path = tmp_path / "real" / "train.jsonl"
    path.write_text(json.dumps(line) + "\n", "utf-8")
    return path


def test_one_manifest_holds_both_and_leads_to_the_same_pictures(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "both" / "train.jsonl"
    counts = corpus.write(TASK, manifest, out, 200)
    rows = manifests.read(out, TASK)  # which checks that every picture is there
    assert counts["real"] == 1 and counts["plain"] == len(rows) - 1 and 190 <= len(rows) - 1 <= 200
    plain = [row for row in rows if row.extra.get(CONSTRUCTED)]
    beside = sum(row.sample.image is not None for row in plain) / len(plain)
    assert 0.35 < beside < 0.65
    again = tmp_path / "again" / "train.jsonl"
    corpus.write(TASK, manifest, again, 200)
    assert again.read_text("utf-8") == out.read_text("utf-8")


def test_templates_never_cross_a_split(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "both" / "train.jsonl"
    corpus.write(TASK, manifest, out, 400)
    sides = splits.calibration_split(manifests.read(out, TASK), 0.2, TASK.split_by)
    templates = [{row.extra["template"] for row in side if row.extra} for side in sides]
    assert templates[1] and not templates[0] & templates[1]


def test_a_manifest_that_is_there_is_not_written_over(manifest: Path) -> None:
    with pytest.raises(ManifestError):
        corpus.write(TASK, manifest, manifest, 10)
    with pytest.raises(ManifestError, match="speech_emotion"):
        corpus.write(tasks.get("speech_emotion"), manifest, manifest.parent / "new.jsonl", 10)


def item(text: str | None = "the dog", constructed: bool = True) -> Item:
    return Item(Inputs(image=np.zeros((16, 16, 3), np.uint8), text=text), 1, constructed=constructed)


def test_its_label_is_never_taken_for_a_pictures() -> None:
    items = [item(), item(constructed=False)]
    assert len(only(items, ("image",))) == 1
    assert len(only(items, ("text",))) == len(only(items, ("image", "text"))) == 2


def test_its_words_are_never_left_out() -> None:
    noise = Augmentation(augment=False, words=WordNoise(0.99, 0.0, ()))
    changed = Samples([item("the dog is good"), item("the dog is good", constructed=False)], noise)
    assert changed[0].inputs.text == "the dog is good"
    assert changed[1].inputs.text != "the dog is good"


def test_training_never_hides_its_caption(tmp_path: Path) -> None:
    folder = tiny.version(tmp_path, tiny.task(tmp_path))
    model, processor = MultimodalModel.load(folder)
    model.train()
    model.config.modality_dropout = 0.5
    batch = collate(processor)([item(), item(constructed=False)] * 60)
    torch.manual_seed(0)
    hidden = ~model.encode(batch.inputs).present["text"]
    assert not hidden[batch.inputs.constructed].any() and hidden[~batch.inputs.constructed].any()


def test_teachers_do_not_say_otherwise(tmp_path: Path) -> None:
    teacher = MultimodalModel.load(tiny.version(tmp_path, tiny.task(tmp_path)))
    distilled = targets.distil([item(), item(constructed=False)], [teacher], 0.5)
    assert distilled[0].shares.tolist() == [0, 1] and 0 < distilled[1].shares[0] < 1
