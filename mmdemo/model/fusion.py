"""From the tokens of all modalities to features: which fusions there are, found in FUSIONS."""

from collections.abc import Callable

from mmdemo.errors import ManifestError
from mmdemo.model.attending import AttentionPooling, CrossAttention, Transformer
from mmdemo.model.config import MultimodalConfig
from mmdemo.model.fused import Fusion
from mmdemo.model.pooled import Concat, Gated, LateAverage, LateVote, Sum


def build(config: MultimodalConfig) -> Fusion:
    """Return an empty fusion of the configuration's type. Raises ManifestError where there is none of that name."""
    if config.fusion not in FUSIONS:
        raise ManifestError("unknown_fusion", type=config.fusion, known=", ".join(FUSIONS))
    return FUSIONS[config.fusion](config)


FUSIONS: dict[str, Callable[[MultimodalConfig], Fusion]] = {
    "concat": Concat,
    "sum": Sum,
    "gated": Gated,
    "attention": AttentionPooling,
    "cross_attention": CrossAttention,
    "transformer": Transformer,
    "late_average": LateAverage,
    "late_vote": LateVote,
}
