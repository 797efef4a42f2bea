"""Bytes → arrays, the only place, for training and serving alike; and back, for the copies that are stored or shown.

What comes out is checked against the task's limits while it comes out. Sizes are checked before anything is decoded,
only harmless formats are opened, and nothing that a file names is fetched. `decode_untrusted` is for what strangers
send, to page, API or somebody's app: it reads files in child processes. `decode` reads in this one, and is for files of
whoever runs it, and for copies that were made here. Who needs the media one by one `read`s first; a medium is not read
again.
"""

import hashlib
import os
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mmdemo import characters
from mmdemo.decode import files, pool
from mmdemo.decode.copies import data_url, encoded, picture_of, picture_url, shrunk
from mmdemo.decode.files import Notes
from mmdemo.decode.pictures import decode_image, encode_image, read_image
from mmdemo.decode.pool import warm
from mmdemo.decode.sounds import SAMPLE_RATE_HZ, decode_audio, encode_audio, encode_speech, read_audio
from mmdemo.errors import BadInput
from mmdemo.tasks import Task
from mmdemo.values.samples import MODALITIES, Inputs, Medium, Sample

__all__ = [
    "SAMPLE_RATE_HZ",
    "WINDOW",
    "data_url",
    "decode",
    "decode_ahead",
    "decode_audio",
    "decode_caption",
    "decode_image",
    "decode_untrusted",
    "earlier_ids",
    "encode_audio",
    "encode_image",
    "encode_speech",
    "encoded",
    "inputs_of",
    "picture_of",
    "picture_url",
    "read",
    "read_all",
    "read_untrusted",
    "sample_id",
    "shrunk",
    "warm",
]

MOST_BYTES = 256 * 2**20  # of arrays that are kept for whoever asks again: some hundred pictures
Noted = tuple[np.ndarray, Notes]
WINDOW = 64  # samples that are handed over together; as many again are being read


def decode(sample: Sample, task: Task) -> Inputs:
    """Return the sample as arrays, upright RGB and 16 kHz mono. Raises BadInput with the sentence that says why not."""
    return inputs_of(read(sample, task))


def decode_ahead(samples: Iterable[Sample], task: Task, window: int = WINDOW) -> Iterator[list[Inputs | BadInput]]:
    """Yield the samples as `decode` returns them, or why not, a `window` at a time, while threads read the next one.

    Codecs work outside of Python's lock.
    """
    waiting = iter(samples)
    threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="read")

    def outcome(sample: Sample) -> Inputs | BadInput:
        try:
            return decode(sample, task)
        except BadInput as refusal:
            return refusal

    try:
        ahead: deque[Future[Inputs | BadInput]] = deque()
        while True:
            ahead += [threads.submit(outcome, sample) for sample in islice(waiting, 2 * window - len(ahead))]
            if not ahead:
                return
            yield [ahead.popleft().result() for _ in range(min(window, len(ahead)))]
    finally:
        threads.shutdown(cancel_futures=True)


def decode_untrusted(sample: Sample, task: Task) -> Inputs:
    """Return what `decode` returns; files are read in a child with limits of memory and time. Raises BadInput."""
    return inputs_of(read_untrusted(sample, task))


def read(sample: Sample, task: Task) -> Sample:
    """Return the sample with its picture and sound as a `Medium` each; one that was read for this task stays as it is.

    Raises BadInput.
    """
    return _read(sample, task, read_image, read_audio)


def read_untrusted(sample: Sample, task: Task) -> Sample:
    """Return what `read` returns; files are read in a child with limits of memory and time. Raises BadInput."""
    return _read(sample, task, pool.read_image, pool.read_audio)


def read_all(samples: Sequence[Sample], task: Task, most_bytes: int = MOST_BYTES) -> list[Sample]:
    """Return samples with what their files hold, each file read once: whoever asks about them again decodes nothing.

    What is refused stays a file, and so does what comes when their arrays already take `most_bytes`.
    """
    media: dict[tuple[str, Path], Medium] = {}
    waiting = list(dict.fromkeys(file for sample in samples for file in _files(sample)))
    order = iter(waiting)
    for window in decode_ahead([_with(Sample(), dict([file])) for file in waiting], task):
        for inputs, (name, path) in zip(window, order, strict=False):
            if isinstance(inputs, Inputs):
                media[name, path] = Medium(getattr(inputs, name), inputs.notes, files.digest(path))
        if sum(medium.array.nbytes for medium in media.values()) >= most_bytes:
            break
    return [_with(sample, {file[0]: media[file] for file in _files(sample) if file in media}) for sample in samples]


