"""Many samples at once: batched equals alone, whatever else is in the batch, and a refusal is of one sample only."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import Predictor, Sample, tasks
from mmdemo.decode import decode
from mmdemo.errors import BadInput
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.tasks import Limits, Task
from mmdemo.values.samples import Inputs, Prediction, subsets
from tests import number_kind, tiny

SHIPPED = ("sentiment", "speech_emotion", "spoken_digits")
SHARES = (0.5, 0.7, 0.9)


def variants(task: Task) -> list[Inputs]:
    """Return the task's examples as they are, shorter, and in parts: samples of every length and set of modalities."""
    samples = []
    for number, example in enumerate(task.examples):
        inputs = decode(Sample(example.image, example.text, example.audio), task)
        samples += [inputs.only(part) for part in subsets(inputs.modalities)]
        if inputs.audio is not None:
            shorter = inputs.audio[: int(len(inputs.audio) * SHARES[number % len(SHARES)])]
            samples += [replace(inputs, audio=shorter), replace(inputs, audio=np.tile(inputs.audio, 2))]
        if inputs.text is not None:
            samples += [replace(inputs, text=" ".join([inputs.text] * 12)), Inputs(text=inputs.text.split()[0])]
    return samples


def assert_alike(one: Prediction, other: Prediction) -> None:
    """Compare two answers: numbers within 1e-4, all else exactly."""
    shares, others = ({name: p.probabilities[name] for name in p.probabilities} for p in (one, other))
    assert shares == pytest.approx(others, abs=1e-4)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
    heads = [{name: head.probabilities for name, head in each.heads.items()} for each in (one, other)]
    assert heads[0].keys() == heads[1].keys()
    for name in heads[0]:
        assert heads[0][name] == pytest.approx(heads[1][name], abs=1e-4)
    same = {"answer": one.answer, "confidence": 0.0, "heads": {}, "latency_ms": 0.0}
    assert one.label == other.label and replace(one, **same) == replace(other, **same)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SHIPPED)
def test_batched_equals_alone(name: str) -> None:
    predictor = Predictor(name)
    samples = variants(predictor.task)
    refused: list[int] = []
    for number, (batched, inputs) in enumerate(zip(predictor.answer_batch(samples), samples, strict=True)):
        if isinstance(batched, BadInput):
            refused.append(number)
            with pytest.raises(BadInput, match="^" + str(batched)[:20]):
                predictor.predict_inputs(inputs)
        else:
            assert_alike(batched, predictor.predict_inputs(inputs))
    assert len(samples) - len(refused) >= 12


@pytest.mark.parametrize("name", SHIPPED)
def test_other_company_changes_no_answer(name: str) -> None:
    predictor = Predictor(name)
    answers = zip(variants(predictor.task), predictor.answer_batch(variants(predictor.task)), strict=True)
    samples = [inputs for inputs, answer in answers if isinstance(answer, Prediction)]
    together = predictor.answer_batch(samples)
    apart = [*predictor.answer_batch(samples[::3]), *predictor.answer_batch(samples[1::3])]
    for one, other in zip([*together[::3], *together[1::3]], apart, strict=True):
        assert isinstance(one, Prediction) and isinstance(other, Prediction)
        assert_alike(one, other)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    task = tiny.task(tmp_path_factory.mktemp("task"))
    return Predictor(task, tiny.version(tmp_path_factory.mktemp("version") / "v1", task))


def mixed() -> list[Inputs]:
    parts = [("image",), ("text", "audio"), ("image", "text", "audio"), ("audio",), ("text",), ("image", "text")]
    return [tiny.inputs(seed, parts[seed % len(parts)], 0.5 + seed % 7 * 0.3) for seed in range(24)]


def test_any_subset_of_three_modalities_is_answered_as_alone(predictor: Predictor) -> None:
    samples = mixed()
    for batched, inputs in zip(predictor.answer_batch(samples), samples, strict=True):
        assert isinstance(batched, Prediction)
        assert_alike(batched, predictor.predict_inputs(inputs))


