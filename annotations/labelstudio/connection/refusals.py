"""What the server says where it refuses, for one sentence."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

DETAIL_CHARS = 300


def body_of(answer: httpx.Response) -> Any:
    """Return what an answer holds: JSON, or else its text."""
    try:
        return answer.json()
    except ValueError:
        return answer.text


def detail_of(what: object) -> str:
    """Return the server's own words on one line, without the page that some of its errors come in."""
    if isinstance(what, Mapping):
        what = what.get("validation_errors") or what.get("detail") or json.dumps(what)
    if isinstance(what, str) and what.lstrip().startswith("<"):
        return "an HTML page"
    return " ".join(str(what).split())[:DETAIL_CHARS] or type(what).__name__
