"""Every encoder meets every fusion: two steps of training, saved, loaded, and the logits are the same to the last bit.

One model has an encoder of each modality, so three of them hold all types. That of checkpoints is one type, whatever
the family; what each family brings is proven in test_families.py.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo.model import MultimodalConfig, MultimodalModel, MultimodalProcessor
from mmdemo.model.encoders import ENCODERS
from mmdemo.model.fusion import FUSIONS
from mmdemo.values.samples import MODALITIES
from tests import tiny, tiny_checkpoints
from tests.tiny_checkpoints import CHECKPOINTS

Made = tuple[MultimodalConfig, MultimodalProcessor]
FAMILY = {"image": "resnet", "text": "bert", "audio": "wav2vec2"}
SMALL = {"torchvision": {"name": "shufflenet_v2_x0_5", "size": 64}, "small_cnn": {"size": 16}}
CAPTIONS = [tiny.inputs(seed).text for seed in range(4)]
BATCH = [tiny.inputs(0, seconds=0.1), tiny.inputs(1, ("image",)), tiny.inputs(2, ("text", "audio"), seconds=0.2)]
LABELS = torch.tensor([0, 1, 1])
TYPES = {modality: [kind for of, kind in ENCODERS if of == modality] for modality in MODALITIES}
ROWS = list(zip(*TYPES.values(), strict=True))  # three types of each


@pytest.fixture(scope="module", params=ROWS, ids="-".join)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What models of three encoders are made from, and the processor that they share."""
    folder = tmp_path_factory.mktemp("row")
    entries = {}
    for modality, kind in zip(MODALITIES, request.param, strict=True):
        entries[modality] = {"type": kind, **SMALL.get(kind, {})}
        if kind == "auto":
            start = tiny_checkpoints.write(folder / modality, CHECKPOINTS[modality, FAMILY[modality]])
            entries[modality]["start"] = str(start)
    model, processor = MultimodalModel.build(replace(tiny.task(folder), encoders=entries), captions=CAPTIONS)
    return model.config, processor


@pytest.mark.slow
@pytest.mark.parametrize("fusion", FUSIONS)
def test_trained_saved_and_loaded_it_answers_exactly_the_same(case: Made, fusion: str, tmp_path: Path) -> None:
    config, processor = case
    torch.manual_seed(0)
    model = MultimodalModel(MultimodalConfig(**{**config.to_dict(), "fusion": fusion})).train()
    batch, optimizer = processor(BATCH).batch, torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        model(batch, labels=LABELS).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded, reader = MultimodalModel.load(tmp_path)
    with torch.no_grad():
        before, after = model(batch).logits, loaded(reader(BATCH).batch).logits
    assert before.dtype == torch.float32 and before.isfinite().all()
    assert torch.equal(before, after)
