"""Predictor: one sample in, one calibrated answer out, with where the model looked; swaps versions while it serves."""

import contextlib
import logging
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mmdemo import decode, explain, locale, tasks
from mmdemo.answers import NONE_OF_THESE
from mmdemo.checks import language, out_of_distribution, speech
from mmdemo.checks.out_of_distribution import cap_confidence
from mmdemo.errors import BadInput, CheckpointError, MmdemoError, UnknownName
from mmdemo.explain import analysis, targets
from mmdemo.model import Encoded, MultimodalOutput
from mmdemo.model.heads import ClassificationHead
from mmdemo.prediction import answering, loading
from mmdemo.prediction.loading import Served
from mmdemo.settings import Settings
from mmdemo.settings import load as load_settings
from mmdemo.tasks import AuxiliaryHead, Task
from mmdemo.values.analysis import AttributionReport, ExplanationSet, ForwardPass, MapRequest
from mmdemo.values.promise import ASKED_ALWAYS
from mmdemo.values.samples import Explanation, Features, FlagReason, HeadAnswer, Inputs, Prediction, Sample
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar

_log = logging.getLogger(__name__)


class Predictor:
    """Answers for one task, from any number of threads.

    Without `version` it serves the champion and follows its pointer; with one (a name or a folder) it stays there.
    """

    def __init__(self, task: str | Task, version: str | Path | None = None, settings: Settings | None = None) -> None:
        """Load nothing yet. Raises UnknownName, ManifestError."""
        self._settings = settings or load_settings()
        self.task = task if isinstance(task, Task) else tasks.get(task, self._settings.task_dir)
        self._versions = Versions(self._settings)
        self._wanted = version
        self._loading = threading.Lock()
        self._served: Served | None = None
        self._refused: Path | None = None  # a champion that could not be loaded: not tried at every call

    @property
    def model_version(self) -> str:
        """The version that answers now."""
        return self.about.version

    @property
    def about(self) -> Sidecar:
        """What stands beside the weights of the version that answers now."""
        return self._current().sidecar

    @property
    def stands_in_for(self) -> str | None:
        """The version that should answer, where another one does because it cannot be loaded; "" for none that is."""
        pointed = None if self._wanted is not None else self._versions.pointed(self.task.name)
        if pointed is None or self._served is None or pointed == self._served.sidecar.version:
            return None
        refused = self._refused is not None and self._refused.name == pointed
        return pointed if refused or not pointed else None

    @property
    def methods(self) -> tuple[str, ...]:
        """The explanation methods of the version that answers now."""
        return explain.methods_of(self._current().model)

    def predict(self, sample: Sample, explain: str = "none") -> Prediction:
        """Decode and answer; `explain` is "none", "default" or a method. Raises BadInput, UnknownName, CheckpointError.

        The default explanation takes no further pass of the encoders.
        """
        start = time.perf_counter()
        return self._predict(decode.decode(sample, self.task), explain, start)[0]

    def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
        """Answer for a sample that `decode` has read already."""
        return self.answer(inputs, explain)[0]

    def answer(self, inputs: Inputs, explain: str = "none") -> tuple[Prediction, ForwardPass]:
        """Answer for a decoded sample, and return its forward pass, of which more can be asked."""
        return self._predict(inputs, explain, time.perf_counter())

    def forward(self, inputs: Inputs) -> ForwardPass:
        """Return the forward pass of a decoded sample. Raises BadInput."""
        self.check(inputs)
        return self._current().forward(inputs)

    def explain(
        self, sample: Sample, method: str = "default", target: str | None = None, against: str | None = None
    ) -> Explanation:
        """Return what speaks for `target` (None: the answer), rather than for `against` (None: all others).

        Raises BadInput, UnknownName (method, value, or a value against itself), CheckpointError.
        """
        if method == explain.NONE:
            raise UnknownName("unknown_method", method=method, known=", ".join(("default", *self.methods)))
        start = time.perf_counter()
        prediction, _ = self._predict(decode.decode(sample, self.task), method, start, target, against)
        assert prediction.explanation is not None
        return prediction.explanation

    def study(self, forward: ForwardPass) -> ExplanationSet:
        """Return the maps that cost about as much as an answer, and what met what."""
        served = self._current()
        return analysis.maps_for(served.aimed(forward), served.sidecar.version)

    def weigh(self, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Return what decided the answer, and how far the map that is asked for can be trusted. Raises UnknownName."""
        served = self._current()
        return analysis.attribute_and_test(served.aimed(forward), request, served.sidecar.version)

    def what_if(self, forward: ForwardPass, units: Collection[int], modalities: Collection[str]) -> dict[str, float]:
        """Return the probabilities of all answers that can be listed, without units of the maps and without modalities.

        See `analysis.without_units`. They are as sure as an answer to the whole sample may be: what is left is always
        strange.
        """
        served = self._current()
        aimed = served.aimed(forward)
        left = analysis.without_units(aimed, units, modalities)
        outputs = served.outputs(left, served.aimed(served.forward(left)).output)
        strange = bool(_strange(served.task, served, aimed.inputs, aimed.encoded, aimed.output))
        shares = answering.KINDS[self.task.kind].shares
        return shares(served.asking(aimed.inputs).task, served.answers, outputs, strange)

    def check(self, inputs: Inputs) -> None:
        """Raise BadInput for a decoded sample that is refused all the same: sound in which nobody speaks."""
        if self.task.limits.speech and inputs.audio is not None and not speech.is_heard(inputs.audio):
            raise BadInput("no_speech")

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return what the encoders of the version that answers now make of decoded samples, all in one pass."""
        served = self._current()
        with torch.inference_mode():
            alike = served.model.alike(served.model.encode(served.processor(batch).batch))
        vectors = {name: values.numpy() for name, values in alike.items()}
        by_sample = tuple({name: vectors[name][row] for name in item.modalities} for row, item in enumerate(batch))
        return Features(served.sidecar.version, by_sample)

    def features_of(self, forward: ForwardPass) -> Features:
        """Return what `features` does, of a sample that has gone through."""
        served = self._current()
        with torch.inference_mode():
            alike = served.model.alike(served.aimed(forward).tokens)
        return Features(served.sidecar.version, ({name: values[0].numpy() for name, values in alike.items()},))

    def _predict(
        self, inputs: Inputs, method: str, start: float, target: str | None = None, against: str | None = None
    ) -> tuple[Prediction, ForwardPass]:
        served = self._current()
        chosen = explain.resolve(method, served.model)
        for value in filter(None, (target, against)):
            if not targets.KINDS[self.task.kind].check(value, served.answers):
                raise UnknownName("unknown_label", label=value, task=self.task.name, known=", ".join(served.answers))
        self.check(inputs)
        forward = served.forward(inputs, attentive=chosen is not None)
        aimed = served.aimed(forward, attentive=chosen is not None)
        strange_notes = _strange(served.task, served, inputs, aimed.encoded, aimed.output)
        strange, outputs = bool(strange_notes), served.outputs(inputs, aimed.output)
        asking = served.asking(inputs)
        answer, confidence = answering.KINDS[self.task.kind].answer(asking.task, served.answers, outputs, strange)
        if against == (target or answer.value):
            raise UnknownName("against_itself", label=against)
        low = confidence < asking.threshold or asking.threshold >= ASKED_ALWAYS
        aimed = replace(aimed, target=target or answer.value, against=against)
        prediction = Prediction(
            sample_id=decode.sample_id(inputs, self.task.name),
            task=self.task.name,
            kind=self.task.kind,
            answer=answer,
            confidence=confidence,
            threshold=asking.threshold,
            promise=asking.promise,
            flagged=strange or low,
            reason=_reason(answer.value, strange, low),
            modalities=inputs.modalities,
            model_version=served.sidecar.version,
            notes=(*strange_notes, *inputs.notes, *_notes(served.task, served, inputs, aimed.encoded)),
            heads={head.name: _head_answer(head, asking.task, aimed.output, strange) for head in served.task.heads},
            capped=strange,
            explanation=None if chosen is None else explain.explain(chosen, aimed),
            latency_ms=round((time.perf_counter() - start) * 1000, 1),
        )
        return prediction, forward

    def _current(self) -> Served:
        """Return the version to answer with; while one thread loads a new champion, the others keep the old one."""
        served = self._served
        if served is not None and self._wanted is not None:
            return served
        folder = self._folder(served)
        if served is not None and folder in (served.folder, self._refused):
            return served
        if not self._loading.acquire(blocking=served is None):
            assert served is not None
            return served
        try:
            return self._load(folder)
        finally:
            self._loading.release()

    def _load(self, folder: Path) -> Served:
        if self._served is not None and self._served.folder == folder:
            return self._served
        try:
            self._served = loading.load(folder, self.task)
        except CheckpointError as error:
            key = "cli.stays" if self._served else "cli.serves_instead"
            self._served = self._served or self._fallback(error)
            _log.error("%s", locale.text(key, version=self._served.sidecar.version, detail=error))
            self._refused = folder
        else:
            if self.stands_in_for == "":
                _log.error(
                    "%s",
                    locale.text("status.pointer_damaged", task=self.task.name, version=self._served.sidecar.version),
                )
        return self._served

    def _fallback(self, error: CheckpointError) -> Served:
        """Return the best other version that loads, where this one follows the pointer. Raises `error`."""
        for name in () if self._wanted is not None else self._versions.candidates(self.task.name)[1:]:
            with contextlib.suppress(MmdemoError):
                return loading.load(self._versions.path(self.task.name, name), self.task)
        raise error

    def _folder(self, served: Served | None) -> Path:
        """Return the folder of the version to serve; one that is served already outlives a home that is gone."""
        if self._wanted is not None and Path(self._wanted).is_dir():
            return Path(self._wanted)
        if served is not None and self._wanted is None and self._versions.pointed(self.task.name) is None:
            return served.folder
        try:
            return self._versions.path(self.task.name, str(self._wanted or self._versions.champion(self.task.name)))
        except MmdemoError:
            if served is None:
                raise
            return served.folder


def _reason(value: str, strange: bool, low: bool) -> str | None:
    if strange:
        return FlagReason.UNFAMILIAR
    return FlagReason.LOW_CONFIDENCE if low else FlagReason.NONE_OF_THESE if value == NONE_OF_THESE else None


def _head_answer(head: AuxiliaryHead, task: Task, output: MultimodalOutput, strange: bool) -> HeadAnswer:
    """Return a further answer; its probabilities are not calibrated, but no surer of what is strange either."""
    assert output.further is not None
    probabilities = ClassificationHead.probabilities(output.further[head.name][0]).numpy()  # (labels,)
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
    by_label = dict(zip(head.label_names, map(float, probabilities), strict=True))
    return HeadAnswer(max(by_label, key=lambda label: by_label[label]), by_label)


def _strange(task: Task, served: Served, inputs: Inputs, encoded: Encoded, output: MultimodalOutput) -> tuple[str, ...]:
    """Return a note for each way in which a sample is unlike what the version learned from."""
    return (*_strange_caption(task, served, inputs, encoded), *_unfamiliar(served, output))


def _strange_caption(task: Task, served: Served, inputs: Inputs, encoded: Encoded) -> tuple[str, ...]:
    frontend = served.processor.text
    if inputs.text is None or frontend is None:
        return ()
    if language.is_foreign(inputs.text, task.languages):
        return ("other_language",)
    if language.is_unclear(inputs.text, task.languages, frontend.knows):
        return ("language_unclear",)
    # Beside a picture, signs that say nothing do no harm.
    unread = encoded.unread[0] or language.is_wordless(inputs.text)
    return ("text_unread",) if unread and inputs.modalities == ("text",) else ()


def _unfamiliar(served: Served, output: MultimodalOutput) -> tuple[str, ...]:
    """Return a note for each modality that lies farther from the training samples than the version's limit."""
    features = {name: means.numpy() for name, means in (output.pooled or {}).items()}
    beyond = out_of_distribution.strange(features, served.reference_stats, served.sidecar.familiarity)
    return tuple(f"unfamiliar_{name}" for name, far in beyond.items() if far[0])


def _notes(task: Task, served: Served, inputs: Inputs, encoded: Encoded) -> tuple[str, ...]:
    used = f"used_{inputs.modalities[0]}_only" if len(inputs.modalities) == 1 else "used_some"
    notes = {
        used: len(inputs.modalities) < len(task.modalities),
        "text_truncated": encoded.truncated[0],
        "too_few": bool(set(inputs.modalities) & set(served.sidecar.too_few)),
    }
    return tuple(name for name, holds in notes.items() if holds)
