"""Bytes → arrays, the only place, for training and serving alike; and back, for the copies that are stored.

What comes out is checked against the task's limits. Media come from strangers: sizes are checked before anything is
decoded, only harmless formats are opened, and nothing that a file names is fetched.
"""

import hashlib
import unicodedata

import numpy as np

from mmdemo.decode.pictures import decode_image, encode_image
from mmdemo.decode.sounds import SAMPLE_RATE_HZ, decode_audio, encode_audio, encode_speech
from mmdemo.errors import BadInput
from mmdemo.samples import MODALITIES, Inputs, Sample
from mmdemo.tasks import Task

__all__ = [
    "SAMPLE_RATE_HZ",
    "decode",
    "decode_audio",
    "decode_caption",
    "decode_image",
    "encode_audio",
    "encode_image",
    "encode_speech",
    "sample_id",
]

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}  # NUL and lone surrogates


def decode(sample: Sample, task: Task) -> Inputs:
    """Return the sample as arrays, upright RGB and 16 kHz mono. Raises BadInput with the sentence that says why not."""
    text = decode_caption(sample.text)
    given = {"image": sample.image is not None, "text": text is not None, "audio": sample.audio is not None}
    known = ", ".join(task.modalities)
    for name in MODALITIES:
        if given[name] and name not in task.modalities:
            raise BadInput("modality_not_taken", modality=name, task=task.name, known=known)
    if not any(given.values()):
        raise BadInput("nothing_given", known=known)
    if text is not None and len(text) > task.limits.text_chars:
        raise BadInput("text_too_long", chars=len(text), limit=task.limits.text_chars)
    return Inputs(
        image=None if sample.image is None else decode_image(sample.image, task.limits),
        text=text,
        audio=None if sample.audio is None else decode_audio(sample.audio, task.limits),
    )


def sample_id(inputs: Inputs, task_name: str) -> str:
    """Return the SHA-256 (hex) over the decoded arrays, the caption and the task's name."""
    digest = hashlib.sha256(task_name.encode())
    for name in inputs.modalities:
        value = getattr(inputs, name)
        content = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
        shape = "" if isinstance(value, str) else value.shape
        digest.update(f"\0{name}{shape}:{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def decode_caption(text: str | None) -> str | None:
    """Return the caption, None for a blank one; characters that no database stores become U+FFFD, one for one."""
    text = (text or "").translate(_UNSTORABLE)
    return text if any(_is_visible(sign) for sign in text) else None


def _is_visible(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] not in "ZC" or category == "Cn"  # an emoji newer than this Python counts as unassigned
