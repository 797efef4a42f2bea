"""Every encoder meets every fusion: two steps of training, saved, loaded, and the logits are the same to the last bit.

One model has an encoder of each modality, so as many rows as the longest list of encoders hold them all.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo.model import MultimodalConfig, MultimodalModel, MultimodalProcessor
from mmdemo.model.encoders import ENCODERS
from mmdemo.model.fusion import FUSIONS
from mmdemo.samples import MODALITIES
from mmdemo.tasks import Limits
from tests import tiny, tiny_checkpoints
from tests.tiny_checkpoints import CHECKPOINTS

pytestmark = pytest.mark.slow

Made = tuple[MultimodalConfig, MultimodalProcessor]
AUDIO_S = 1.0  # longest clip: two of the families hear little more
SMALL = {"torchvision": {"name": "shufflenet_v2_x0_5", "size": 32}, "small_cnn": {"size": 16}}
CAPTIONS = [tiny.inputs(seed).text for seed in range(4)]
BATCH = [tiny.inputs(0, seconds=0.1), tiny.inputs(1, ("image",)), tiny.inputs(2, ("text", "audio"), seconds=0.2)]
LABELS = torch.tensor([0, 1, 1])


def kinds(modality: str) -> list[tuple[str, str]]:
    """Return the modality's encoders: type, and family where it loads checkpoints."""
    families = [("auto", family) for of, family in CHECKPOINTS if of == modality]
    return [*families, *[(kind, "") for of, kind in ENCODERS if of == modality and kind != "auto"]]


KINDS = {modality: kinds(modality) for modality in MODALITIES}
ROWS = [
    {modality: found[number % len(found)] for modality, found in KINDS.items()}
    for number in range(max(map(len, KINDS.values())))
]


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: "-".join(family or kind for kind, family in row.values()))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What models of three encoders are made from, and the processor they share."""
    folder = tmp_path_factory.mktemp("row")
    entries = {}
    for modality, (kind, family) in request.param.items():
        entries[modality] = {"type": kind, **SMALL.get(kind, {})}
        if family:
            start = tiny_checkpoints.write(folder / modality, CHECKPOINTS[modality, family])
            entries[modality]["start"] = str(start)
    task = replace(tiny.task(folder), encoders=entries, limits=Limits(audio_max_s=AUDIO_S))
    model, processor = MultimodalModel.build(task, captions=CAPTIONS)
    return model.config, processor


@pytest.mark.parametrize("fusion", FUSIONS)
def test_trained_saved_and_loaded_it_answers_exactly_the_same(made: Made, fusion: str, tmp_path: Path) -> None:
    config, processor = made
    torch.manual_seed(0)
    model = MultimodalModel(MultimodalConfig(**{**config.to_dict(), "fusion": fusion})).train()
    tensors, optimizer = processor(BATCH).tensors, torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        model(**tensors, labels=LABELS).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded, reader = MultimodalModel.load(tmp_path)
    with torch.no_grad():
        before, after = model(**tensors).logits, loaded(**reader(BATCH).tensors).logits
    assert before.dtype == torch.float32 and before.isfinite().all()
    assert torch.equal(before, after)


def test_the_rows_hold_every_encoder() -> None:
    held = {(modality, kind) for row in ROWS for modality, (kind, _) in row.items()}
    assert held == set(ENCODERS)
    assert {(m, family) for row in ROWS for m, (_, family) in row.items() if family} == set(CHECKPOINTS)
