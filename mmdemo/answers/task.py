"""What a kind of answer is told of the task that is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class AnsweredTask(Protocol):
    """A task, as far as its answers go; `mmdemo.tasks.Task` is one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Its labels as stored, in its order; none where its answers are no labels."""

    @property
    def answers(self) -> tuple[str, ...]:
        """All that may be answered where that can be listed: the labels, and perhaps NONE_OF_THESE."""

    @property
    def answer(self) -> Mapping[str, Any]:
        """What its file says about answers of its kind, such as a tolerance."""

    def display_label(self, label: str, language: str = "en") -> str:
        """Return what a reader of `language` sees for a stored label."""
