"""What the answer came from: one function a method, all of one signature, found in METHODS.

Maps agree with "What decided it": what a modality's scores sum to is what the modality added to the answer. That an
attribution's scores sum to the effect which they share out is called completeness (Sundararajan, Taly and Yan 2017,
arXiv 1703.01365) or efficiency (Shapley 1953). The order within a modality stays, and so does what is first taken from
it. Letters: e the effect, p and q the shares of a modality's magnitudes that speak for and against.
"""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt

from mmdemo.errors import UnknownName
from mmdemo.explain.maps import AimedPass, maps_once
from mmdemo.explain.methods.attention import attention
from mmdemo.explain.methods.erasure import erasure
from mmdemo.explain.methods.integrated_gradients import integrated_gradients
from mmdemo.explain.methods.masking import masking
from mmdemo.explain.methods.occlusion import occlusion
from mmdemo.explain.methods.relevance import relevance
from mmdemo.explain.methods.rollout import rollout
from mmdemo.explain.shapley import each_contributions
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalModel
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation

DEFAULT = "erasure"
NONE = "none"  # no explanation is wanted

# One pass and some targets of it → an explanation for each target, on a scale of the method's own.
METHODS: dict[str, Callable[[AimedPass, Sequence[ExplanationTarget]], list[Explanation]]] = {
    "erasure": erasure,
    "relevance": relevance,
    "masking": masking,
    "attention": attention,
    "rollout": rollout,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
}
OF_ATTENTION = ("erasure", "relevance", "attention", "rollout")  # those that need a fusion which attends
OF_CAPTIONS = ("erasure",)  # those that are another one where there is no caption
COMPLETE = ("erasure", "relevance", "masking")  # those brought on the scale of what decided it: see `complete`
SLOW = ("integrated_gradients", "occlusion")  # those that take many times as long as a prediction


def methods_of(model: MultimodalModel) -> tuple[str, ...]:
    """Return the methods that explain this model, the default first where it is among them."""
    without = (*(() if model.fusion.attends else OF_ATTENTION), *(() if "text" in model.encoders else OF_CAPTIONS))
    offered = [name for name in METHODS if name not in without]
    return tuple(sorted(offered, key=lambda name: name != DEFAULT))


def resolve(name: str, model: MultimodalModel) -> str | None:
    """Return the method that `name` means, None for "none"; "default" is the first that explains this model.

    Raises UnknownName with the list of those there are.
    """
    known = methods_of(model)
    if name == "default":
        return known[0]
    if name == NONE or name in known:
        return None if name == NONE else name
    listed = ", ".join(("default", *known, NONE))
    if name in OF_ATTENTION and not model.fusion.attends:
        raise UnknownName("no_attention", fusion=model.config.fusion, known=listed)
    raise UnknownName("unknown_method", method=name, known=listed)


def explain(method: str, aimed: AimedPass) -> Explanation:
    """Return what one of METHODS says of one pass."""
    return _maps([method], aimed, [aimed.explanation_target])[method][0]


def every(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> dict[str, list[Explanation]]:
    """Return method → an explanation for each target, of all methods but the SLOW ones."""
    return _maps([name for name in methods_of(aimed.model) if name not in SLOW], aimed, targets)


def _maps(
    chosen: Sequence[str], aimed: AimedPass, targets: Sequence[ExplanationTarget]
) -> dict[str, list[Explanation]]:
    maps = {name: maps_once(name, METHODS[name], aimed, targets) for name in chosen}
    if not maps.keys() & set(COMPLETE):
        return maps
    effects = [contributed.values for contributed in each_contributions(aimed, targets)]
    for name in maps.keys() & set(COMPLETE):
        maps[name] = [complete(*pair) for pair in zip(maps[name], effects, strict=True)]
    return maps


def complete(explained: Explanation, effects: Mapping[str, float]) -> Explanation:
    """Return a signed map, the scores of each of its modalities sharing out that modality's effect."""
    layout = Layout.of(explained)
    parts = layout.split(scores_of(explained))
    scores = [score for modality, part in parts.items() for score in shared_out(part, effects[modality])]
    return layout.explanation(explained.method, explained.target, scores, explained.against, explained.signed)


def shared_out(scores: Sequence[float], effect: float) -> list[float]:
    """Return scores that sum to an effect, each on the side on which it was.

    Brought to magnitudes that sum to |e|, those for are multiplied by one factor and those against divided by it:
    of all scores that keep their signs and sum to e, these are the nearest by Kullback and Leibler's divergence of
    the magnitudes (the I-projection of Csiszár 1975). All together they are then |e| √(1 + 4pq), at most 1.42 |e|, so
    what hardly matters gets hardly anything. Where no unit speaks the effect's way no such scores exist, and the
    difference is shared evenly: so the order stays there too, but the weakest turn.
    """
    towards, against = (sum(max(sign * score, 0.0) for score in scores) for sign in (1, -1))
    magnitude = towards + against
    if not scores:
        return []
    if magnitude == 0 or (towards if effect > 0 else against) == 0:
        scaled = [score * _ratio(abs(effect), magnitude) for score in scores]
        rest = (effect - sum(scaled)) / len(scaled)
        return [score + rest for score in scaled]
    both = (towards / magnitude) * (against / magnitude)  # pq
    larger = abs(effect) * (sqrt(1 + 4 * both) + 1) / 2  # what the side of the effect sums to
    smaller = _ratio(effect * effect * both, larger)  # a factor and its inverse leave the sides' product as it is
    sums = (larger, smaller) if effect > 0 else (smaller, larger)
    factors = _ratio(sums[0], towards), _ratio(sums[1], against)
    return [score * factors[score < 0] for score in scores]


def _ratio(wanted: float, total: float) -> float:
    return wanted / total if total > 0 else 0.0
