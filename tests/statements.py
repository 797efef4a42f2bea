"""What a store asks its database, as it was sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from annotations.store import Store


@dataclass(frozen=True)
class Statement:
    """What was sent, and the first values that went with it."""

    words: str
    values: Any


@contextmanager
def statements(store: Store) -> Iterator[list[Statement]]:
    """Yield a list that grows by each statement that the store sends."""
    sent: list[Statement] = []

    def note(connection: object, cursor: object, words: str, values: Any, context: object, many: bool) -> None:
        sent.append(Statement(words, values[0] if many else values))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
