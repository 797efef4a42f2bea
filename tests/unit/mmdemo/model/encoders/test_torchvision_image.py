"""torchvision's picture models by name: their feature map is the model's own, with weights from a file or none."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.tasks import Task, load_file
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

# Name → the layer whose output, pooled or not, is what the model judges by.
LAST = {"regnet_y_400mf": "trunk_output", "shufflenet_v2_x0_5": "conv5"}
SMALLEST = "shufflenet_v2_x0_5"
SIZE_PX = 64


def task_of(folder: Path, name: str, start: str = "") -> Task:
    path = tiny.write_task(folder, ("image",))
    more = f'start = "{start}"\n' if start else ""
    entry = f'[encoders.image]\ntype = "torchvision"\nname = "{name}"\nsize = {SIZE_PX}\n{more}'
    path.write_text(path.read_text().replace(tiny.ENCODERS["image"], entry))
    return load_file(path)


def pixels(built: Built) -> Tensor:
    return built[1]([tiny.inputs(modalities=("image",))]).batch.modalities["image"].tensors[0]


def norms(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.slow
@pytest.mark.parametrize("name", LAST)
def test_regions_are_those_of_the_model_and_survive_saving(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = models.get_model(name).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    built = MultimodalModel.build(task_of(tmp_path, name, str(tmp_path / "weights.pth")))
    model = built[0].eval()
    outputs: dict[str, Tensor] = {}
    handle = whole.get_submodule(LAST[name]).register_forward_hook(lambda *call: outputs.update(map=call[2]))
    try:
        with torch.no_grad():
            whole(pixels(built))
            regions, real = model.encoders["image"](pixels(built))
    finally:
        handle.remove()
    torch.testing.assert_close(regions, outputs["map"].flatten(2).transpose(1, 2), atol=1e-5, rtol=0)
    assert real.all() and model.grid == tuple(outputs["map"].shape[2:])
    model.save_pretrained(tmp_path / "saved")
    built[1].save_pretrained(tmp_path / "saved")
    again, reader = MultimodalModel.load(tmp_path / "saved")
    sample = [tiny.inputs(modalities=("image",))]
    with torch.no_grad():
        assert torch.equal(model(built[1](sample).batch).logits, again(reader(sample).batch).logits)


@pytest.mark.parametrize("started", [True, False])
def test_statistics_are_kept_where_weights_were_trained_and_learned_where_not(started: bool, tmp_path: Path) -> None:
    torch.save(models.get_model(SMALLEST).state_dict(), tmp_path / "weights.pth")
    start = str(tmp_path / "weights.pth") if started else ""
    model, _ = MultimodalModel.build(task_of(tmp_path, SMALLEST, start))
    model.train()
    assert {norm.training for norm in norms(model)} == {not started}


@pytest.mark.parametrize("name", ["resnet1", ""])
def test_a_model_without_a_feature_map_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="efficientnet_b0"):
        MultimodalModel.build(task_of(tmp_path, name))


@pytest.mark.parametrize("start", ["IMAGENET1K_V9", "weights.pth"])
def test_weights_that_cannot_be_loaded_are_named(start: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=start):
        MultimodalModel.build(task_of(tmp_path, SMALLEST, start))
