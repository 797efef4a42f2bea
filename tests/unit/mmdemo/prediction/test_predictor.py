"""One sample in, one answer out: calibrated, honest about what is strange, and swapped while it serves."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from mmdemo import Predictor, Sample, explain
from mmdemo.checks import out_of_distribution
from mmdemo.checks.speech import VoiceDetector
from mmdemo.decode import sample_id
from mmdemo.errors import BadInput, CheckpointError, UnknownName
from mmdemo.explain import analysis
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.fusion.interface import Fusion
from mmdemo.prediction import loading
from mmdemo.settings import ROOT
from mmdemo.tasks import Limits, Task
from mmdemo.training.calibration.reference_stats import fit
from mmdemo.values.analysis import MapRequest
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions import sidecar
from tests import tiny

GERMAN = "Der Hund läuft schnell über die grüne Wiese"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return tiny.task(tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def folder(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.version(tmp_path_factory.mktemp("version") / "v1", task)


@pytest.fixture(scope="module")
def predictor(task: Task, folder: Path) -> Predictor:
    return Predictor(task, folder)


def sharpened(folder: Path, to: Path, **changes: object) -> Path:
    """Copy a version with temperatures so low that every answer is sure, and other changes of its sidecar."""
    to.mkdir(parents=True)
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    subsets = ("image", "text", "audio", "image+text", "image+audio", "text+audio", "image+text+audio")
    changes = {"temperatures": dict.fromkeys(subsets, 1e-3), **changes}
    sidecar.write(to, replace(sidecar.read(folder), **changes))  # type: ignore[arg-type]
    return to


def test_features_are_those_of_each_sample_and_of_what_it_has(predictor: Predictor) -> None:
    batch = [tiny.inputs(0), tiny.inputs(1, ("text",)), tiny.inputs(2, ("image", "audio"), seconds=0.6)]
    by_modality = predictor.features(batch)
    assert by_modality.model_version == "tiny-v1"
    assert [tuple(features) for features in by_modality.by_sample] == [inputs.modalities for inputs in batch]
    for inputs, features in zip(batch, by_modality.by_sample, strict=True):
        [alone] = predictor.features([inputs]).by_sample
        for name, vector in features.items():
            assert vector.dtype == np.float32 and np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
            np.testing.assert_allclose(vector, alone[name], atol=1e-5)


def test_an_answer_holds_together(predictor: Predictor) -> None:
    inputs = tiny.inputs()
    prediction = predictor.predict_inputs(inputs, "default")
    assert list(prediction.probabilities) == ["bad", "good"] and sum(
        prediction.probabilities.values()
    ) == pytest.approx(1)
    assert prediction.confidence == prediction.probabilities[prediction.label] == max(prediction.probabilities.values())
    assert prediction.flagged == (prediction.confidence < prediction.threshold) and prediction.threshold == 0.6
    assert prediction.reason == ("low_confidence" if prediction.flagged else None)
    assert prediction.modalities == ("image", "text", "audio") and prediction.notes == ()
    assert prediction.sample_id == sample_id(inputs, predictor.task.name)
    assert prediction.model_version == predictor.model_version == "tiny-v1" and prediction.latency_ms > 0
    assert prediction.explanation is not None and prediction.explanation.target == prediction.label
    assert (prediction.task, prediction.kind, prediction.prediction_id) == ("tiny", "classification", None)


def test_the_same_again_gives_the_same(predictor: Predictor) -> None:
    first, second = (replace(predictor.predict_inputs(tiny.inputs(3), "default"), latency_ms=0) for _ in range(2))
    assert first == second


def test_explaining_encodes_captions_without_a_word_alone_and_changes_no_answer(predictor: Predictor) -> None:
    plain = predictor.predict_inputs(tiny.inputs(43), "none")
    with tiny.passes(ModalityEncoder) as asked:
        looked = predictor.predict_inputs(tiny.inputs(43), "default")
    assert {type(encoder).__name__ for encoder in asked} == {"AutoText"} and plain.explanation is None
    assert plain.probabilities == pytest.approx(looked.probabilities, abs=1e-5)


def test_predict_decodes_what_predict_inputs_is_given(predictor: Predictor) -> None:
    assert predictor.predict(Sample(text="the dog")).probabilities == (
        predictor.predict_inputs(Inputs(text="the dog")).probabilities
    )


@pytest.mark.parametrize("modality", ["image", "text", "audio"])
def test_it_says_what_alone_was_used(predictor: Predictor, modality: str) -> None:
    prediction = predictor.predict_inputs(tiny.inputs(modalities=(modality,)))
    assert prediction.modalities == (modality,) and prediction.notes == (f"used_{modality}_only",)


def test_it_says_what_else_a_reader_must_know(predictor: Predictor) -> None:
    assert predictor.predict_inputs(tiny.inputs(modalities=("image", "audio"))).notes == ("used_some",)
    assert "text_truncated" in predictor.predict_inputs(Inputs(text="the dog is good " * 9)).notes


def test_logits_are_divided_by_the_temperature_of_what_was_given(task: Task, folder: Path, tmp_path: Path) -> None:
    def odds(prediction: Prediction) -> float:
        return float(np.log(prediction.probabilities["good"] / prediction.probabilities["bad"]))

    plain = Predictor(task, folder)
    warm = Predictor(task, sharpened(folder, tmp_path / "warm", temperatures={"text": 4.0, "image": 0.5}))
    for modalities, temperature in ((("text",), 4.0), (("image",), 0.5), (("image", "text"), 1.0)):
        inputs = tiny.inputs(modalities=modalities)
        assert odds(warm.predict_inputs(inputs)) == pytest.approx(odds(plain.predict_inputs(inputs)) / temperature)


def test_under_the_threshold_people_are_asked(task: Task, folder: Path) -> None:
    for threshold, flagged in ((0.5001, False), (0.9999, True)):
        prediction = Predictor(replace(task, threshold=threshold), folder).predict_inputs(tiny.inputs())
        assert prediction.flagged == flagged and prediction.reason == ("low_confidence" if flagged else None)


def test_another_language_is_said_and_never_answered_surely(task: Task, folder: Path, tmp_path: Path) -> None:
    sure = Predictor(task, sharpened(folder, tmp_path / "sure"))
    english, german = sure.predict(Sample(text="the dog runs over the green grass")), sure.predict(Sample(text=GERMAN))
    assert english.confidence > 0.9 and english.reason is None
    assert german.confidence < german.threshold and german.reason == "unfamiliar" and german.flagged
    assert "other_language" in german.notes and sum(german.probabilities.values()) == pytest.approx(1)
    reads_it = Predictor(replace(task, languages=("en", "de")), tmp_path / "sure")
    assert reads_it.predict(Sample(text=GERMAN)).label == german.label
    assert reads_it.predict(Sample(text=GERMAN)).confidence > 0.9


def test_what_may_be_another_language_is_said_and_never_answered_surely(
    task: Task, folder: Path, tmp_path: Path
) -> None:
    prediction = Predictor(task, sharpened(folder, tmp_path / "sure")).predict(Sample(text="Ich bin traurig"))
    assert (
        prediction.confidence < prediction.threshold
        and prediction.reason == "unfamiliar"
        and "language_unclear" in prediction.notes
    )


def test_a_caption_of_which_nothing_is_known_is_never_answered_surely_alone(
    task: Task, folder: Path, tmp_path: Path
) -> None:
    sure = Predictor(task, sharpened(folder, tmp_path / "sure"))
    for caption in ("🙂🙂", "☃ ☄", "!!!"):
        prediction = sure.predict(Sample(text=caption))
        assert (
            prediction.confidence < prediction.threshold
            and prediction.reason == "unfamiliar"
            and "text_unread" in prediction.notes
        )
    assert "text_unread" not in sure.predict(Sample(text="🙂 good")).notes
    assert sure.predict_inputs(replace(tiny.inputs(), text="🙂")).reason is None  # the picture speaks for itself


def test_what_lies_far_from_training_is_said_and_never_answered_surely(
    task: Task, folder: Path, tmp_path: Path
) -> None:
    strange = sharpened(folder, tmp_path / "strange", familiarity={"image": 0.0, "text": 1e9})
    stats = fit(np.random.default_rng(0).standard_normal((40, 32)))
    out_of_distribution.save(strange, {"image": stats, "text": stats, "audio": stats})
    prediction = (predictor := Predictor(task, strange)).predict_inputs(tiny.inputs())
    assert prediction.notes == ("unfamiliar_image",) and prediction.reason == "unfamiliar"
    assert prediction.confidence < prediction.threshold and prediction.capped
    usual = predictor.predict_inputs(tiny.inputs(modalities=("text", "audio")))
    assert usual.reason is None and not usual.capped


def test_a_version_of_too_few_samples_says_that_it_cannot_tell_what_is_strange(
    task: Task, folder: Path, tmp_path: Path
) -> None:
    predictor = Predictor(task, sharpened(folder, tmp_path / "few", familiarity={}, too_few={"image": 14}))
    assert "too_few" in predictor.predict_inputs(tiny.inputs()).notes
    assert "too_few" not in predictor.predict_inputs(tiny.inputs(modalities=("text",))).notes


def test_sound_without_speech_is_refused_where_the_task_is_about_speech(task: Task, folder: Path) -> None:
    sound = tiny.inputs(modalities=("audio",))
    assert Predictor(task, folder).predict_inputs(sound).label
    speech = Predictor(replace(task, limits=Limits(speech=True)), folder)
    with pytest.raises(BadInput) as caught:
        speech.predict_inputs(sound)
    assert caught.value.key == "no_speech" and caught.value.sentence("zh")
    assert speech.predict_inputs(tiny.inputs(modalities=("image",))).label


def test_methods_are_named(predictor: Predictor) -> None:
    assert predictor.methods[0] == "erasure"
    assert predictor.explain(Sample(text="the dog")).method == "erasure"
    for method in predictor.methods:
        assert predictor.explain(Sample(text="the dog"), method).method == method
    for wrong in ("guess", "none"):
        with pytest.raises(UnknownName, match="attention"):
            predictor.explain(Sample(text="the dog"), wrong)


def test_any_label_can_be_explained_against_any_other(predictor: Predictor) -> None:
    sample = Sample(text="the dog")
    answer = predictor.predict(sample).label
    other = next(label for label in predictor.task.label_names if label != answer)
    assert predictor.explain(sample).target == answer
    prediction = predictor.explain(sample, "masking", target=other, against=answer)
    assert (prediction.target, prediction.against) == (other, answer)
    assert predictor.explain(sample, against=other).target == answer


@pytest.mark.parametrize("asked", [{"target": "ugly"}, {"against": "ugly"}])
def test_a_label_that_does_not_exist_is_not_explained(predictor: Predictor, asked: dict[str, str]) -> None:
    with pytest.raises(UnknownName, match=r"ugly.*bad, good"):
        predictor.explain(Sample(text="the dog"), **asked)


def test_a_label_is_not_explained_against_itself(predictor: Predictor) -> None:
    sample = Sample(text="the dog")
    answer = predictor.predict(sample).label
    for asked in ({"target": "bad", "against": "bad"}, {"against": answer}):
        with pytest.raises(UnknownName, match="itself") as caught:
            predictor.explain(sample, **asked)
        assert asked["against"] in caught.value.sentence("zh")


def test_a_fusion_without_attention_is_explained_by_what_needs_none(task: Task, tmp_path: Path) -> None:
    summed = replace(task, fusion={**task.fusion, "type": "sum"})
    predictor = Predictor(summed, tiny.version(tmp_path / "v", summed))
    prediction = predictor.predict_inputs(Inputs(text="the dog"), "default")
    assert prediction.explanation and prediction.explanation.method == "masking"
    with pytest.raises(UnknownName, match=r'"sum".* no attention.*masking'):
        predictor.explain(Sample(text="the dog"), "attention")


def test_a_version_of_other_labels_is_refused(tmp_path: Path, folder: Path) -> None:
    other = tiny.task(tmp_path, labels=("good", "bad"))
    with pytest.raises(CheckpointError, match="labels"):
        Predictor(other, folder).predict_inputs(tiny.inputs())


def test_weights_of_other_labels_than_their_sidecar_are_refused(tmp_path: Path, folder: Path) -> None:
    other = tiny.task(tmp_path, labels=("good", "bad"))
    with pytest.raises(CheckpointError, match="labels"):
        Predictor(other, sharpened(folder, tmp_path / "v", labels=("good", "bad"))).predict_inputs(tiny.inputs())


def test_settings_are_read_without_torch() -> None:
    script = "import sys, mmdemo, mmdemo.settings, mmdemo.tasks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_what_was_read_lately_is_not_encoded_again_and_every_answer_stays_to_the_last_bit(
    predictor: Predictor,
) -> None:
    inputs = tiny.inputs(41)

    def look() -> tuple:
        prediction, forward = predictor.answer(inputs, "default")
        assert prediction.explanation is not None
        request = MapRequest(prediction.explanation.method, prediction.label)
        looks = predictor.study(forward), predictor.weigh(forward, request), predictor.what_if(forward, [0], ["audio"])
        features = {name: vector.tobytes() for name, vector in predictor.features([inputs]).by_sample[0].items()}
        return replace(prediction, latency_ms=0.0), *looks, features

    with tiny.passes(ModalityEncoder) as asked:
        first = look()
        asked.clear()
        assert look() == first and asked == []
        predictor.forget()
        assert look() == first and len(asked) > len(inputs.modalities)


def test_a_caption_that_changes_leaves_the_picture_alone(predictor: Predictor) -> None:
    inputs = tiny.inputs(42)
    predictor.answer(inputs)
    with tiny.passes(ModalityEncoder) as asked:
        predictor.answer(replace(inputs, text="the good cat"))
    assert [type(encoder).__name__ for encoder in asked] == ["AutoText"]


def test_the_same_sample_again_goes_through_nothing(task: Task, folder: Path) -> None:
    predictor, inputs = Predictor(task, folder), tiny.inputs(43)
    first = replace(predictor.predict_inputs(inputs), latency_ms=0.0)
    with tiny.passes(nn.Module) as asked:
        assert replace(predictor.predict_inputs(replace(inputs)), latency_ms=0.0) == first and asked == []
        explained = predictor.predict_inputs(inputs, "attention").explanation
        assert explained and any(isinstance(module, Fusion) for module in asked)  # attention was not asked for before
        asked.clear()
        assert predictor.predict_inputs(inputs, "attention").explanation == explained and asked == []
        predictor.forget()
        assert replace(predictor.predict_inputs(inputs), latency_ms=0.0) == first and asked


def test_of_a_pass_that_is_kept_no_map_is_which_holds_words(task: Task, folder: Path) -> None:
    served, inputs = loading.load(folder, task), tiny.inputs(47)
    aimed = served.aimed(served.forward(inputs))
    explain.explain("erasure", aimed)
    assert aimed.measured.maps and aimed.measured.without
    again = served.aimed(served.forward(replace(inputs)))
    assert not again.measured.maps and again.measured.without == aimed.measured.without


def test_whether_anybody_speaks_is_asked_once_a_sound(task: Task, folder: Path) -> None:
    speech = Predictor(replace(task, limits=Limits(speech=True)), folder)
    sound = tiny.inputs(modalities=("audio",))
    with tiny.passes(VoiceDetector) as asked:
        for times in (1, 2):
            for _ in range(2):
                with pytest.raises(BadInput):
                    speech.check(replace(sound))
                assert len(asked) == times
            speech.forget()


def test_weakened_copies_take_no_room_from_samples(task: Task, folder: Path) -> None:
    served = loading.load(folder, task)
    forward = served.forward(tiny.inputs(46))
    size = served.memory.tokens.size
    analysis.attribute_and_test(served.aimed(forward), MapRequest("default", "good"), served.sidecar.version)
    assert served.memory.tokens.size == size and served.memory.copies.size > 0
    served.memory.forget(0.0)
    assert served.memory.tokens.size == served.memory.copies.size == served.memory.passes.size == 0
