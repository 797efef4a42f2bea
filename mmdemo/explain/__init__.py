"""Where the model looked: one function a method, all of one signature, found in METHODS."""

from collections.abc import Callable

from mmdemo.errors import UnknownName
from mmdemo.explain.attention import attention
from mmdemo.explain.maps import Pass
from mmdemo.model import MultimodalModel
from mmdemo.samples import Explanation

DEFAULT = "attention"
NONE = "none"  # no explanation is wanted

METHODS: dict[str, Callable[[Pass], Explanation]] = {"attention": attention}
OF_ATTENTION = ("attention",)  # those that need a fusion which attends


def methods(model: MultimodalModel) -> tuple[str, ...]:
    """Return the methods that explain this model, the default first where it is among them."""
    offered = [name for name in METHODS if model.fusion.attends or name not in OF_ATTENTION]
    return tuple(sorted(offered, key=lambda name: name != DEFAULT))


def resolve(name: str, model: MultimodalModel) -> str | None:
    """Return the method that `name` means, None for "none", and for "default" where nothing explains this model.

    Raises UnknownName with the list of those there are.
    """
    known = methods(model)
    if name == "default":
        return known[0] if known else None
    if name == NONE or name in known:
        return None if name == NONE else name
    listed = ", ".join(("default", *known, NONE))
    if name in OF_ATTENTION:
        raise UnknownName("no_attention", fusion=model.config.fusion, known=listed)
    raise UnknownName("unknown_method", method=name, known=listed)


def every(seen: Pass) -> list[Explanation]:
    return [explain("attention", seen)]


def explain(method: str, seen: Pass) -> Explanation:
    """Return what one of METHODS says of one pass."""
    return METHODS[method](seen)
