"""Training against the worst small step: fusion tokens are moved to where the loss grows most, and learned from there.

FGM: Miyato, Dai and Goodfellow, "Adversarial training methods for semi-supervised text classification", ICLR 2017,
section 3; several steps are PGD: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR
2018, equation 2. Tokens are moved where the encoders hand them to the fusion, so it works for every modality and for
frozen encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

TINY = 1e-12


def loss(projections: nn.ModuleDict, forward: Callable[[], Tensor], size: float, steps: int) -> Tensor:
    """Return the mean of the loss as it is and the loss after the worst step of `size`, in shares of a sample's tokens.

    `forward` returns the loss of one batch; it is called `steps` + 1 times, with the same dropout each time.
    """
    draws = _draws()
    with _moved(projections, {}) as tokens:
        clean = worst = forward()
    shifts: dict[str, Tensor] = {}
    for _ in range(steps):
        shifts = _climb(worst, tokens, shifts, size, min(1.0, 2.5 / steps))  # Madry's stride
        _restore(draws)
        with _moved(projections, shifts) as tokens:
            worst = forward()
    return (clean + worst) / 2


def _climb(
    worst: Tensor, tokens: Mapping[str, Tensor], before: Mapping[str, Tensor], size: float, stride: float
) -> dict[str, Tensor]:
    """Return the shifts after one more step uphill, none longer than `size`."""
    names = list(tokens)
    gradients = torch.autograd.grad(worst, [tokens[name] for name in names], retain_graph=True)
    after = {}
    for name, gradient in zip(names, gradients, strict=True):
        longest = size * _norm(tokens[name] - before.get(name, 0.0))
        moved = before.get(name, 0.0) + stride * longest * gradient / _norm(gradient).clamp_min(TINY)
        after[name] = (moved * (longest / _norm(moved).clamp_min(TINY)).clamp_max(1.0)).detach()
    return after


def _norm(tokens: Tensor) -> Tensor:
    return tokens.detach().float().flatten(1).norm(dim=1)[:, None, None]  # (rows, 1, 1)


def _draws() -> tuple[Tensor, Tensor | None]:
    return torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_available() else None


def _restore(draws: tuple[Tensor, Tensor | None]) -> None:
    torch.set_rng_state(draws[0])
    if draws[1] is not None:
        torch.cuda.set_rng_state(draws[1])


@contextmanager
def _moved(projections: nn.ModuleDict, shifts: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Add `shifts` (rows, n, d) to what the projections return while the block lasts; yields the sums, by modality."""
    sums: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[..., Tensor]:
        def add(_module: nn.Module, _inputs: Any, tokens: Tensor) -> Tensor:
            sums[name] = tokens if name not in shifts else tokens + shifts[name]
            return sums[name]

        return add

    handles = [module.register_forward_hook(hook(name)) for name, module in projections.items()]
    try:
        yield sums
    finally:
        for handle in handles:
            handle.remove()
