"""Samples → features and what stands for them, in batches; samples at fault are told and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Protocol

from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.retrieval.candidates import Candidate, CandidatePool, CandidatePreview, pooled, shown
from mmdemo.tasks import Task
from mmdemo.values.samples import Features, Inputs, LabelledSample

BATCH = 32  # samples
PROGRESS_EVERY = 10  # batches


class Encoder(Protocol):
    """What is needed of a predictor."""

    task: Task

    def check(self, inputs: Inputs) -> None:
        """Raise BadInput for a decoded sample that is refused all the same."""

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return the features of decoded samples."""


@dataclass
class CollectedCandidates:
    """What was made of samples, as far as it has come."""

    versions: set[str] = field(default_factory=set)  # that made it; several where a newer one began to serve meanwhile
    candidates: list[Candidate] = field(default_factory=list)
    features: list[dict] = field(default_factory=list)
    pictures: list[CandidatePreview] = field(default_factory=list)

    @property
    def pool(self) -> CandidatePool:
        """All of them, to be looked through."""
        return pooled(self.candidates, self.features)


def make(
    encoder: Encoder,
    rows: Iterable[LabelledSample],
    source: str,
    fault: Callable[[str, BadInput], None] = lambda id_, error: None,
    progress: Callable[[str], None] = lambda text: None,
) -> CollectedCandidates:
    """Return what one version makes of samples; `fault` is told the id of each that it refuses, and why."""
    collection = CollectedCandidates()
    usable = _decoded(encoder, rows, fault)
    for number, batch in enumerate(iter(lambda: list(islice(usable, BATCH)), []), 1):
        _add(collection, encoder, batch, source)
        if number % PROGRESS_EVERY == 0:
            progress(f"{len(collection.candidates)} samples indexed")
    return collection


def _decoded(
    encoder: Encoder, rows: Iterable[LabelledSample], fault: Callable[[str, BadInput], None]
) -> Iterator[tuple[LabelledSample, Inputs]]:
    for row in rows:
        try:
            inputs = decode.decode(row.sample, encoder.task)
            encoder.check(inputs)
            yield row, inputs
        except BadInput as error:
            fault(row.id, error)


def _add(
    collection: CollectedCandidates, encoder: Encoder, batch: Sequence[tuple[LabelledSample, Inputs]], source: str
) -> None:
    features = encoder.features([inputs for _, inputs in batch])
    collection.versions.add(features.model_version)
    collection.features += features.by_sample
    for row, inputs in batch:
        content = decode.sample_id(inputs, encoder.task.name)
        collection.pictures.append(shown(inputs))
        show = partial(collection.pictures.__getitem__, len(collection.candidates))
        collection.candidates.append(Candidate(row.id, source, row.label, inputs.text or "", content, show))
