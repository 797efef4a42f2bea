"""Doubt, label, learn: what happens to a sample after it was answered.

from annotations import DoubtFlagger
gr.Interface(fn, …, flagging_mode="auto", flagging_callback=DoubtFlagger(task="sentiment"))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotations.flagging import DoubtFlagger
    from annotations.lesson import give_lesson

__all__ = ["DoubtFlagger", "give_lesson"]


def __getattr__(name: str) -> Any:
    """Import these only when they are asked for: one brings gradio, which the night does not need, one torch."""
    if name == "DoubtFlagger":
        from annotations.flagging import DoubtFlagger

        return DoubtFlagger
    if name == "give_lesson":
        from annotations.lesson import give_lesson

        return give_lesson
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
