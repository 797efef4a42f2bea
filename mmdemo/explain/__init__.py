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


def methods(model: MultimodalModel) -> tuple[str, ...]:
    """Return the methods that explain this model, the default first."""
    return (DEFAULT, *(name for name in METHODS if name != DEFAULT))


def resolve(name: str, model: MultimodalModel) -> str | None:
    """Return the method that `name` means, None for "none". Raises UnknownName with the list of those there are."""
    if name == NONE:
        return None
    known = methods(model)
    chosen = DEFAULT if name == "default" else name
    if chosen not in known:
        raise UnknownName("unknown_method", method=name, known=", ".join(("default", *known, NONE)))
    return chosen


def explain(method: str, seen: Pass) -> Explanation:
    """Return what one of METHODS says of one pass."""
    return METHODS[method](seen)