def test_parts_are_answered_as_if_the_rest_were_not_there(predictor: Predictor) -> None:
    noise = [tiny.inputs(seed, seconds=0.5 + seed * 0.2) for seed in range(4)]
    samples = [Sample(Image.fromarray(each.image), each.text or "", (each.audio, 16_000)) for each in noise]  # type: ignore[arg-type]
    with tiny.passes(ModalityEncoder) as passes:
        answered = list(predictor.predict_parts(samples))
    assert len(passes) == 3, "each modality goes through its encoder once"
    for outcome, sample in zip(answered, samples, strict=True):
        assert not isinstance(outcome, BadInput) and len(outcome.parts) == 7
        inputs = decode(sample, predictor.task)
        assert outcome.whole.modalities == inputs.modalities
        for prediction in outcome.parts:
            assert_alike(prediction, predictor.predict_inputs(inputs.only(prediction.modalities)))
        [alone] = predictor.features([inputs]).by_sample
        for name, vector in outcome.features.items():
            np.testing.assert_allclose(vector, alone[name], atol=1e-5)


def test_a_refusal_is_of_one_sample(tmp_path: Path) -> None:
    task = replace(tiny.task(tmp_path, ("audio",)), limits=Limits(speech=True))
    predictor = Predictor(task, tiny.version(tmp_path / "v1", task))
    speech = decode(Sample(audio=tasks.get("speech_emotion").examples[0].audio), task)
    hum = Inputs(audio=np.sin(np.arange(16_000) * 0.1).astype(np.float32))
    earlier = BadInput("audio_empty")
    first, second, third, fourth = predictor.answer_batch([speech, hum, earlier, speech])
    assert isinstance(first, Prediction) and isinstance(fourth, Prediction)
    assert isinstance(second, BadInput) and second.key == "no_speech" and third is earlier


def test_many_are_answered_in_their_order_files_and_refusals(predictor: Predictor, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    texts = [f"the dog is {'good ' * (number % 9)}" for number in range(150)]
    samples: list[Sample] = [Sample(text=text) for text in texts]
    samples[7], samples[140] = Sample(image=broken, text="the dog"), Sample()
    outcomes = list(predictor.predict_many(iter(samples)))
    refusals = {number: each for number, each in enumerate(outcomes) if isinstance(each, BadInput)}
    assert {number: each.key for number, each in refusals.items()} == {7: "not_an_image", 140: "nothing_given"}
    for number in (0, 63, 64, 149):
        outcome = outcomes[number]
        assert isinstance(outcome, Prediction)
        assert_alike(outcome, predictor.predict(samples[number]))


def test_no_more_is_read_than_is_soon_answered(predictor: Predictor) -> None:
    taken: list[int] = []

    def samples() -> Iterator[Sample]:
        for number in range(1000):
            taken.append(number)
            yield Sample(text=f"dog {number}")

    answers = predictor.predict_many(samples())
    next(answers)
    assert len(taken) <= 3 * 64
    answers.close()


def test_a_kind_that_is_not_shipped_goes_in_batches_too(tmp_path: Path) -> None:
    with number_kind.registered():
        path = tiny.write_task(tmp_path, ("text",), ())
        path.write_text('kind = "number"\n' + path.read_text("utf-8").replace("labels = []\n", ""), "utf-8")
        task = tasks.load_file(path)
        predictor = Predictor(task, tiny.version(tmp_path / "v1", task))
        samples = [Inputs(text="the dog " * count) for count in (1, 5, 2)]
        for batched, inputs in zip(predictor.answer_batch(samples), samples, strict=True):
            assert isinstance(batched, Prediction)
            alone = predictor.predict_inputs(inputs)
            assert batched.answer.number == pytest.approx(alone.answer.number, abs=1e-4)  # type: ignore[attr-defined]
