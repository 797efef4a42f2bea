"""Further answers: switched on by the task, learned where `extra` has them, served beside the answer."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo import Predictor, tasks
from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import Loaded, MultimodalModel, MultimodalProcessor
from mmdemo.model.heads import UNKNOWN
from mmdemo.settings import ROOT
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data.datasets import Item, collate, decode_rows
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.options import Options
from mmdemo.values.samples import Inputs, Sample, to_json
from mmdemo.versions import sidecar
from tests import tiny

Built = tuple[MultimodalModel, MultimodalProcessor]
HEADS = """
[[heads]]
name = "mood"
title = { en = "Mood", zh = "心情" }
labels = [{ name = "calm", en = "calm", zh = "平静" }, "wild", "odd"]

[[heads]]
name = "type"
labels = ["a", "b"]
"""
NAMES = {"mood": ("calm", "wild", "odd"), "type": ("a", "b")}


def write_task(folder: Path, heads: str = HEADS) -> Path:
    path = tiny.write_task(folder, ("audio",))
    path.write_text(path.read_text("utf-8") + heads, "utf-8")
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return tasks.load_file(write_task(tmp_path_factory.mktemp("task")))


@pytest.fixture(scope="module")
def folder(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.version(tmp_path_factory.mktemp("version") / "v1", task, heads=task.head_labels)


@pytest.fixture
def built(task: Task) -> Built:
    torch.manual_seed(0)
    return MultimodalModel.build(task)


def heard(seed: int) -> Inputs:
    return tiny.inputs(seed, ("audio",), seconds=0.1)


def test_the_task_file_names_them_in_both_languages(task: Task) -> None:
    assert task.head_labels == NAMES
    mood, kind = task.heads
    assert (mood.display_title("zh"), mood.display_label("calm", "zh"), mood.display_label("wild", "zh")) == (
        "心情",
        "平静",
        "wild",
    )
    assert (kind.display_title("en"), kind.display_label("gone", "en")) == ("type", "gone")


def test_the_example_is_the_sentiment_task_with_two_more() -> None:
    shown, shipped = tasks.load_file(ROOT / "examples" / "sentiment_heads.toml"), tasks.get("sentiment")
    assert list(shown.head_labels) == ["emotion", "desire"] and not shipped.heads
    assert (shown.labels, shown.encoders, shown.fusion) == (shipped.labels, shipped.encoders, shipped.fusion)
    both = [names.display for head in shown.heads for names in head.labels] + [head.title for head in shown.heads]
    assert all(names["en"] and names["zh"] != names["en"] for names in both)


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ('[[heads]]\nname = "mood"\nlabels = ["one"]\n', "at least two"),
        (HEADS + HEADS, "different names"),
        ('[[heads]]\nlabels = ["a", "b"]\n', "name"),
    ],
)
def test_heads_that_make_no_sense_are_refused(heads: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=said):
        tasks.load_file(write_task(tmp_path, heads))


def test_every_answer_has_a_head_and_they_share_the_trunk(built: Built) -> None:
    model, processor = built
    output = model.eval()(processor([heard(1), heard(2)]).batch)
    assert {name: tuple(logits.shape) for name, logits in output.further.items()} == {"mood": (2, 3), "type": (2, 2)}
    torch.testing.assert_close(output.further["mood"], model.further[0](output.features))


def test_samples_without_a_label_are_masked_out_of_its_loss(built: Built) -> None:
    model, processor = built
    output = model.eval()(processor([heard(seed) for seed in range(4)]).batch)
    labels, further = torch.tensor([0, 1, 0, 1]), torch.full((4, 2), UNKNOWN)
    alone = model.loss(output, labels)
    torch.testing.assert_close(model.loss(output, labels, further), alone)
    further[2, 0] = 1
    surprise = -output.further["mood"][2].log_softmax(-1)[1]
    torch.testing.assert_close(model.loss(output, labels, further), alone + surprise / 4)


@pytest.mark.slow
def test_training_teaches_the_heads_that_have_labels(built: Built) -> None:
    model, processor = built
    items = [Item(heard(seed), seed % 2, (seed % 3, UNKNOWN)) for seed in range(4)]
    assert collate(processor)(items).further_labels.tolist() == [[seed % 3, UNKNOWN] for seed in range(4)]
    before = [head.out.weight.clone() for head in (model.head, *model.further)]
    options = Options(epochs=2, batch=4, weight_decay=0.0, augment=False, precision="fp32")
    fit(Loaded(model, processor), items, Plan(options))
    after = [head.out.weight for head in (model.head, *model.further)]
    assert [torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_manifest_gives_them_in_extra_and_an_unknown_one_is_at_fault(task: Task, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    line = '{{"id": "{0}", "audio": "a.wav", "label": "bad", "extra": {{{1}}}}}\n'
    path = tmp_path / "m.jsonl"
    path.write_text(line.format(1, '"mood": "odd", "speaker": "x"') + line.format(2, '"type": null'))
    assert [row.extra.get("mood") for row in manifests.read(path, task)] == ["odd", None]
    path.write_text(line.format(1, '"mood": "joyful"'))
    with pytest.raises(ManifestError, match='line 1: mood "joyful" is none of calm, wild, odd'):
        manifests.read(path, task)


def test_rows_become_items_with_their_further_labels(task: Task, built: Built) -> None:
    sound = Sample(audio=(tiny.inputs(modalities=("audio",)).audio, 16_000))
    rows = [manifests.Row(str(n), sound, "good", extra=extra) for n, extra in enumerate(({"mood": "odd"}, {}))]
    assert [item.further for item in decode_rows(rows, task, built[1])] == [(2, UNKNOWN), (UNKNOWN, UNKNOWN)]


def test_they_are_served_in_the_tasks_order_beside_the_answer(task: Task, folder: Path) -> None:
    prediction = Predictor(task, folder).predict_inputs(tiny.inputs(modalities=("audio",)))
    assert {name: tuple(answer.probabilities) for name, answer in prediction.heads.items()} == NAMES
    for answer in prediction.heads.values():
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert answer.probabilities[answer.label] == max(answer.probabilities.values())
    fields = to_json(prediction)["heads"]["type"]
    assert set(fields) == {"label", "probabilities"} and set(fields["probabilities"]) == {"a", "b"}


def test_a_version_of_other_heads_is_refused(task: Task, folder: Path, tmp_path: Path) -> None:
    assert sidecar.read(folder).heads == {name: list(labels) for name, labels in NAMES.items()}
    fewer = replace(task, heads=task.heads[:1])
    with pytest.raises(CheckpointError, match="heads"):
        Predictor(fewer, folder).predict_inputs(heard(1))
    plain = replace(task, heads=())
    lying = tiny.version(tmp_path / "v2", plain, heads=task.head_labels)
    with pytest.raises(CheckpointError, match="heads"):
        Predictor(task, lying).predict_inputs(heard(1))
