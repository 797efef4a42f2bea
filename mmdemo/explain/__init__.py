"""What the answer came from: one function a method, all of one signature, found in METHODS."""

from collections.abc import Callable, Sequence

from mmdemo.errors import UnknownName
from mmdemo.explain.completeness import complete
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
COMPLETE = ("erasure", "relevance", "masking")  # those brought on the scale of what decided it: see `completeness`
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
