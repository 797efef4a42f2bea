"""Encoders as they answer: what their batch norms do is done by the convolutions before them, in fewer passes."""

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmdemo.model.encoders.interface import ModalityEncoder

Pair = tuple[str, str]  # names of a convolution, and of the batch norm that it goes through


def folded(encoder: ModalityEncoder) -> ModalityEncoder:
    """Return an encoder that makes the same of everything, up to rounding; itself where it has nothing to fold.

    A batch norm that keeps its statistics is affine (Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 2), as a
    convolution is. What is returned answers alone: nothing learns in it.
    """
    if not any(True for module in encoder.modules() for _ in _pairs(module)):
        return encoder
    folding = copy.deepcopy(encoder).eval()
    for module in list(folding.modules()):
        for convolution, norm in list(_pairs(module)):
            setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
            setattr(module, norm, nn.Identity())
            _spare_copies(module)
    return folding


def _pairs(module: nn.Module) -> Iterator[Pair]:
    """Yield the convolutions of which only a batch norm reads: by their names, or by their places in a sequence."""
    children = dict(module.named_children())
    if type(module).forward is nn.Sequential.forward:
        candidates = list(pairwise(children))
    else:
        candidates = [("convolution", "normalization"), *((name, f"{name}_norm") for name in children)]
    for convolution, norm in candidates:
        if isinstance(children.get(convolution), nn.Conv2d) and isinstance(children.get(norm), nn.BatchNorm2d):
            yield convolution, norm


def _spare_copies(module: nn.Module) -> None:
    """Let a layer of transformers write over what its convolution made, and leave the padding to that."""
    layer: Any = module
    if isinstance(getattr(layer, "activation", None), nn.ReLU | nn.ReLU6):
        layer.activation.inplace = True
    if not getattr(getattr(layer, "config", None), "tf_padding", False):
        return
    convolution = layer.convolution
    if convolution.stride == convolution.dilation == (1, 1):  # TensorFlow pads both sides alike then
        convolution.padding = tuple(side // 2 for side in convolution.kernel_size)
        layer.config = copy.copy(layer.config)
        layer.config.tf_padding = False
