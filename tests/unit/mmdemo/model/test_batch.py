"""A batch holds by modality what its encoder reads, or its tokens; all of it goes to a device together."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import torch

from mmdemo.model import MultimodalModel
from mmdemo.model.batch import Batch, EncoderInputs, EncoderTokens
from mmdemo.training.data.datasets import Item, LabelledBatch, collate
from mmdemo.values.samples import MODALITIES, Inputs
from tests import tiny

BATCH = [tiny.inputs(1), tiny.inputs(2, ("image",)), tiny.inputs(3, ("audio",), 0.6), Inputs(text="the dog")]


def tensors(value: object) -> list[torch.Tensor]:
    """Return every tensor of a batch."""
    if isinstance(value, torch.Tensor):
        return [value]
    if is_dataclass(value):
        return [tensor for item in fields(value) for tensor in tensors(getattr(value, item.name))]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [tensor for part in parts for tensor in tensors(part)]


@pytest.fixture
def built(tmp_path: Path):
    model, processor = MultimodalModel.build(tiny.task(tmp_path), tiny.starts(tmp_path))
    return model.eval(), processor


def test_every_tensor_goes_to_the_device(built) -> None:
    items = [Item(inputs, 1, further=(0,), constructed=True) for inputs in BATCH]
    labelled = collate(built[1])(items)
    cached = EncoderTokens(torch.zeros(4, 2, 3), torch.ones(4, 2, dtype=torch.bool))
    labelled = LabelledBatch(
        Batch({**labelled.inputs.modalities, "text": cached}, labelled.inputs.constructed),
        labelled.targets,
        labelled.further_labels,
    )
    moved = labelled.to("meta")
    assert len(tensors(labelled)) == len(tensors(moved)) == 2 + 1 + 2 + 2 + 1 + 2
    assert {tensor.device.type for tensor in tensors(moved)} == {"meta"}


@torch.no_grad()
def test_tokens_that_an_encoder_made_before_answer_as_what_it_reads(built) -> None:
    model, processor = built
    batch = processor(BATCH).batch
    cached = {}
    for name, modality_inputs in reversed(batch.modalities.items()):  # whatever order they come in
        rows = modality_inputs.present.nonzero()[:, 0]
        tokens, real = modality_inputs.encoded_by(model.encoders[name], rows)
        values, mask = torch.zeros(len(BATCH), *tokens.shape[1:]), torch.zeros(len(BATCH), real.shape[1], dtype=bool)
        values[rows], mask[rows] = tokens, real
        cached[name] = EncoderTokens(values, mask)
        assert cached[name].present.tolist() == [name in inputs.modalities for inputs in BATCH]
    whole = model(batch)
    model.encoders.requires_grad_(False)
    for names in (("text",), ("image", "audio"), MODALITIES):
        mixed = model(Batch({**cached, **{n: batch.modalities[n] for n in MODALITIES if n not in names}}))
        assert list(mixed.tokens.spans) == list(MODALITIES)
        assert torch.equal(mixed.logits, whole.logits)


def test_an_encoder_is_not_asked_for_tokens_that_are_there(built) -> None:
    def encoder(*_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise AssertionError("asked again")

    rows = torch.tensor([1])
    tokens = EncoderTokens(torch.arange(12.0).view(2, 3, 2), torch.tensor([[True, False, False], [True, True, False]]))
    values, mask = tokens.encoded_by(encoder, rows)
    assert values.tolist() == [[[6, 7], [8, 9], [10, 11]]] and mask.tolist() == [[True, True, False]]
    read = EncoderInputs((torch.tensor([5, 6]),), torch.tensor([True, True]))
    assert read.encoded_by(lambda numbers: (numbers, numbers > 5), rows)[1].tolist() == [True]
