"""Many samples through one version: those of like length go together, and each is answered as it is alone.

Nothing that is scaled depends on what else is in a batch, and padding is seen by nobody.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from mmdemo.model import Loaded
from mmdemo.model.batch import Batch
from mmdemo.model.encoded import MOST_SAMPLES, EncodedSample, TokenSource, alike, padded
from mmdemo.prediction import assembly
from mmdemo.prediction.assembly import SampleOutput, assemble
from mmdemo.prediction.loading import Served
from mmdemo.values.samples import MODALITIES, Inputs, Modalities, Prediction


def whole(modalities: Modalities) -> list[Modalities]:
    """Return all that a sample has, and no other part of it."""
    return [modalities]


@dataclass(frozen=True)
class SampleAnswers:
    """What a version makes of one sample."""

    parts: tuple[Prediction, ...]  # an answer to each of its parts, in their order
    features: dict[str, np.ndarray] = field(default_factory=dict)  # of a sample in `Features`

    @property
    def whole(self) -> Prediction:
        """The answer to all that the sample has."""
        return self.parts[-1]


def answers(
    served: Served,
    samples: Sequence[Inputs],
    parts: Callable[[Modalities], Sequence[Modalities]],
    tokens_of: TokenSource | None = None,
) -> list[SampleAnswers]:
    """Return the answers to each sample, one for each of its `parts`.

    Each modality of a sample goes through its encoder once, however many parts it is in, unless `tokens_of` knows what
    the encoders make of it. An answer's latency is its share of its batch's time.
    """
    kept = tokens_of(Loaded(served.model, served.processor), samples) if tokens_of else None
    by_place: dict[int, SampleAnswers] = {}
    for places in alike(samples):
        start = time.perf_counter()
        batch = [samples[place] for place in places]
        tokens = None if kept is None else [kept[place] for place in places]
        outputs, features = _passed(served, batch, parts(batch[0].modalities), tokens)
        of_samples = [tuple(assemble(served, said) for said in of_parts) for of_parts in zip(*outputs, strict=True)]
        share_ms = (time.perf_counter() - start) * 1000 / sum(map(len, of_samples))
        for row, place in enumerate(places):
            predictions = tuple(replace(each, latency_ms=round(share_ms, 1)) for each in of_samples[row])
            by_place[place] = SampleAnswers(predictions, {name: values[row] for name, values in features.items()})
    return [by_place[place] for place in range(len(samples))]


def values(served: Served, samples: Sequence[EncodedSample]) -> list[str]:
    """Return the values that a version answers to samples of which there are tokens alone, in their order."""
    answered: list[str] = []
    answer = assembly.KINDS[served.task.kind].answer
    for start in range(0, len(samples), MOST_SAMPLES):
        part = samples[start : start + MOST_SAMPLES]
        with torch.inference_mode():
            outputs = served.model(Batch(padded(part))).logits
        for sample, output in zip(part, outputs, strict=True):
            modalities = tuple(name for name in MODALITIES if name in sample)
            scaled = served.sidecar.scaling(modalities)(output)
            answered.append(str(answer(served.task, served.answers, scaled, False)[0].value))
    return answered


def _passed(
    served: Served, batch: Sequence[Inputs], parts: Sequence[Modalities], kept: Sequence[EncodedSample] | None
) -> tuple[list[list[SampleOutput]], dict[str, np.ndarray]]:
    """Return what one pass says of each part (first) of each sample (second), and features (b, d) by modality."""
    encoded = served.processor.captions(batch)
    with torch.inference_mode():
        tokens = served.model.encode(Batch(padded(served.encode(batch) if kept is None else kept)))
        fused = [(part, served.model.fuse(tokens.only(part))) for part in parts]
        features = {name: values.numpy() for name, values in served.model.alike(tokens).items()}
    outputs = [
        [
            SampleOutput.of(sample if part == sample.modalities else sample.only(part), encoded, output, row)
            for row, sample in enumerate(batch)
        ]
        for part, output in fused
    ]
    return outputs, features
