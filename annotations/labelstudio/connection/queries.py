"""Which tasks the server is asked for, as its data manager puts it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def compare(field: str, kind: str, value: object, operator: str = "greater") -> dict[str, Any]:
    """Return a filter: a field of a task, of a kind such as "Number", beside a value."""
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}


def selection(only: Sequence[int]) -> dict[str, Any]:
    """Return the selection of these tasks, which are not none."""
    return {"selectedItems": {"all": False, "included": list(only)}}


def changed_between(since: datetime | None, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return the filters that let through what last changed after one moment, and not after the other."""
    moments = {"greater": since, "less_or_equal": until}
    written = {name: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for name, at in moments.items() if at}
    return [compare("updated_at", "Datetime", value, operator) for operator, value in written.items()]
