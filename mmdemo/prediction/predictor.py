"""Predictor: one sample in, one calibrated answer out, with where the model looked; swaps versions while it serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mmdemo import decode, explain, tasks
from mmdemo.bounded_memory import BoundedMemory
from mmdemo.checks import speech
from mmdemo.decode.media_memory import MediaMemory
from mmdemo.errors import BadInput, UnknownName
from mmdemo.explain import analysis, targets
from mmdemo.explain.perturbation import trust
from mmdemo.model import Loaded
from mmdemo.model.batch import Batch
from mmdemo.model.encoded import EncodedSample, TokenSource, padded
from mmdemo.model.token_memory import Content, content_digests
from mmdemo.prediction import assembly, batches, engines
from mmdemo.prediction.assembly import SampleOutput, assemble, calibrated, strangeness
from mmdemo.prediction.batches import SampleAnswers
from mmdemo.prediction.engines import EngineChoice
from mmdemo.prediction.loading import Served
from mmdemo.prediction.serving import VersionInUse
from mmdemo.prediction.thread_shares import SHARES
from mmdemo.settings import Settings
from mmdemo.settings import load as load_settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import AttributionReport, ExplanationSet, ForwardPass, MapRequest
from mmdemo.values.review import Reason
from mmdemo.values.samples import Explanation, Features, Inputs, Modalities, Prediction, Sample, subsets
from mmdemo.versions.sidecar import Sidecar

HEARD = 1_000  # sounds of which it is kept whether anybody speaks

Done = Callable[[int], None]  # is told how many more are done


def _nobody(count: int) -> None:
    pass


class Predictor:
    """Answers for one task, from any number of threads.

    Without `version` it serves the champion and follows its pointer; with one (a name or a folder) it stays there.
    """

    def __init__(
        self,
        task: str | Task,
        version: str | Path | None = None,
        settings: Settings | None = None,
        tokens_of: TokenSource | None = None,
        engine: EngineChoice | None = None,
    ) -> None:
        """Load nothing yet. Raises UnknownName, ManifestError.

        `tokens_of` may know what the encoders make of samples, where many are asked about. `engine`: the runtime that
        computes encoders; None: PyTorch.
        """
        settings = settings or load_settings()
        self.task = task if isinstance(task, Task) else tasks.get(task, settings.task_dir)
        self._tokens_of = tokens_of
        self._serving = VersionInUse(self.task, version, settings, engine)
        self._media = MediaMemory()
        self._heard = BoundedMemory[Content, bool](HEARD, lambda _: 1)

    @classmethod
    def of_page(cls, task: Task, settings: Settings) -> Predictor:
        """Return what answers on the page: PyTorch, until `equip` was called. Raises MmdemoError."""
        return cls(task, None, settings, engine=engines.for_page(settings))

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
        return self._serving.stands_in_for

    @property
    def runtime(self) -> Reason | None:
        """What computes the encoders now; None where that is PyTorch, and nothing else is wanted."""
        return self._serving.runtime

    @property
    def engine(self) -> str:
        """The name of the engine that computes the encoders now, "" where PyTorch does."""
        engine = self._current().computes
        return engine.name if engine else ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The explanation methods of the version that answers now."""
        return explain.methods_of(self._current().model)

    def predict(self, sample: Sample, explain: str = "none") -> Prediction:
        """Decode and answer; `explain` is "none", "default" or a method. Raises BadInput, UnknownName, CheckpointError.

        The default explanation takes no further pass of the encoders.
        """
        start = time.perf_counter()
        return self._predict(self._decoded(sample), explain, start)[0]

    def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
        """Answer for a sample that `decode` has read already."""
        return self.answer(inputs, explain)[0]

    def answer(self, inputs: Inputs, explain: str = "none") -> tuple[Prediction, ForwardPass]:
        """Answer for a decoded sample, and return its forward pass, of which more can be asked."""
        return self._predict(inputs, explain, time.perf_counter())

    def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
        """Ask the encoders together about decoded samples that this thread answers next, by so many threads.

        Each answer then goes on from what they made of its sample.
        """
        SHARES.take(threads)
        if len(samples) > 1:
            self._current().tokens_of(samples)

    def predict_many(
        self, samples: Iterable[Sample], done: Done = _nobody, window: int = decode.WINDOW
    ) -> Iterator[Prediction | BadInput]:
        """Yield for each sample, in their order, what `predict` returns, or the refusal that it raises.

        They are answered in batches, each out of a `window` of samples, while those of the next one are decoded; no
        more than two windows are in memory. `done` is told how many more are answered.
        """
        outcomes = self._many(samples, batches.whole, done, window)
        return (outcome if isinstance(outcome, BadInput) else outcome.whole for outcome in outcomes)

    def predict_parts(self, samples: Iterable[Sample], done: Done = _nobody) -> Iterator[SampleAnswers | BadInput]:
        """Yield the same for each subset of a sample's modalities, all that it has last; encoders are asked once."""
        return self._many(samples, subsets, done, decode.WINDOW)

    def answer_batch(self, samples: Sequence[Inputs | BadInput]) -> list[Prediction | BadInput]:
        """Return for each decoded sample what `predict_inputs` returns, or the refusal that it raises.

        What was refused before stays so. Samples of like length go through the model together. Raises CheckpointError.
        """
        outcomes = self._answers(samples, batches.whole)
        return [outcome if isinstance(outcome, BadInput) else outcome.whole for outcome in outcomes]

    def values_of(self, samples: Sequence[EncodedSample]) -> list[str]:
        """Return the values that are answered to samples of which there are tokens alone; nothing is strange."""
        return batches.values(self._current(), samples)

    @property
    def loaded(self) -> Loaded:
        """The model and processor of the version that answers now."""
        served = self._current()
        return Loaded(served.model, served.processor)

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
        prediction, _ = self._predict(self._decoded(sample), method, start, target, against)
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

    def map_shortfall(self, inputs: Inputs) -> int:
        """Return how far the map of a decoded sample's answer falls short of being faithful: see `trust.shortfall`."""
        served = self._current()
        aimed = served.aimed(served.forward(inputs))
        method = explain.resolve("default", served.model) or explain.DEFAULT
        return trust.shortfall(aimed, explain.explain(method, aimed))

    def what_if(self, forward: ForwardPass, units: Collection[int], modalities: Collection[str]) -> dict[str, float]:
        """Return the probabilities of all answers that can be listed, without units of the maps and without modalities.

        See `analysis.without_units`. They are as sure as an answer to the whole sample may be: what is left is always
        strange.
        """
        served = self._current()
        aimed = served.aimed(forward)
        left = analysis.without_units(aimed, units, modalities)
        whole = SampleOutput.of(aimed.inputs, aimed.encoded, aimed.output)
        rest = served.aimed(served.forward(left, attentive=False), attentive=False)
        outputs = calibrated(served, SampleOutput.of(left, rest.encoded, rest.output))
        shares = assembly.KINDS[self.task.kind].shares
        return shares(served.asking(whole.inputs).task, served.answers, outputs, bool(strangeness(served, whole)))

    def equip(self) -> None:
        """From here on, have the chosen runtime compute encoders, as soon as it is made beside the answers."""
        self._serving.equip()

    def forget(self, unasked_s: float = 0.0) -> None:
        """Let go of what is kept of samples that nobody asked about in so many seconds; 0: of all."""
        for memory in (self._serving, self._media, self._heard):
            memory.forget(unasked_s)

    def check(self, inputs: Inputs) -> None:
        """Raise BadInput for a decoded sample that is refused all the same: sound in which nobody speaks."""
        if not self.task.limits.speech or inputs.audio is None:
            return
        content = content_digests(inputs)["audio"]
        known = self._heard.get([content]) or {content: speech.is_heard(inputs.audio)}
        self._heard.put(known)
        if not known[content]:
            raise BadInput("no_speech")

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return what the encoders of the version that answers now make of decoded samples."""
        served = self._current()
        with torch.inference_mode():
            alike = served.model.alike(served.model.encode(Batch(padded(served.tokens_of(batch)))))
        vectors = {name: values.numpy() for name, values in alike.items()}
        by_sample = tuple({name: vectors[name][row] for name in item.modalities} for row, item in enumerate(batch))
        return Features(served.sidecar.version, by_sample)

    def features_of(self, forward: ForwardPass) -> Features:
        """Return what `features` does, of a sample that has gone through."""
        served = self._current()
        with torch.inference_mode():
            alike = served.model.alike(served.aimed(forward).tokens)
        return Features(served.sidecar.version, ({name: values[0].numpy() for name, values in alike.items()},))

    def _decoded(self, sample: Sample) -> Inputs:
        return decode.inputs_of(self._media.read(sample, self.task, decode.read))

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
        prediction = assemble(served, SampleOutput.of(inputs, aimed.encoded, aimed.output))
        aimed = replace(aimed, target=target or prediction.label, against=against)
        if against == aimed.target:
            raise UnknownName("against_itself", label=against)
        explanation = None if chosen is None else explain.explain(chosen, aimed)
        latency_ms = round((time.perf_counter() - start) * 1000, 1)
        return replace(prediction, explanation=explanation, latency_ms=latency_ms), forward

    def _many(
        self, samples: Iterable[Sample], parts: Callable[[Modalities], Sequence[Modalities]], done: Done, window: int
    ) -> Iterator[SampleAnswers | BadInput]:
        for decoded in decode.decode_ahead(samples, self.task, window):
            outcomes = self._answers(decoded, parts)
            done(len(outcomes))
            yield from outcomes

    def _answers(
        self, samples: Sequence[Inputs | BadInput], parts: Callable[[Modalities], Sequence[Modalities]]
    ) -> list[SampleAnswers | BadInput]:
        outcomes = [self._checked(sample) for sample in samples]
        taken = [outcome for outcome in outcomes if isinstance(outcome, Inputs)]
        answered = iter(batches.answers(self._current(), taken, parts, self._tokens_of))
        return [next(answered) if isinstance(outcome, Inputs) else outcome for outcome in outcomes]

    def _checked(self, sample: Inputs | BadInput) -> Inputs | BadInput:
        try:
            if isinstance(sample, Inputs):
                self.check(sample)
        except BadInput as refusal:
            return refusal
        return sample

    def _current(self) -> Served:
        SHARES.take_all()
        return self._serving.current()
