"""An evaluation measures what is served, and says the same thing twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.evaluation import ask, compare, evaluate
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Limits
from mmdemo.training import manifests
from mmdemo.training.manifests import Row
from mmdemo.values.results import BehaviourRate
from mmdemo.values.samples import Sample
from mmdemo.versions import card, sidecar
from tests import tiny


@pytest.fixture(scope="module")
def result(trained):
    rows = manifests.read(trained.dev, tasks.get(trained.task))
    return evaluate(Predictor(trained.task, trained.folder), rows)


@pytest.mark.slow
def test_the_figures_are_those_of_the_predictor(trained, result) -> None:
    predictor = Predictor(trained.task, trained.folder)
    rows = manifests.read(trained.dev, predictor.task)
    answers = [predictor.predict(row.sample) for row in rows]
    right = [answer.label == row.label for answer, row in zip(answers, rows, strict=True)]
    assert (result.n, result.refused, result.model_version) == (40, 0, "v1")
    assert result.accuracy == pytest.approx(sum(right) / 40)
    assert result.flagged_share == pytest.approx(sum(answer.flagged for answer in answers) / 40)
    low, high = result.intervals["accuracy"]
    assert low <= result.accuracy <= high


@pytest.mark.slow
def test_it_says_the_same_thing_twice(trained, result) -> None:
    rows = manifests.read(trained.dev, tasks.get(trained.task))
    assert evaluate(Predictor(trained.task, trained.folder), rows) == result


@pytest.mark.slow
def test_parts_add_up(result) -> None:
    assert sum(part.n for part in result.by_group.values()) == result.n
    assert set(result.by_group) == {"even", "odd"} and set(result.by_modalities) == {"image"}
    assert sum(map(sum, result.details.confusion)) == result.n
    assert sum(part.n for part in result.details.per_class.values()) == result.n


@pytest.mark.slow
def test_each_subset_of_the_modalities_is_judged(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    picture = tiny.inputs(0).image
    both = Row("1", Sample(Image.fromarray(picture), "a dog"), "good")
    caption = replace(both, id="2", sample=Sample(text="a cat"), label="bad")
    refused = replace(both, id="3", sample=Sample(image=b"no picture", text="a cat"))
    result = evaluate(predictor, [both, caption, refused])
    assert {name: part.n for name, part in result.by_modalities.items()} == {"image+text": 1, "image": 1, "text": 2}
    assert (result.n, result.refused) == (2, 1)
    with pytest.raises(ManifestError, match="None of the 1"):
        evaluate(predictor, [refused])


@pytest.mark.slow
def test_a_clip_without_speech_is_refused_and_the_others_are_judged(tmp_path: Path) -> None:
    task = replace(tiny.task(tmp_path, ("text", "audio")), limits=Limits(speech=True))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    humming = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    rows = [
        Row("1", Sample(text="a dog"), "good"),
        Row("2", Sample(text="a cat", audio=(humming, 16_000)), "bad"),
    ]
    result = evaluate(predictor, rows)
    assert (result.n, result.refused) == (1, 1)
    assert {name: part.n for name, part in result.by_modalities.items()} == {"text": 1}


@pytest.mark.slow
def test_every_figure_has_its_interval(result) -> None:
    parts = [result, *result.by_group.values(), *result.by_modalities.values()]
    for part in parts:
        for name, (low, high) in part.intervals.items():
            assert 0 <= low <= part.figure(name) <= high <= 1, name
    assert set(result.intervals) >= {"accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "aurc"}
    for label in result.details.per_class.values():
        assert label.intervals.keys() == {"precision", "recall", "f1"}
        assert label.intervals["f1"][0] <= label.f1 <= label.intervals["f1"][1]
    assert result.raw.intervals["ece"][0] <= result.raw.ece <= result.raw.intervals["ece"][1]


@pytest.mark.slow
def test_bins_hold_every_answer_once_and_add_up_to_the_error(result) -> None:
    assert sum(part.n for part in result.reliability.bins) == result.n
    error = sum(part.n * abs(part.accuracy - part.confidence) for part in result.reliability.bins) / result.n
    assert result.reliability.ece == result.ece == pytest.approx(error)
    assert result.reliability.ece_floor == result.ece_floor > 0
    assert result.coverage[-1] == (1.0, pytest.approx(1 - result.accuracy))


@pytest.mark.slow
def test_before_calibration_is_temperature_one(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    plain = Predictor(task, tiny.version(tmp_path / "plain", task))
    sharp = Predictor(task, tiny.version(tmp_path / "sharp", task, temperatures={"text": 0.01}))
    rows = [Row(str(n), Sample(text=tiny.inputs(n).text), "good") for n in range(6)]
    served, sharpened = evaluate(plain, rows), evaluate(sharp, rows)
    assert sharpened.raw.ece == pytest.approx(served.ece, abs=1e-4)
    assert sharpened.ece != pytest.approx(served.ece, abs=1e-2)


@pytest.mark.slow
def test_what_is_known_of_the_samples_has_figures_where_its_values_are_few(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text",))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    rows = [
        Row(str(n), Sample(text=tiny.inputs(n).text), "good", extra={"sex": "fm"[n % 2], "title": f"t{n}", "planet": 3})
        for n in range(10)
    ]
    rows.append(Row("10", Sample(text="a dog"), "bad"))
    result = evaluate(predictor, rows)
    assert {field: {name: part.n for name, part in parts.items()} for field, parts in result.by_extra.items()} == {
        "sex": {"f": 5, "m": 5}
    }


@pytest.mark.slow
def test_fusion_is_compared_with_its_best_single_modality_on_the_same_samples(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text", "audio"))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    inputs = [tiny.inputs(n, seconds=0.5) for n in range(8)]
    rows = [
        Row(str(n), Sample(text=one.text, audio=(one.audio, 16_000)), ("good", "bad")[n % 2])
        for n, one in enumerate(inputs)
    ]
    result = evaluate(predictor, [*rows, Row("alone", Sample(text="a dog"), "good")])
    singles = {}
    for name in ("text", "audio"):
        alone = [
            replace(row, sample=replace(row.sample, **{"text": {"audio": None}, "audio": {"text": ""}}[name]))
            for row in rows
        ]
        singles[name] = evaluate(predictor, alone).aurc
    fused, best = evaluate(predictor, rows).aurc, min(singles, key=lambda name: singles[name])
    compared = result.fusion["text+audio"]
    assert (compared.against, compared.n) == (best, 8)
    difference = compared.differences["aurc"]
    assert difference.value == pytest.approx(fused - singles[best])
    assert difference.interval[0] <= difference.value <= difference.interval[1]
    assert f"minus that of {best}" in card.render(task, sidecar.read(tmp_path / "v"), result)


@pytest.mark.slow
def test_two_versions_differ_by_the_difference_of_their_figures(trained, result, tmp_path: Path) -> None:
    task = tasks.get(trained.task)
    rows = manifests.read(trained.dev, task)
    ours = ask(Predictor(task, trained.folder), rows)
    assert {name: part.value for name, part in compare(ours, ours).differences.items()} == dict.fromkeys(
        ("accuracy", "macro_f1", "aurc"), 0.0
    )
    half = ask(Predictor(task, trained.folder), [*rows[:20], Row("gone", Sample(image=b"no picture"), "left")])
    assert compare(ours, half).n == 20


@pytest.mark.slow
def test_card_shows_the_figures(trained, result) -> None:
    text = card.render(tasks.get(trained.task), sidecar.read(trained.folder), result)
    assert f"Accuracy {result.accuracy:.3f}" in text and "| source even |" in text and "left, right" in text


@pytest.mark.slow
def test_a_card_keeps_what_it_says_of_behaviour_until_that_is_measured_again(trained, result, tmp_path: Path) -> None:
    task, folder = tasks.get(trained.task), tmp_path / "v1"
    folder.mkdir()
    sidecar.write(folder, sidecar.read(trained.folder))
    rate = BehaviourRate(n=40, rate=0.9, interval=(0.77, 0.96), wrong_and_sure=0.05)
    card.write(folder, task, replace(result, behaviour={"negation": rate}))
    whole = (folder / card.FILE).read_text("utf-8")
    assert "| negation | 40 | 0.900 |" in whole
    card.write(folder, task, result)
    assert (folder / card.FILE).read_text("utf-8") == whole
    card.write(folder, task, replace(result, behaviour={"irony": rate}))
    assert "| irony |" in (kept := (folder / card.FILE).read_text("utf-8")) and "| negation |" not in kept
    sidecar.write(folder, replace(sidecar.read(folder), version="v2"))
    card.write(folder, task, result)
    assert "## Behaviour" not in (folder / card.FILE).read_text("utf-8")
