"""What is nearest to a sample of one task: among the task's examples, what is indexed, and what else is handed over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdemo.errors import StorageError
from mmdemo.retrieval import index, search
from mmdemo.retrieval.candidates import EXAMPLES, CandidatePool, joined
from mmdemo.retrieval.encoding import Encoder, make
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import Alike, Near
from mmdemo.values.samples import Features, Sample

log = logging.getLogger(__name__)
State = tuple[int, int]  # of a file: when it was written, in ns, and how long it is


@dataclass(frozen=True)
class _Example:
    """An example as something to index."""

    id: str
    sample: Sample
    label: str


class Neighbours:
    """The neighbours of one task's samples. Examples are encoded once a version; threads may share it."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self._task = task
        self._settings = settings
        self._lock = threading.Lock()
        self._examples: tuple[str, CandidatePool] | None = None  # version, and what it makes of the examples
        self._indexes: dict[Path, tuple[State, CandidatePool]] = {}

    def find(
        self,
        encoder: Encoder,
        features: Callable[[], Features],
        k: int,
        own: str,
        further: Callable[[str], Sequence[CandidatePool]],
    ) -> Alike:
        """Return the `k` samples nearest to the one with these features, never itself: `own` is its SHA-256.

        `features` asks the version that answers now. `further` returns more to look through, encoded by the version
        that it is given; of equal samples these are found first.
        """
        sample_features = features()
        version = sample_features.model_version
        with self._lock:
            examples = self._of_examples(encoder, version)
            indexed = self._of_indexes(version)
        if examples is None:  # a newer version serves by now
            return self.find(encoder, features, k, own, further)
        [query] = sample_features.by_sample
        pool = joined([each for each in (*further(version), examples, *indexed) if _fits(each, query)])
        nearest = tuple(_near(match) for match in search.nearest(query, pool, k, without=own))
        return Alike(version, nearest, self._left_out(version))

    def _of_examples(self, encoder: Encoder, version: str) -> CandidatePool | None:
        """Return the task's examples as the version encodes them, None where another one serves by now."""
        if self._examples is None or self._examples[0] != version:
            rows = [
                _Example(f"example-{number}", Sample(each.image, each.text, each.audio), each.expected)
                for number, each in enumerate(self._task.examples)
            ]
            collection = make(encoder, rows, EXAMPLES)
            if collection.versions - {version}:
                return None
            self._examples = version, collection.pool
        return self._examples[1]

    def _of_indexes(self, version: str) -> list[CandidatePool]:
        """Return what is indexed by the version; a file is read again where it was replaced."""
        kept: dict[Path, tuple[State, CandidatePool]] = {}
        for path in index.of_version(self._settings, self._task.name, version):
            try:
                about = path.stat()
                state = about.st_mtime_ns, about.st_size
                known = self._indexes.get(path)
                kept[path] = known if known and known[0] == state else (state, index.read(path)[1])
            except FileNotFoundError:  # removed meanwhile
                continue
            except StorageError as error:
                log.error("%s", error)
        self._indexes = kept
        return [pool for _, pool in kept.values()]

    def _left_out(self, version: str) -> dict[str, str]:
        """Return the names that are indexed by other versions alone, each with the last of them."""
        known = index.listed(self._settings, self._task.name)
        current = {about.name for about in known if about.model_version == version}
        return {about.name: about.model_version for about in known if about.name not in current}


def _fits(pool: CandidatePool, query: Mapping[str, np.ndarray]) -> bool:
    """Tell whether features are as wide as the sample's: an index of another model of the same name is of no use."""
    width = {len(vector) for vector in query.values()}
    return bool(pool.candidates) and all(values.shape[1] in width for values in pool.features.values())


def _near(match: search.Match) -> Near:
    one = match.candidate
    return Near(
        id=one.id,
        source=one.source,
        label=one.label,
        score=round(match.score, 4),
        cosine=round(match.cosine, 4),
        query=match.query,
        match=match.match,
        text=one.text,
        **one.shown().urls(),
    )
