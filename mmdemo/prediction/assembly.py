"""From what a forward pass says of one sample to the answer that is served: calibrated, doubted where it is strange.

How the outputs of a head become an answer is the business of its kind: KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmdemo import decode
from mmdemo.answers import CLASSIFICATION, NONE_OF_THESE, LabelAnswer
from mmdemo.checks import language, out_of_distribution
from mmdemo.checks.out_of_distribution import cap_confidence
from mmdemo.model import Encoded, MultimodalOutput
from mmdemo.model.heads import ClassificationHead
from mmdemo.prediction.loading import Served
from mmdemo.tasks import AuxiliaryHead, Task
from mmdemo.values.promise import ASKED_ALWAYS
from mmdemo.values.samples import SUSPENDED, FlagReason, HeadAnswer, Inputs, Prediction


@dataclass(frozen=True)
class Answering:
    """How one kind answers. Of a version, `answers` are all values that it can list, in the order of its outputs.

    Where a sample is strange, nothing is surer than the task's threshold allows without a person.
    """

    # task, answers, calibrated outputs (k,), strange → the answer, and the probability in [0, 1] that it is right
    answer: Callable[[Task, Sequence[str], Tensor, bool], tuple[Any, float]]
    # the same → value → its probability, as a what-if shows it; empty where values can't be listed
    shares: Callable[[Task, Sequence[str], Tensor, bool], dict[str, float]]


def label(task: Task, answers: Sequence[str], logits: Tensor, strange: bool) -> tuple[LabelAnswer, float]:
    """Return the likeliest label; "none of these" where a version knows it and finds it likeliest."""
    shares = ClassificationHead.probabilities(logits).numpy()  # (answers,)
    answer = answers[int(shares.argmax())]
    # What "none of these" has is spread over the labels: one of them is right as often where one must be given.
    none = float(shares[-1]) if NONE_OF_THESE in answers else None
    probabilities = shares[: len(task.labels)] + (none or 0.0) / len(task.labels)  # (labels,)
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
        none = None if none is None else min(none, task.threshold - out_of_distribution.MARGIN)
    by_label = dict(zip(task.label_names, map(float, probabilities), strict=True))
    return LabelAnswer(answer, by_label, none), by_label.get(answer, none or 0.0)


def label_shares(task: Task, answers: Sequence[str], logits: Tensor, strange: bool) -> dict[str, float]:
    """Return the probability of each label, and of "none of these" where the version knows it."""
    probabilities = ClassificationHead.probabilities(logits).numpy()
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
    return dict(zip(answers, map(float, probabilities), strict=True))


KINDS: dict[str, Answering] = {CLASSIFICATION: Answering(label, label_shares)}


@dataclass(frozen=True)
class SampleOutput:
    """What a forward pass says of one of its samples: a row of each of its tensors."""

    inputs: Inputs
    logits: Tensor  # (k,) the head's outputs
    further: Mapping[str, Tensor]  # further answer → (labels,)
    means: Mapping[str, Tensor]  # modality that the sample has → (d,) the mean of its tokens before the fusion
    truncated: bool  # the caption is longer than what is read
    unread: bool  # the caption holds nothing that the tokenizer knows

    @classmethod
    def of(cls, inputs: Inputs, encoded: Encoded, output: MultimodalOutput, row: int = 0) -> SampleOutput:
        """Return what stands in `row` of a pass of samples, `inputs` or a part of it among them."""
        assert output.logits is not None
        means = output.pooled or {}
        return cls(
            inputs,
            output.logits[row],
            {name: logits[row] for name, logits in (output.further or {}).items()},
            {name: means[name][row] for name in inputs.modalities if name in means},
            encoded.truncated[row] and inputs.text is not None,
            encoded.unread[row] and inputs.text is not None,
        )


def assemble(served: Served, said: SampleOutput) -> Prediction:
    """Return the answer to a sample, without an explanation and in no time."""
    task, inputs = served.task, said.inputs
    strange_notes = strangeness(served, said)
    strange, outputs = bool(strange_notes), calibrated(served, said)
    asking = served.asking(inputs)
    answer, confidence = KINDS[task.kind].answer(asking.task, served.answers, outputs, strange)
    low = confidence < asking.threshold or asking.threshold >= ASKED_ALWAYS
    return Prediction(
        sample_id=decode.sample_id(inputs, task.name),
        task=task.name,
        kind=task.kind,
        answer=answer,
        confidence=confidence,
        threshold=asking.threshold,
        promise=asking.promise,
        flagged=strange or low,
        reason=_reason(answer.value, strange, low),
        modalities=inputs.modalities,
        model_version=served.sidecar.version,
        notes=(*strange_notes, *([SUSPENDED] if asking.suspended else []), *inputs.notes, *_notes(served, said)),
        heads={head.name: _head_answer(head, asking.task, said, strange) for head in task.heads},
        capped=strange,
        latency_ms=0.0,
    )


def calibrated(served: Served, said: SampleOutput) -> Tensor:
    """Return the head's outputs (k,) as they are served."""
    return served.sidecar.scaling(said.inputs.modalities)(said.logits)


def strangeness(served: Served, said: SampleOutput) -> tuple[str, ...]:
    """Return a note for each way in which a sample is unlike what the version learned from."""
    return (*_strange_caption(served, said), *_unfamiliar(served, said))


def _reason(value: str, strange: bool, low: bool) -> str | None:
    if strange:
        return FlagReason.UNFAMILIAR
    return FlagReason.LOW_CONFIDENCE if low else FlagReason.NONE_OF_THESE if value == NONE_OF_THESE else None


def _head_answer(head: AuxiliaryHead, task: Task, said: SampleOutput, strange: bool) -> HeadAnswer:
    """Return a further answer; its probabilities are not calibrated, but no surer of what is strange either."""
    probabilities = ClassificationHead.probabilities(said.further[head.name]).numpy()  # (labels,)
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
    by_label = dict(zip(head.label_names, map(float, probabilities), strict=True))
    return HeadAnswer(max(by_label, key=lambda label: by_label[label]), by_label)


def _strange_caption(served: Served, said: SampleOutput) -> tuple[str, ...]:
    frontend, caption, languages = served.processor.text, said.inputs.text, served.task.languages
    if caption is None or frontend is None:
        return ()
    if language.is_foreign(caption, languages):
        return ("other_language",)
    if language.is_unclear(caption, languages, frontend.knows):
        return ("language_unclear",)
    # Beside a picture, signs that say nothing do no harm.
    unread = said.unread or language.is_wordless(caption)
    return ("text_unread",) if unread and said.inputs.modalities == ("text",) else ()


def _unfamiliar(served: Served, said: SampleOutput) -> tuple[str, ...]:
    """Return a note for each modality that lies farther from the training samples than the version's limit."""
    features = {name: mean[None].numpy() for name, mean in said.means.items()}
    beyond = out_of_distribution.strange(features, served.reference_stats, served.sidecar.familiarity)
    return tuple(f"unfamiliar_{name}" for name, far in beyond.items() if far[0])


def _notes(served: Served, said: SampleOutput) -> tuple[str, ...]:
    there = said.inputs.modalities
    used = f"used_{there[0]}_only" if len(there) == 1 else "used_some"
    notes = {
        used: len(there) < len(served.task.modalities),
        "text_truncated": said.truncated,
        "too_few": bool(set(there) & set(served.sidecar.too_few)),
    }
    return tuple(name for name, holds in notes.items() if holds)
