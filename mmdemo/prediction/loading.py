"""One version of a task's model, loaded and checked, with all that an answer needs."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError

from mmdemo import explain
from mmdemo.answers import NONE_OF_THESE
from mmdemo.bounded_memory import BoundedMemory
from mmdemo.checks import language, out_of_distribution, speech
from mmdemo.checks.out_of_distribution import ReferenceStats
from mmdemo.errors import CheckpointError
from mmdemo.explain import targets
from mmdemo.explain.maps import Measured
from mmdemo.model import Encoded, MultimodalModel, MultimodalOutput, MultimodalProcessor
from mmdemo.model.batch import Batch, Encoder
from mmdemo.model.encoded import EncodedSample, padded, tokens_in_batches
from mmdemo.model.encoders.folded import folded
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.converted import Engine
from mmdemo.model.token_memory import Content, TokenMemory, content_digests
from mmdemo.tasks import Task
from mmdemo.values.analysis import ForwardPass
from mmdemo.values.promise import ASKED_ALWAYS, Guarantee, LocalRule
from mmdemo.values.review import Reason
from mmdemo.values.samples import Inputs
from mmdemo.versions import registry, sidecar
from mmdemo.versions.sidecar import Sidecar

# What the readers of configuration, tokens and weights raise at a file that is damaged.
_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError, SafetensorError)

COPIES_BYTES = 8 * 2**20  # a visit's trust test
PASSES_BYTES = 12 * 2**20  # some two dozen with their attention, twice as many without
MEASURED_BYTES = 200 * 2**10  # what closer looks find out about a pass, at most


@dataclass(frozen=True)
class PassState:
    """What is kept of a forward pass; none of the model, which a newer version may replace meanwhile."""

    encoded: Encoded  # without its batch, which nobody needs any more
    output: MultimodalOutput
    measured: Measured

    @property
    def size(self) -> int:
        """Bytes of its large tensors."""
        assert self.output.tokens is not None
        return sum(tensor.nbytes for tensor in (self.output.tokens.values, *(self.output.attention or ())))


@dataclass(frozen=True)
class VersionMemory:
    """What one version made of samples lately, by their contents."""

    tokens: TokenMemory = field(default_factory=TokenMemory)
    copies: TokenMemory = field(
        default_factory=lambda: TokenMemory(COPIES_BYTES)
    )  # of weakened ones: they come in dozens
    passes: BoundedMemory[tuple[Content, ...], PassState] = field(
        default_factory=lambda: BoundedMemory(PASSES_BYTES, lambda state: state.size + MEASURED_BYTES)
    )

    def forget(self, unasked_s: float) -> None:
        """Let go of all that nobody asked about in so many seconds."""
        for memory in (self.tokens, self.copies, self.passes):
            memory.forget(unasked_s)


@dataclass(frozen=True)
class AskingRule:
    """When people are asked about an answer."""

    task: Task  # under whose threshold what is strange is held: never above the next one, but for a margin
    threshold: float  # confidence under which they are asked
    promise: Guarantee | None  # that this keeps; None where it is the one in the task's file
    suspended: bool = False  # what is sent here no longer fits: they are asked about every answer


@dataclass(frozen=True)
class Served:
    """One loaded version."""

    folder: Path
    task: Task  # as the version was trained for it
    about: Sidecar  # as it is in PyTorch
    model: MultimodalModel
    processor: MultimodalProcessor
    encoders: Mapping[str, ModalityEncoder]  # by modality, what reads it for answers in PyTorch
    reference_stats: dict[str, ReferenceStats]  # by modality
    local: LocalRule = field(default_factory=LocalRule)  # what this home's random checks say
    memory: VersionMemory = field(default_factory=VersionMemory)
    engine: Engine | None = None  # what computes encoders in their place; None: nothing
    why_torch: Reason | None = None  # why nothing does, where a runtime was asked to

    @property
    def computes(self) -> Engine | None:
        """The engine, as long as it did not fail."""
        return None if self.engine is None or self.engine.failure.error else self.engine

    @property
    def sidecar(self) -> Sidecar:
        """What is known of the version in the runtime that computes it."""
        return self.about.in_runtime(self.computes.name) if self.computes else self.about

    @property
    def answers(self) -> tuple[str, ...]:
        """All that it may answer, if that can be listed: labels, and NONE_OF_THESE last where it learned that."""
        return tuple(self.model.config.labels)

    def asking(self, inputs: Inputs) -> AskingRule:
        """Return when people are asked about an answer to a sample.

        As this home's checks say, where they say enough; else as promised, or as the task's file says.
        """
        task, version, subset = self.task, self.sidecar.version, sidecar.subset(inputs.modalities)
        here = self.local.keeping(version, task.promise, subset)
        kept = here or self.sidecar.keeping(task, inputs.modalities)
        record = self.local.record if here else self.sidecar.promise
        if kept is None or record is None:
            rule = AskingRule(task, task.threshold, None)
        else:
            lower = replace(task, threshold=max(out_of_distribution.MARGIN, min(task.threshold, kept.threshold)))
            rule = AskingRule(lower, kept.threshold, record.guarantee())
        if self.local.suspends(version, task.promise, subset):
            return replace(rule, threshold=ASKED_ALWAYS, promise=None, suspended=True)
        return rule

    def encode(self, samples: Sequence[Inputs]) -> list[EncodedSample]:
        """Return what the encoders make of decoded samples, whatever is known of them."""
        encoders: dict[str, Encoder] = {**self.encoders, **(self.engine.encoders if self.engine else {})}
        return tokens_in_batches(encoders, self.processor, samples)

    def tokens_of(self, samples: Sequence[Inputs]) -> list[EncodedSample]:
        """Return the same; the encoders are asked, together, about what they did not read lately.

        What answers, what-ifs and searches see of a sample comes from here.
        """
        return self.memory.tokens.of(samples, self.encode, self.memory.copies)

    def tokens_of_copies(self, copies: Sequence[Inputs]) -> list[EncodedSample]:
        """Return the same of what maps and trust tests weaken; what is kept of it takes no room from samples."""
        return self.memory.copies.of(copies, self.encode, self.memory.tokens)

    def forward(self, inputs: Inputs, attentive: bool = True) -> ForwardPass:
        """Return one pass of a sample; `attentive` with the attention of a fusion that has some.

        One that was made lately is returned again, with what was measured of it since, but not with its maps, which
        hold the caption's words.
        """
        contents = tuple(content_digests(inputs).values())
        state = self.memory.passes.get([contents]).get(contents)
        if state is None or (attentive and self._lacks_attention(state)):
            with torch.inference_mode():
                tokens = self.model.encode(Batch(padded(self.tokens_of([inputs]))))
                output = self.model.fuse(tokens, return_attention=attentive)
            state = PassState(self.processor.captions([inputs]), output, Measured(output))
            self.memory.passes.put({contents: state})
        state = replace(state, measured=replace(state.measured, maps={}))
        return ForwardPass(self.sidecar.version, inputs, state, state.size)

    def aimed(self, forward: ForwardPass, attentive: bool = True) -> explain.AimedPass:
        """Return a pass aimed at the value that it answers.

        One that another version made, or that lacks the attention that is wanted, is made anew.
        """
        state = forward.state
        assert isinstance(state, PassState)
        if (attentive and self._lacks_attention(state)) or forward.model_version != self.sidecar.version:
            return self.aimed(self.forward(forward.inputs))
        assert state.output.logits is not None
        return explain.AimedPass(
            self.model,
            self.processor,
            forward.inputs,
            state.encoded,
            state.output,
            target=targets.KINDS[self.task.kind].answered(state.output.logits[0], self.answers),
            scaling=self.sidecar.scaling(forward.inputs.modalities),
            shared=state.measured,
            tokens_of=self.tokens_of_copies,
        )

    def _lacks_attention(self, state: PassState) -> bool:
        return self.model.fusion.attends and state.output.attention is None


def load(folder: Path, task: Task) -> Served:
    """Return the version in `folder` if it fits the task; nobody removes it meanwhile. Raises CheckpointError."""
    try:
        with registry.reading(folder):
            return _load(folder, task)
    except _BROKEN as error:
        raise CheckpointError("checkpoint_broken", path=folder, detail=repr(error)) from error


def _load(folder: Path, task: Task) -> Served:
    about = sidecar.read(folder)
    sidecar.check(about, task, folder)
    with ThreadPoolExecutor(1) as beside:  # what checks captions is unpacked meanwhile
        checks = beside.submit(_load_checks, task)
        model, processor = MultimodalModel.load(folder)
        checks.result()
    further = {entry["name"]: tuple(entry["labels"]) for entry in model.config.further}
    for name, has, wanted in (
        ("labels", tuple(model.config.labels), (*task.label_names, *([NONE_OF_THESE] if about.none_of_these else []))),
        ("heads", further, task.head_labels),
    ):
        if has != wanted:
            raise CheckpointError(
                "checkpoint_does_not_fit", path=folder, task=task.name, field=name, found=has, wanted=wanted
            )
    encoders = {name: folded(cast(ModalityEncoder, encoder)) for name, encoder in model.encoders.items()}
    stats = out_of_distribution.load(folder)
    return Served(folder, task.in_profile(about.profile), about, model, processor, encoders, stats)


def _load_checks(task: Task) -> None:
    if "text" in task.modalities:
        language.load()
    if task.limits.speech:
        speech.load()
