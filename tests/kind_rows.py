"""A kind of answer that is there for a test alone: its rows in the dicts by kind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Rows = Sequence[tuple[dict[str, Any], Any]]  # a dict by kind, and the kind's row in it


@contextmanager
def registered(kind: str, rows: Rows) -> Iterator[None]:
    """Add a kind's rows, and take them out at the end: other tests know the kinds that ship."""
    for by_kind, row in rows:
        by_kind[kind] = row
    try:
        yield
    finally:
        for by_kind, _ in rows:
            del by_kind[kind]
