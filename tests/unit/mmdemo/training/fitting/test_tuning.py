"""A few new weights are trained beside a frozen encoder; the folder that results loads like any other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting import tuning
from mmdemo.training.fitting.inference import logits
from mmdemo.training.fitting.resuming import ResumeFolder
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.options import Options
from tests import tiny

ITEMS = [Item(tiny.inputs(seed, ("text",)), seed % 2) for seed in range(8)]
OPTIONS = Options(epochs=2, batch=4, precision="fp32", augment=False, head_lr=1e-2, rank=4)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A task and the folders of a random BERT and a random ResNet."""
    folder = tmp_path_factory.mktemp("started")
    return tiny.task(folder, ("text",)), tiny.starts(folder)


def trained_with(started, method: str):
    """Return a model that was tuned, its processor, and its encoders' weights before."""
    task, starts = started
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(task, starts)
    before = {name: value.clone() for name, value in model.state_dict().items() if name.startswith("encoders.")}
    fit(Loaded(model, processor), ITEMS, Plan(replace(OPTIONS, tuning=method), ("text",)))
    return model, processor, before


@pytest.mark.parametrize("method", tuning.METHODS)
def test_the_folder_loads_as_always_and_answers_alike(started, method: str, tmp_path: Path) -> None:
    model, processor, before = trained_with(started, method)
    assert not any("lora" in name or "ia3" in name for name, _ in model.named_parameters())
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again, _ = MultimodalModel.load(tmp_path)
    assert torch.equal(*(torch.from_numpy(logits(Loaded(m, processor), ITEMS)) for m in (model, again)))
    after = model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    new = {name for name in after if name.startswith("encoders.") and name not in before}
    assert bool(moved) == (method not in ("frozen", "adapter")), method
    assert bool(new) == (method == "adapter")


@pytest.mark.parametrize("method", ["lora", "ia3", "adapter"])
def test_nothing_changes_until_it_is_trained(started, method: str) -> None:
    task, starts = started
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(task, starts)
    model.eval()
    before = logits(Loaded(model, processor), ITEMS)
    tuning.start(model, method, tuning.Size(4, 10), ("text",))
    trained = sum(
        value.numel() for name, value in model.named_parameters() if value.requires_grad and "encoders" in name
    )
    whole = sum(value.numel() for name, value in model.named_parameters() if "encoders" in name)
    assert 0 < trained < 0.6 * whole  # of encoders 32 wide
    model.eval()
    assert abs(logits(Loaded(model, processor), ITEMS) - before).max() < 1e-5
    tuning.merge(model)
    assert abs(logits(Loaded(model, processor), ITEMS) - before).max() < 1e-5


@pytest.mark.parametrize(("method", "can"), [("lora", True), ("ia3", True), ("adalora", False), ("adapter", False)])
def test_convolutions_are_tuned_where_the_method_can_and_stay_frozen_where_not(
    started, method: str, can: bool, tmp_path
) -> None:
    _, starts = started
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image",)), starts)
    items = [Item(tiny.inputs(0, ("image",)), 0)]
    model.eval()
    before = logits(Loaded(model, processor), items)
    tuning.start(model, method, tuning.Size(4, 10), ("image",))
    assert any(p.requires_grad for p in model.encoders.parameters()) == can
    tuning.merge(model.eval())
    assert abs(logits(Loaded(model, processor), items) - before).max() < 1e-4


class Interrupted(Exception):
    """Stands for whatever ends a training between two epochs."""


class Interrupt(TrainerCallback):
    def on_epoch_begin(self, args, state, control, **kwargs):
        if state.global_step:
            raise Interrupted


@pytest.mark.slow
def test_what_adalora_has_counted_is_gone_on_with(started, tmp_path: Path) -> None:
    task, starts = started
    options = replace(OPTIONS, epochs=4, tuning="adalora")

    def run(folder: Path, *callbacks: TrainerCallback) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        loaded = MultimodalModel.build(task, starts)
        fit(loaded, ITEMS, Plan(options, ("text",)), resume=ResumeFolder(folder), callbacks=callbacks)
        return loaded.model.state_dict()

    whole = run(tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(tmp_path / "cut", Interrupt())
    again = run(tmp_path / "cut")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_an_adapter_is_trained_further(started) -> None:
    model, processor, _ = trained_with(started, "adapter")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit(Loaded(model, processor), ITEMS, Plan(replace(OPTIONS, tuning="adapter"), ("text",)))
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[-2] for name in moved if name.startswith("encoders.")} == {"down", "up"}
