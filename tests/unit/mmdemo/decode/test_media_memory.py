"""Files with the same bytes are decoded once; others, and what was refused, each time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdemo import decode
from mmdemo.decode import media_memory
from mmdemo.decode.media_memory import MediaMemory
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits, Task
from mmdemo.values.samples import Inputs, Sample
from tests import tiny
from tests.unit.mmdemo.decode import media


class Reader:
    """Reads as `decode.read` does, and counts the media that it was asked to read."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.memory = MediaMemory()
        self.read = 0

    def __call__(self, **parts: object) -> Inputs:
        return decode.inputs_of(self.memory.read(Sample(**parts), self.task, self._read))  # type: ignore[arg-type]

    def _read(self, sample: Sample, task: Task) -> Sample:
        self.read += sum(isinstance(source, bytes | Path | tuple) for source in (sample.image, sample.audio))
        return decode.read(sample, task)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tiny.task(tmp_path))


def test_the_same_bytes_are_decoded_once_wherever_they_lie(reader: Reader, tmp_path: Path) -> None:
    picture, sound = decode.encode_image(np.asarray(media.gradient())), decode.encode_audio(media.tone())
    path = tmp_path / "p.webp"
    path.write_bytes(picture)
    first = reader(image=picture, audio=sound, text="a dog")
    again = reader(image=path, audio=sound, text="a dog")
    assert reader.read == 2 and again.image is first.image and again.audio is first.audio
    assert again.original == first.original and decode.sample_id(again, "t") == decode.sample_id(first, "t")


def test_a_file_that_changed_is_read_anew(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "s.flac"
    for loudness in (0.5, 0.1):
        path.write_bytes(decode.encode_audio(media.tone() * loudness))
        assert float(np.abs(reader(audio=path).audio).max()) < loudness + 0.01
    assert reader.read == 2


def test_what_is_refused_is_refused_again(reader: Reader) -> None:
    sound = decode.encode_audio(media.tone())
    reader(audio=sound)
    reader.task = replace(reader.task, limits=Limits(audio_max_s=0.5))
    for _ in range(2):
        with pytest.raises(BadInput) as caught:
            reader(audio=sound)
        assert caught.value.key == "audio_too_long"
    assert reader.read == 3


def test_arrays_are_not_looked_up_and_all_is_let_go_when_told(reader: Reader) -> None:
    sound = media.tone()
    for audio in ((sound, 16_000), (sound, 16_000)):
        reader(audio=audio)
    assert reader.read == 2
    for _ in range(2):
        reader(audio=decode.encode_audio(sound))
        reader.memory.forget()
    assert reader.read == 4


def test_large_files_are_read_each_time(reader: Reader) -> None:
    sound = decode.encode_audio(media.tone()) + bytes(media_memory.MOST_FILE_BYTES)
    for _ in range(2):
        reader(audio=sound)
    assert reader.read == 2
