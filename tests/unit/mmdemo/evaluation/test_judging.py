"""An evaluation measures what is served, and says the same thing twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import card, sidecar, tasks
from mmdemo.errors import ManifestError
from mmdemo.evaluation import evaluate, report
from mmdemo.predictor import Predictor
from mmdemo.samples import Sample, to_json
from mmdemo.tasks import Limits
from mmdemo.training import manifests
from mmdemo.training.manifests import Row
from tests import tiny


@pytest.fixture(scope="module")
def found(trained):
    rows = manifests.read(trained.dev, tasks.get(trained.task))
    return evaluate(Predictor(trained.task, trained.folder), rows)


def test_the_figures_are_those_of_the_predictor(trained, found) -> None:
    predictor = Predictor(trained.task, trained.folder)
    rows = manifests.read(trained.dev, predictor.task)
    answers = [predictor.predict(row.sample) for row in rows]
    right = [answer.label == row.label for answer, row in zip(answers, rows, strict=True)]
    assert (found.n, found.refused, found.model_version) == (40, 0, "v1")
    assert found.accuracy == pytest.approx(sum(right) / 40)
    assert found.flagged_share == pytest.approx(sum(answer.flagged for answer in answers) / 40)
    low, high = found.intervals["accuracy"]
    assert low <= found.accuracy <= high


def test_it_says_the_same_thing_twice(trained, found) -> None:
    rows = manifests.read(trained.dev, tasks.get(trained.task))
    assert evaluate(Predictor(trained.task, trained.folder), rows) == found


def test_parts_add_up(found) -> None:
    assert sum(part.n for part in found.by_group.values()) == found.n
    assert set(found.by_group) == {"even", "odd"} and set(found.by_modalities) == {"image"}
    assert sum(map(sum, found.confusion)) == found.n
    assert sum(part.n for part in found.per_class.values()) == found.n


def test_each_subset_of_the_modalities_is_judged(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    picture = tiny.inputs(0).image
    both = Row("1", Sample(Image.fromarray(picture), "a dog"), "good")
    caption = replace(both, id="2", sample=Sample(text="a cat"), label="bad")
    refused = replace(both, id="3", sample=Sample(image=b"no picture", text="a cat"))
    found = evaluate(predictor, [both, caption, refused])
    assert {name: part.n for name, part in found.by_modalities.items()} == {"image+text": 1, "image": 1, "text": 2}
    assert (found.n, found.refused) == (2, 1)
    with pytest.raises(ManifestError, match="None of the 1"):
        evaluate(predictor, [refused])


def test_a_clip_without_speech_is_refused_and_the_others_are_judged(tmp_path: Path) -> None:
    task = replace(tiny.task(tmp_path, ("text", "audio")), limits=Limits(speech=True))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    humming = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    rows = [
        Row("1", Sample(text="a dog"), "good"),
        Row("2", Sample(text="a cat", audio=(humming, 16_000)), "bad"),
    ]
    found = evaluate(predictor, rows)
    assert (found.n, found.refused) == (1, 1)
    assert {name: part.n for name, part in found.by_modalities.items()} == {"text": 1}


def test_report_and_card_show_the_figures_and_load_nothing(trained, found, tmp_path: Path) -> None:
    page = report.write(tmp_path / "report", replace(found, model_version="<v1>")).read_text("utf-8")
    assert f"{found.accuracy:.3f}" in page and "&lt;v1&gt;" in page
    assert "http" not in page and "<script" not in page
    stored = json.loads((tmp_path / "report" / "figures.json").read_text("utf-8"))
    assert stored["accuracy"] == to_json(found)["accuracy"]
    text = card.render(tasks.get(trained.task), sidecar.read(trained.folder), found)
    assert f"Accuracy {found.accuracy:.3f}" in text and "| source even |" in text and "left, right" in text
