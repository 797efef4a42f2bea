"""Bottleneck adapters: a narrow detour behind every block's feed-forward part, all that is trained of an encoder.

Houlsby et al., "Parameter-efficient transfer learning for NLP", ICML 2019, section 2.1, in the place of Pfeiffer et
al., "AdapterFusion", EACL 2021: one adapter a block.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class AdaptedLinear(nn.Linear):
    """A linear layer with a detour behind it; the layer's own weights keep their names."""

    down: nn.Linear
    up: nn.Linear

    def forward(self, features: Tensor) -> Tensor:
        """Return (…, out) of (…, in): y + up(GELU(down(y))) of what the layer itself returns, y."""
        y = super().forward(features)
        return y + self.up(F.gelu(self.down(y)))


def insert(backbone: nn.Module, width: int) -> int:
    """Put an adapter of `width` behind every linear layer that narrows to the backbone's width; return their number.

    Such a layer ends the feed-forward part of a block, whatever the family. The new weights change nothing yet.
    """
    hidden = getattr(getattr(backbone, "config", None), "hidden_size", 0)  # a convolutional one has none
    layers = [
        layer
        for layer in backbone.modules()
        if type(layer) is nn.Linear and layer.out_features == hidden and layer.in_features > hidden
    ]
    for layer in layers:
        layer.__class__ = AdaptedLinear
        layer.down = nn.Linear(hidden, width)
        layer.up = nn.Linear(width, hidden)
        nn.init.zeros_(layer.up.weight)
        nn.init.zeros_(layer.up.bias)
    return len(layers)
