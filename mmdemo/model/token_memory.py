"""What encoders made of contents, kept in memory: what they read lately they are not asked about again.

A content is what one modality of a sample holds, told from others by its SHA-256. So a sample that comes again needs no
encoder, nor does the picture of one whose caption has changed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from mmdemo.bounded_memory import BoundedMemory
from mmdemo.model.encoded import EncodedSample
from mmdemo.values.samples import Inputs

MOST_BYTES = 24 * 2**20  # some hundred pictures, or a few hundred sounds

Content = tuple[str, str]  # modality, digest of what it holds


class TokenMemory(BoundedMemory[Content, Tensor]):
    """Tokens (n, w) by content."""

    def __init__(self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(most_bytes, lambda tokens: tokens.nbytes, clock)

    def of(
        self,
        samples: Sequence[Inputs],
        encode: Callable[[Sequence[Inputs]], Sequence[EncodedSample]],
        beside: TokenMemory | None = None,
    ) -> list[EncodedSample]:
        """Return the tokens of decoded samples.

        `encode` is asked once, about all contents that are not kept: each is a sample of one modality. What is kept
        `beside` stays there.
        """
        contents = [content_digests(sample) for sample in samples]
        tokens = self.get(content for own in contents for content in own.values())
        if beside is not None:
            tokens |= beside.get(content for own in contents for content in own.values() if content not in tokens)
        missing = {
            content: sample.only([name])
            for sample, own in zip(samples, contents, strict=True)
            for name, content in own.items()
            if content not in tokens
        }
        if missing:
            encoded = encode(list(missing.values()))
            new = {content: of_one[content[0]] for content, of_one in zip(missing, encoded, strict=True)}
            self.put(new)
            tokens |= new
        return [{name: tokens[content] for name, content in own.items()} for own in contents]


def content_digests(sample: Inputs) -> dict[str, Content]:
    """Return what tells each modality of a decoded sample from others."""
    return {name: (name, _digest(getattr(sample, name))) for name in sample.modalities}


def _digest(content: str | np.ndarray) -> str:
    """Return the SHA-256 (hex) of a caption, or of an array and its shape."""
    if isinstance(content, str):
        return hashlib.sha256(content.encode()).hexdigest()
    digest = hashlib.sha256(str(content.shape).encode())
    digest.update(np.ascontiguousarray(content).data)
    return digest.hexdigest()