def inputs_of(sample: Sample) -> Inputs:
    """Return a sample that was read as one value; the arrays are the same."""
    image, audio = sample.image, sample.audio
    assert isinstance(image, Medium | None) and isinstance(audio, Medium | None), "the sample was not read"
    media = [medium for medium in (image, audio) if medium is not None]
    return Inputs(
        image=image.array if image else None,
        text=sample.text or None,
        audio=audio.array if audio else None,
        notes=tuple(note for medium in media for note in medium.notes),
        original=_original(sample.text, {"image": image, "audio": audio}),
    )


def _with(sample: Sample, media: Mapping[str, Any]) -> Sample:
    return replace(sample, **media)


def _files(sample: Sample) -> list[tuple[str, Path]]:
    """Return the modality and the path of each file of a sample."""
    media = {"image": sample.image, "audio": sample.audio}
    return [(name, Path(source)) for name, source in media.items() if isinstance(source, Path | str)]


def _read(sample: Sample, task: Task, image_of: Callable[..., Noted], audio_of: Callable[..., Noted]) -> Sample:
    chars = len(sample.text or "")
    if chars > task.limits.text_chars:  # before anything looks at them, blank ones too
        raise BadInput("text_too_long", chars=chars, limit=task.limits.text_chars)
    text = decode_caption(sample.text)
    present = {"image": sample.image is not None, "text": text is not None, "audio": sample.audio is not None}
    modalities = ", ".join(task.modalities)
    for name in MODALITIES:
        if present[name] and name not in task.modalities:
            raise BadInput("modality_not_taken", modality=name, task=task.name, known=modalities)
    if not any(present.values()):
        raise BadInput("nothing_given", known=modalities)
    image, audio = _medium(sample.image, task, image_of), _medium(sample.audio, task, audio_of)
    return Sample(image=image, text=text or "", audio=audio)


def _medium(source: object, task: Task, read_with: Callable[..., Noted]) -> Medium | None:
    if source is None or isinstance(source, Medium):
        return source
    array, notes = read_with(source, task.limits)
    return Medium(array, notes, files.digest(source))


def _original(caption: str, media: Mapping[str, Medium | None]) -> str:
    """Return the digest of the bytes that were sent, "" where a picture or sound did not come as bytes."""
    digests = [(name, medium.digest) for name, medium in media.items() if medium is not None]
    if not digests or not all(digest for _, digest in digests):
        return ""
    return hashlib.sha256(repr((characters.canonical(caption), digests)).encode()).hexdigest()


def sample_id(inputs: Inputs, task_name: str) -> str:
    """Return the SHA-256 (hex) over the decoded arrays, the caption in its canonical form, and the task's name."""
    return _hashed(inputs, task_name, characters.canonical)


def earlier_ids(inputs: Inputs, task_name: str) -> tuple[str, ...]:
    """Return other ids that earlier releases gave the same inputs: they took the caption's characters as typed."""
    same = inputs.text is None or characters.canonical(inputs.text) == inputs.text
    return () if same else (_hashed(inputs, task_name, str),)


def _hashed(inputs: Inputs, task_name: str, form: Callable[[str], str]) -> str:
    digest = hashlib.sha256(task_name.encode())
    for name in inputs.modalities:
        value = getattr(inputs, name)
        value = form(value) if isinstance(value, str) else value
        content = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
        shape = "" if isinstance(value, str) else value.shape
        digest.update(f"\0{name}{shape}:{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def decode_caption(text: str | None) -> str | None:
    """Return the caption, None for a blank one; characters that no database stores become U+FFFD, one for one."""
    text = characters.storable(text or "")
    return text if any(_is_visible(sign) for sign in text) else None


def _is_visible(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] not in "ZC" or category == "Cn"  # an emoji newer than this Python counts as unassigned
