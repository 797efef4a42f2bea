"""From the tokens of all modalities to features: which fusions there are, found in FUSIONS."""

from mmdemo.errors import ManifestError
from mmdemo.model.config import MultimodalConfig
from mmdemo.model.fusion.attention import AttentionPooling, CrossAttention, Transformer
from mmdemo.model.fusion.interface import Fusion
from mmdemo.model.fusion.pooling import Concat, Gated, LateAverage, LateVote, Sum


def build(config: MultimodalConfig) -> Fusion:
    """Return an empty fusion of the configuration's type.

    Raises ManifestError where there is none of that name, or its heads don't share its width evenly.
    """
    if config.fusion not in FUSIONS:
        raise ManifestError("unknown_fusion", type=config.fusion, known=", ".join(FUSIONS))
    chosen = FUSIONS[config.fusion]
    if chosen.attends and (config.heads < 1 or config.dim % config.heads):
        raise ManifestError("fusion_wrong", detail=f"dim {config.dim} is no multiple of heads {config.heads}")
    return chosen(config)


FUSIONS: dict[str, type[Fusion]] = {
    "concat": Concat,
    "sum": Sum,
    "gated": Gated,
    "attention": AttentionPooling,
    "cross_attention": CrossAttention,
    "transformer": Transformer,
    "late_average": LateAverage,
    "late_vote": LateVote,
}
