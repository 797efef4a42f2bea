"""The worst step: no longer than asked for, uphill, on the same dropout, and nothing is left behind."""

import pytest
import torch
from torch import nn

from mmdemo.training.objectives import adversarial


class Fusion:
    """Two modalities whose tokens a linear head weighs; it remembers what it was handed."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.projections = nn.ModuleDict({"text": nn.Linear(3, 4), "audio": nn.Linear(3, 4)})
        self.given = torch.randn(2, 5, 3)
        self.weight = torch.randn(4)
        self.seen: list[torch.Tensor] = []
        self.drawn: list[torch.Tensor] = []

    def forward(self) -> torch.Tensor:
        self.drawn.append(torch.rand(3))
        tokens = torch.cat([module(self.given) for module in self.projections.values()], dim=1)
        self.seen.append(tokens.detach())
        return (tokens @ self.weight).square().mean()


@pytest.mark.parametrize("steps", [1, 3])
def test_the_step_has_its_length_and_goes_uphill(steps: int) -> None:
    fusion = Fusion()
    loss = adversarial.loss(fusion.projections, fusion.forward, 0.1, steps)
    assert len(fusion.seen) == steps + 1
    clean, worst = fusion.seen[0], fusion.seen[-1]
    for part in (slice(0, 5), slice(5, 10)):  # each modality's tokens
        moved = (worst - clean)[:, part].flatten(1).norm(dim=1) / clean[:, part].flatten(1).norm(dim=1)
        assert torch.all(moved <= 0.1001) and torch.all(moved > 0.05)
    losses = [float((tokens @ fusion.weight).square().mean()) for tokens in fusion.seen]
    assert losses == sorted(losses)
    assert float(loss.detach()) == pytest.approx((losses[0] + losses[-1]) / 2)


def test_every_pass_draws_alike_and_gradients_reach_the_weights() -> None:
    fusion = Fusion()
    adversarial.loss(fusion.projections, fusion.forward, 0.1, 2).backward()
    assert all(torch.equal(drawn, fusion.drawn[0]) for drawn in fusion.drawn)
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in fusion.projections.parameters())


def test_nothing_stays_behind_even_after_an_error() -> None:
    fusion = Fusion()

    def fails() -> torch.Tensor:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        adversarial.loss(fusion.projections, fails, 0.1, 1)
    assert not any(module._forward_hooks for module in fusion.projections.values())
