"""Which weights a training ends with."""

import torch
from torch import nn

from mmdemo.training.fitting.weight_selection import WeightSelector


def test_the_average_follows_fast_at_first_and_slowly_later() -> None:
    model = nn.Linear(1, 1)
    selector = WeightSelector(model, 0.999, patience=0)  # type: ignore[arg-type]
    for value in (0.0, *[1.0] * 200, 0.0):
        nn.init.constant_(model.weight, value)
        selector.on_step_end(None, None, None, model=model)
    average = selector.current(model).weight.item()
    assert 0.8 < average < 1  # the start is forgotten, the last step hardly counts
    selector.put_into(model)
    assert model.weight.item() == average


def test_without_a_decay_the_last_weights_are_kept() -> None:
    model = nn.Linear(1, 1)
    selector = WeightSelector(model, 0.0, patience=0)  # type: ignore[arg-type]
    selector.on_step_end(None, None, None, model=model)
    nn.init.constant_(model.weight, 3.0)
    selector.put_into(model)
    assert torch.equal(model.weight, torch.full((1, 1), 3.0))
