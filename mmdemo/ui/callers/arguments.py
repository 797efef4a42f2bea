"""What callers hand over as plain values, checked: scripts send anything, and so does a page of yesterday."""

import re
from collections.abc import Mapping
from typing import Any

from mmdemo import tasks
from mmdemo.errors import BadInput
from mmdemo.tasks import Task

LIMIT_MOST = 500  # rows of one answer
TOKEN = re.compile(r"[0-9a-f]{32}")  # 128 bits, which the page draws


def text(value: Any, field: str) -> str:
    """Return a string, "" for None. Raises BadInput."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput("wrong_type", field=field, wanted="text", value=value)
    return value


def task(value: Any, known: Mapping[str, Task]) -> Task:
    """Return the task of that name. Raises BadInput, UnknownName with the names of all."""
    return tasks.among(known, text(value, "task"))


def flag(value: Any, field: str) -> bool:
    """Return a truth value: a string such as "false" is refused, not read as true. Raises BadInput."""
    if not isinstance(value, bool):
        raise BadInput("wrong_type", field=field, wanted="true/false", value=value)
    return value


def token(value: Any) -> str:
    """Return a token of the page's. Raises BadInput for one that could be guessed, or is none."""
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise BadInput("token_wrong")
    return value


def texts(value: Any, field: str, most: int) -> list[str]:
    """Return a list of at most so many strings. Raises BadInput."""
    return [text(one, field) for one in listed(value, field, most)]


def listed(value: Any, field: str, most: int) -> list[Any]:
    """Return a list of at most so many values, whatever they are. Raises BadInput."""
    if not isinstance(value, list):
        raise BadInput("wrong_type", field=field, wanted="a list", value=value)
    if len(value) > most:
        raise BadInput("list_too_long", field=field, length=len(value), most=most)
    return value


def limit(value: Any, field: str = "limit", most: int = LIMIT_MOST) -> int:
    """Return how many rows are asked for, 1 … most. Raises BadInput."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise BadInput("limit_out_of_range", field=field, value=value, most=most)
    return value
