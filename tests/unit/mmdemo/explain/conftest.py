"""One tiny model for the facts that only read it: three labels, and an answer token that looks around."""

import pytest
import torch

from mmdemo.explain import AimedPass
from mmdemo.model import MultimodalModel
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

LABELS = ("bad", "good", "odd")


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(tiny.task(folder, labels=LABELS), tiny.starts(folder))
    torch.nn.init.normal_(model.fusion.answer)
    return model.eval(), processor


@pytest.fixture(scope="package")
def aimed(built: Built) -> AimedPass:
    """One sample of all modalities behind its pass."""
    return tiny.passed(built, tiny.inputs(seconds=0.3), "good")
