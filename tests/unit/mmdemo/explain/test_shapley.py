"""Shapley values: what is declared of them, in games on paper and on a model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo.explain import AimedPass
from mmdemo.explain.shapley import coalitions, contributions, shapley
from mmdemo.model import MultimodalModel
from mmdemo.model.fusion import FUSIONS
from mmdemo.values.samples import MODALITIES
from mmdemo.versions.temperature_scaling import TemperatureScaling
from tests import tiny


def passed(folder: Path, fusion: str, modalities: tuple[str, ...] = MODALITIES) -> AimedPass:
    """Return one sample behind a tiny model of that fusion."""
    path = tiny.write_task(folder)
    path.write_text(path.read_text("utf-8").replace("[fusion]\n", f'[fusion]\ntype = "{fusion}"\n'), "utf-8")
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(tiny.tasks.load_file(path), tiny.starts(folder))
    return tiny.passed((model.eval(), processor), tiny.inputs(modalities=modalities, seconds=0.3), "good")


def test_the_glove_game() -> None:
    worth = {
        coalition: float("left" in coalition and len(coalition) > 1) for coalition in coalitions(["left", "a", "b"])
    }
    assert shapley(["left", "a", "b"], worth) == pytest.approx({"left": 2 / 3, "a": 1 / 6, "b": 1 / 6})


def test_symmetric_players_get_the_same_and_a_dummy_gets_nothing() -> None:
    worth = {coalition: float(len(coalition & {"image", "text"}) == 2) for coalition in coalitions(MODALITIES)}
    assert shapley(MODALITIES, worth) == {"image": 0.5, "text": 0.5, "audio": 0}


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.slow
def test_contributions_sum_to_all_less_nothing_with_every_fusion(fusion: str, tmp_path: Path) -> None:
    aimed = passed(tmp_path, fusion)
    shares = contributions(replace(aimed, scaling=TemperatureScaling(1.3)))
    assert sum(shares.values.values()) == pytest.approx(shares.whole - shares.nothing, abs=1e-9)
    assert 0 < shares.nothing < 1 and set(shares.values) == set(MODALITIES)
    assert aimed.output.logits is not None
    served = aimed.model.head.probabilities(aimed.output.logits / 1.3)[0, 1]
    assert shares.whole == pytest.approx(float(served), abs=1e-5)


def test_only_modalities_that_are_there_contribute(tmp_path: Path) -> None:
    shares = contributions(passed(tmp_path, "transformer", ("text",)))
    assert shares.values == {"text": pytest.approx(shares.whole - shares.nothing)}
