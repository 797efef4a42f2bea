"""Corrected samples among which the nearest are looked for, by reviewers alone; encoded as they come, kept in memory.

What stands in the store decides: a sample whose sender takes it back, or whose correction is withdrawn, is found no
longer, and its features go.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np

from annotations.predictors import ServingPredictor
from annotations.store import Store, labels
from annotations.store.labels import LabelledContent
from mmdemo import decode
from mmdemo.errors import MmdemoError
from mmdemo.retrieval.candidates import CORRECTIONS, Candidate, CandidatePool, CandidatePreview, pooled, shown
from mmdemo.retrieval.encoding import Encoder
from mmdemo.retrieval.neighbours import Neighbours
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import Alike, ForwardPass
from mmdemo.values.samples import Inputs, Sample

CATCH_UP = 32  # samples that one question waits for; the newest first, the others with the next questions


class Corrected:
    """The corrected samples of one task, as the version that answers now encodes them. Threads may share it."""

    def __init__(self, store: Store, task: Task, catch_up: int) -> None:
        self._store = store
        self._task = task
        self._catch_up = catch_up
        self._lock = threading.Lock()
        self._version = ""
        self._features: dict[str, dict[str, np.ndarray]] = {}  # sample_id → by modality; empty where it can't be read

    def pool(self, encoder: Encoder, version: str) -> CandidatePool:
        """Return what is encoded by `version`, and encode some of what is not. Raises StorageError."""
        with self._lock:
            if version != self._version:
                self._version, self._features = version, {}
            with self._store.reading() as session:
                standing = labels.corrections(session, self._task.name)
            self._keep({item.correction.sample_id for item in standing})
            unknown = [item for item in standing if item.correction.sample_id not in self._features]
            self._encode(encoder, unknown[-self._catch_up :])
            pairs = [(item, self._features.get(item.correction.sample_id)) for item in standing]
        usable = [(item, features) for item, features in pairs if features]
        return pooled([self._candidate(item) for item, _ in usable], [features for _, features in usable])

    def prune(self) -> None:
        """Let go of what stands in the store no longer. Raises StorageError."""
        with self._lock, self._store.reading() as session:
            self._keep(labels.standing_among(session, self._task.name, self._features))

    def _keep(self, ids: Collection[str]) -> None:
        self._features = {name: features for name, features in self._features.items() if name in ids}

    def _encode(self, encoder: Encoder, items: Sequence[LabelledContent]) -> None:
        read = [(item.correction.sample_id, self._inputs(item)) for item in items]
        self._features |= {name: {} for name, inputs in read if inputs is None}
        usable = [(name, inputs) for name, inputs in read if inputs is not None]
        if not usable:
            return
        features = encoder.features([inputs for _, inputs in usable])
        if features.model_version == self._version:  # else a newer one serves by now, and the next question begins anew
            self._features |= dict(zip([name for name, _ in usable], features.by_sample, strict=True))

    def _inputs(self, item: LabelledContent) -> Inputs | None:
        media = {name: self._store.media / file for name in ("image", "audio") if (file := getattr(item, name))}
        try:
            return decode.decode(Sample(text=item.text or "", **media), self._task)
        except MmdemoError:  # its file is gone, or today's limits are narrower
            return None

    def _candidate(self, item: LabelledContent) -> Candidate:
        correction = item.correction
        return Candidate(
            correction.sample_id,
            CORRECTIONS,
            correction.label,
            item.text or "",
            correction.sample_id,
            partial(self._shown, item),
        )

    def _shown(self, item: LabelledContent) -> CandidatePreview:
        inputs = self._inputs(item)
        return shown(inputs) if inputs else CandidatePreview()


class Finder:
    """Finds what is alike in every task. Threads may share it."""

    def __init__(self, store: Store, settings: Settings, catch_up: int = CATCH_UP) -> None:
        self._store = store
        self._settings = settings
        self._catch_up = catch_up
        self._lock = threading.Lock()
        self._of: dict[str, tuple[Neighbours, Corrected]] = {}

    def find(self, task: Task, predictor: ServingPredictor, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return the `k` samples nearest to one; corrected ones are looked through for a reviewer alone.

        Raises StorageError, CheckpointError.
        """
        with self._lock:
            if task.name not in self._of:
                self._of[task.name] = Neighbours(task, self._settings), Corrected(self._store, task, self._catch_up)
            neighbours, corrected = self._of[task.name]
        further: Callable[[str], Sequence[CandidatePool]] = (
            (lambda version: [corrected.pool(predictor, version)]) if reviewer else (lambda version: [])
        )
        own = decode.sample_id(forward.inputs, task.name)
        return neighbours.find(predictor, lambda: predictor.features_of(forward), k, own, further)

    def prune(self) -> None:
        """Let go of what stands in the store no longer. Raises StorageError."""
        for _, corrected in list(self._of.values()):
            corrected.prune()
