"""What a store asks its database, as it was sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from annotations.store import Store


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Yield a list that grows by each statement that the store sends."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
