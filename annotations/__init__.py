"""Doubt, label, learn: what happens to a sample after it was answered.

from annotations import DoubtFlagger
gr.Interface(fn, …, flagging_mode="auto", flagging_callback=DoubtFlagger(task="sentiment"))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotations.flagging import DoubtFlagger

__all__ = ["DoubtFlagger"]


def __getattr__(name: str) -> Any:
    """Import DoubtFlagger only when it is asked for: it brings gradio, which the night does not need."""
    if name == "DoubtFlagger":
        from annotations.flagging import DoubtFlagger

        return DoubtFlagger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
