"""A whole sample: which modalities it may have, its caption, its id."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdemo.decode import WINDOW, decode, encode_audio, encode_image, read_all, sample_id
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits, Task
from mmdemo.values.samples import Inputs, Sample
from tests import tiny
from tests.unit.mmdemo.decode import media


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(tiny.task(tmp_path), limits=Limits(text_chars=50))


def refusal(sample: Sample, task: Task) -> BadInput:
    with pytest.raises(BadInput) as caught:
        decode(sample, task)
    assert caught.value.sentence("en") and caught.value.sentence("zh")
    return caught.value


def test_any_subset_is_taken(task: Task) -> None:
    sound = (media.tone(), 16_000)
    assert decode(Sample(image=media.gradient()), task).modalities == ("image",)
    assert decode(Sample(text="a dog", audio=sound), task).modalities == ("text", "audio")
    assert decode(Sample(media.gradient(), "a dog", sound), task).modalities == ("image", "text", "audio")


@pytest.mark.parametrize("blank", ["", " \n\t", "\u200b\ufeff", "\u3000"])
def test_a_blank_caption_is_none(blank: str, task: Task) -> None:
    assert refusal(Sample(text=blank), task).key == "nothing_given"
    assert decode(Sample(image=media.gradient(), text=blank), task).text is None


@pytest.mark.parametrize(
    "caption", ["<script>alert(1)</script>", "🙂", "\U0001fae8", "一只狗", "كلب سعيد", "  a dog\n", "."]
)
def test_a_caption_is_kept_as_given(caption: str, task: Task) -> None:
    assert decode(Sample(text=caption), task).text == caption


def test_what_no_database_stores_is_replaced_one_for_one(task: Task) -> None:
    assert decode(Sample(text="a\0b\ud800c"), task).text == "a\ufffdb\ufffdc"


def test_a_caption_over_the_limit_is_refused_with_both_numbers(task: Task) -> None:
    assert decode(Sample(text="x" * 50), task).text == "x" * 50
    said = str(refusal(Sample(text="x" * 100_000), task))
    assert "100,000" in said and "50" in said


def test_a_modality_that_the_task_does_not_take_is_refused(tmp_path: Path) -> None:
    speech = tiny.task(tmp_path, modalities=("audio",))
    error = refusal(Sample(text="a dog", audio=(media.tone(), 16_000)), speech)
    assert error.key == "modality_not_taken" and "audio" in str(error)
    assert refusal(Sample(image=b""), speech).key == "modality_not_taken"
    assert decode(Sample(text=" ", audio=(media.tone(), 16_000)), speech).modalities == ("audio",)


def test_nothing_given_names_what_could_be(task: Task) -> None:
    assert "image, text, audio" in str(refusal(Sample(), task))


def test_the_id_depends_on_each_part_and_on_nothing_else(task: Task) -> None:
    inputs = tiny.inputs()
    assert inputs.image is not None and inputs.audio is not None
    others = [
        inputs,
        replace(inputs, text="another"),
        replace(inputs, text=None),
        replace(inputs, image=inputs.image[::-1]),
        replace(inputs, image=inputs.image.reshape(80, 48, 3)),
        replace(inputs, audio=inputs.audio[:-1]),
    ]
    ids = [sample_id(other, "tiny") for other in others]
    assert len({*ids, sample_id(inputs, "another task")}) == len(others) + 1
    assert sample_id(tiny.inputs(), "tiny") == ids[0]
    assert sample_id(replace(inputs, image=np.asfortranarray(inputs.image)), "tiny") == ids[0]
    assert len(ids[0]) == 64 and set(ids[0]) <= set("0123456789abcdef")


def test_a_file_that_several_samples_have_is_read_once_as_far_as_there_is_room(task: Task, tmp_path: Path) -> None:
    path, other = tmp_path / "a.png", tmp_path / "b.png"
    path.write_bytes(media.saved(media.gradient(), "PNG"))
    other.write_bytes(b"no picture")
    samples = [Sample(image=path, text="one"), Sample(image=str(path)), Sample(image=other), Sample(text="two")]
    one, same, refused, caption = read_all(samples, task)
    assert one.image is same.image and (refused, caption) == tuple(samples[2:])
    path.unlink()
    assert decode(one, task).text == "one" and decode(same, task).image.shape[-1] == 3
    many = [Sample(image=saved(tmp_path / f"{n}.png")) for n in range(2 * WINDOW)]
    assert len([each for each in read_all(many, task, most_bytes=1) if isinstance(each.image, Path)]) == WINDOW


def saved(path: Path) -> Path:
    """Write a picture, and return where it lies."""
    path.write_bytes(media.saved(media.gradient(), "PNG"))
    return path


def test_captions_cannot_pass_for_other_inputs() -> None:
    one, other = Inputs(text="a\0audio(2,):8\0bc"), Inputs(text="a")
    assert sample_id(one, "t") != sample_id(other, "t")


def test_the_stored_copy_has_the_id_of_the_original(task: Task) -> None:
    original = decode(
        Sample(media.saved(media.gradient(), "JPEG"), "a dog", media.wav(media.tone(44_100), 44_100)), task
    )
    assert original.image is not None and original.audio is not None
    stored = decode(Sample(encode_image(original.image), "a dog", encode_audio(original.audio)), task)
    assert sample_id(stored, task.name) == sample_id(original, task.name)
