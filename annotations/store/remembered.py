"""What was made of many rows is remembered until they change: of each question the latest answer. In memory alone."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class AnswerMemo:
    """Answers by question, each with the state of the rows that it is about. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Hashable, tuple[object, Any]] = {}

    def of(self, question: Hashable, state: object, make: Callable[[], T]) -> T:
        """Return the answer that was made in this state, made by `make` where there is none.

        `state` was read before what `make` reads: what changes in between is then asked for once more.
        """
        with self._lock:
            known = self._answers.get(question)
        if known is not None and known[0] == state:
            answer: T = known[1]
            return answer
        answer = make()
        with self._lock:
            self._answers[question] = state, answer
        return answer
