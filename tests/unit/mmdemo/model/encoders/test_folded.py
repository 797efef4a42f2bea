"""A folded encoder says what the encoder says, in fewer passes, and leaves it as it is."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops.misc import Conv2dNormActivation
from transformers import (
    MobileNetV1Config,
    MobileNetV1Model,
    MobileNetV2Config,
    MobileNetV2Model,
    RegNetConfig,
    RegNetModel,
    ResNetConfig,
    ResNetModel,
)

from mmdemo.model.encoders.cnn import LogMelCnn, SmallCnn
from mmdemo.model.encoders.folded import folded

SIDE = 33  # odd: padding is another one in each layer


def mobilenet(padding: bool) -> nn.Module:
    return MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.35, tf_padding=padding))


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v1": lambda: MobileNetV1Model(MobileNetV1Config(depth_multiplier=0.25)),
    "mobilenet_v2": lambda: mobilenet(True),
    "mobilenet_v2 of torch": lambda: mobilenet(False),
    "resnet": lambda: ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2])),
    "regnet": lambda: RegNetModel(RegNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=8)),
    "sequence": lambda: nn.Sequential(Conv2dNormActivation(3, 8), Conv2dNormActivation(8, 8, stride=2)),
    "small_cnn": lambda: SmallCnn(SIDE, (8, 16)),
}


def settled(encoder: nn.Module) -> nn.Module:
    """Return it with statistics and scales as training leaves them: no two alike, some below 0."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.5)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return encoder.eval()


def said(encoder: nn.Module, pictures: Tensor) -> Tensor:
    with torch.inference_mode():
        output = encoder(pictures)
    return output[0] if isinstance(output, tuple) else getattr(output, "last_hidden_state", output)


@pytest.mark.parametrize("name", BUILDERS)
def test_it_says_the_same_and_has_no_batch_norm(name: str) -> None:
    torch.manual_seed(0)
    encoder = settled(BUILDERS[name]())
    pictures = torch.randn(2, 3, SIDE, SIDE)
    before, weights = said(encoder, pictures), copy.deepcopy(encoder.state_dict())
    folding = folded(encoder)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folding.modules())
    torch.testing.assert_close(said(folding, pictures), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))
    assert before.std() > 0 and torch.equal(said(encoder, pictures), before)
    assert all(torch.equal(value, weights[key]) for key, value in encoder.state_dict().items())


def test_a_sound_encoder_of_ours_says_the_same_of_padded_sounds() -> None:
    torch.manual_seed(0)
    encoder = settled(LogMelCnn(16, (4, 8, 8, 8)))
    features, frames = torch.randn(2, 16, 40), torch.tensor([40, 17])
    with torch.inference_mode():
        before, folding = encoder(features, frames), folded(encoder)
        after = folding(features, frames)
    torch.testing.assert_close(after[0], before[0], rtol=1e-4, atol=1e-4)
    assert torch.equal(after[1], before[1]) and not any(isinstance(part, nn.BatchNorm2d) for part in folding.modules())


def test_one_without_batch_norms_is_itself() -> None:
    encoder = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.LayerNorm(4))
    assert folded(encoder) is encoder
