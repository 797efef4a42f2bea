"""Attention of the answer token: how much of its last look went to each input token, heads averaged."""

from collections.abc import Sequence

from mmdemo.explain.maps import AimedPass, explanations, shares
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation


def attention(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return scores ≥ 0 that sum to 1 over all input tokens of all modalities, the same for every target.

    Vaswani et al. 2017 (arXiv 1706.03762), equation 1; no further pass is needed.
    """
    layers = aimed.output.attention
    assert layers is not None, "this method needs a pass that returned its attention"
    looked = layers[-1][0].mean(dim=0)[0, 1:]  # (tokens,): from the answer token, in front, of the only sample
    return explanations(aimed, "attention", targets, shares(looked).expand(len(targets), -1), signed=False)
