"""What encoders made of contents, kept in memory: what they read lately they are not asked about again.

A content is what one modality of a sample holds, told from others by its SHA-256. So a sample that comes again needs no
encoder, nor does the picture of one whose caption has changed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from torch import Tensor

from mmdemo.model.encoded import EncodedSample
from mmdemo.values.samples import Inputs

MOST_BYTES = 32 * 2**20  # some hundred pictures, or a few hundred sounds

Content = tuple[str, str]  # modality, digest of what it holds


class TokenMemory:
    """Tokens by content, bounded in bytes: those that were asked for longest ago go first. Threads may share it."""

    def __init__(self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self.most_bytes = most_bytes
        self.size = 0  # bytes of all tokens that are kept
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Content, tuple[float, Tensor]] = OrderedDict()  # … → when asked for last, tokens (n, w)

    def of(
        self, samples: Sequence[Inputs], encode: Callable[[Sequence[Inputs]], Sequence[EncodedSample]]
    ) -> list[EncodedSample]:
        """Return the tokens of decoded samples.

        `encode` is asked once, about all contents that are not kept: each is a sample of one modality.
        """
        contents = [content_digests(sample) for sample in samples]
        tokens = self.get(content for own in contents for content in own.values())
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

    def get(self, contents: Iterable[Content]) -> dict[Content, Tensor]:
        """Return the tokens (n, w) of those that are kept."""
        kept, now = {}, self._clock()
        with self._lock:
            for content in contents:
                if content in self._kept:
                    kept[content] = self._kept.pop(content)[1]
                    self._kept[content] = now, kept[content]
        return kept

    def put(self, tokens: dict[Content, Tensor]) -> None:
        """Keep tokens (n, w), and let go of what there is no room for."""
        now = self._clock()
        with self._lock:
            for content, values in tokens.items():
                self._drop(content)
                self._kept[content] = now, values
                self.size += values.nbytes
            while self.size > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def forget(self, unasked_s: float = 0.0) -> None:
        """Let go of all that nobody asked about in so many seconds."""
        with self._lock:
            for content in [content for content, (at, _) in self._kept.items() if self._clock() - at >= unasked_s]:
                self._drop(content)

    def _drop(self, content: Content) -> None:
        if content in self._kept:
            self.size -= self._kept.pop(content)[1].nbytes


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
