"""One tiny model of all modalities for the facts that only read it."""

import pytest
import torch

from mmdemo.model import MultimodalModel, MultimodalProcessor
from tests import tiny

Built = tuple[MultimodalModel, MultimodalProcessor]


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(tiny.task(folder), tiny.starts(folder))
    torch.nn.init.normal_(model.fusion.answer)  # an answer token that looks around
    return model.eval(), processor


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
