"""Weights come back from 8 or 16 bits as what `pack` said, within half a step of each row's scale."""

from pathlib import Path

import pytest
import torch

from mmdemo.model import packing


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    rows = torch.randn(64, 96) * torch.logspace(-6, 2, 64)[:, None]  # as far apart as rows may be
    rows[3] = 0
    return {
        "matrix": rows,
        "filters": torch.randn(32, 16, 3, 3),
        "bias": torch.randn(64),
        "small": torch.randn(4, 4),
        "count": torch.tensor(7),
        "nothing": torch.zeros(0, 5),
    }


def test_eight_bits_are_within_half_a_step_of_every_row(tmp_path: Path) -> None:
    weights_before = weights()
    packing.save(packing.pack(weights_before, 8), tmp_path)
    weights_after = packing.load(tmp_path)
    assert weights_after.keys() == weights_before.keys()
    for name in ("matrix", "filters"):
        step = weights_before[name].flatten(1).abs().amax(dim=1) / packing.LARGEST
        error = (weights_after[name] - weights_before[name]).flatten(1).abs().amax(dim=1)
        assert weights_after[name].dtype == torch.float32 and (error <= step * 0.5001).all()
    assert torch.equal(weights_after["bias"], weights_before["bias"].half().float())
    assert weights_after["count"] == 7 and weights_after["count"].dtype == torch.int64


@pytest.mark.parametrize("bits", packing.BITS)
def test_what_was_packed_once_packs_to_the_same_again(bits: int) -> None:
    once = packing.unpack(packing.pack(weights(), bits))
    twice = packing.unpack(packing.pack(once, bits))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_eight_bits_take_half_the_room_of_sixteen() -> None:
    def size(bits: int) -> int:
        return sum(
            value.numel() * value.element_size() for value in packing.pack({"m": torch.randn(512, 512)}, bits).values()
        )

    assert size(8) < 0.51 * size(16)


def test_what_sixteen_bits_cannot_hold_keeps_all_of_them() -> None:
    weights_before = {"large": torch.tensor([1.0, 70_000.0]), "usual": torch.tensor([1.5])}
    weights_after = packing.pack(weights_before, 16)
    assert weights_after["large"].dtype == torch.float32 and weights_after["usual"].dtype == torch.float16
    assert torch.equal(packing.unpack(weights_after)["large"], weights_before["large"])


@pytest.mark.parametrize("bits", packing.BITS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_loaded(value: float, bits: int, tmp_path: Path) -> None:
    spoiled = packing.pack(weights(), bits)
    spoiled["bias"][5] = value
    packing.save(spoiled, tmp_path)
    with pytest.raises(ValueError, match="bias holds numbers that are not finite"):
        packing.load(tmp_path)
