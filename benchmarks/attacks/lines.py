"""Lines, answers, keys and room: one stranger asks for everything, again and again, and fetches nothing."""

import functools
import http.client
import itertools
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.attacks.stranger import PATIENCE_S, Stranger

GUESSERS = 30  # at once
IDS = 40_000  # in one call: as many as a body of 256 KB holds
_sessions = itertools.count()
_captions = itertools.count()


def _request(stranger: Stranger, method: str, path: str, value: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*stranger.server, timeout=PATIENCE_S, source_address=(stranger.address, 0))
    try:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        body = json.dumps(value).encode() if value is not None else None
        connection.request(method, path, body, {"Content-Type": "application/json", **named})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@functools.cache
def _ids(server: tuple[str, int]) -> dict[str, int]:
    """Return the number of each endpoint, by name; asked for once."""
    config = json.loads(_request(Stranger("http://{}:{}".format(*server)), "GET", "/config")[1])
    return {entry["api_name"]: entry["id"] for entry in config["dependencies"]}


def _join(stranger: Stranger, name: str, *data: Any, **headers: str) -> tuple[int, str]:
    """Come into a line; return the status and the session under which the answer lies."""
    session = f"stranger-{next(_sessions)}"
    body = {"data": data, "fn_index": _ids(stranger.server)[name], "session_hash": session}
    return _request(stranger, "POST", "/gradio_api/queue/join", body, **headers)[0], session


def _call(stranger: Stranger, name: str, *data: Any, **headers: str) -> str:
    """Come into a line, fetch the answer, and return its sentence where it is a refusal."""
    status, session = _join(stranger, name, *data, **headers)
    if status != 200:
        return str(status)
    stream = _request(stranger, "GET", f"/gradio_api/queue/data?session_hash={session}")[1].decode()
    for line in stream.splitlines():
        message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
        if message.get("msg") == "process_completed":
            return "answered" if message["success"] else str(message["output"]["error"])
    return "no answer"


def unfetched(stranger: Stranger) -> str:
    """Ask for an answer with a long map, and never fetch it."""
    return str(_join(stranger, "predict", "sentiment", None, "word " * 150, None, "default", False)[0])


def unfetched_by_many(stranger: Stranger) -> str:
    """Do so from another address each time."""
    other = stranger.named(f"127.0.7.{next(_sessions) % 250 + 1}")
    return str(_join(other, "predict", "sentiment", None, "word " * 150, None, "default", False)[0])


def guesses(stranger: Stranger) -> str:
    """Try thirty keys at once on what reviewers ask for."""

    def guess(number: int) -> str:
        return _call(stranger, "queue", "", 5, X_Review_Key=f"a guess, number {number}")

    with ThreadPoolExecutor(GUESSERS) as pool:
        return Counter(pool.map(guess, range(GUESSERS))).most_common(1)[0][0]


def forgets(stranger: Stranger) -> str:
    """Delete tens of thousands of ids in one call."""
    status, body = _request(stranger, "POST", "/gradio_api/run/page_forget", {"data": ["a" * 32, ["p"] * IDS]})
    return f"{status} {json.loads(body).get('error')}"


def suggestions(stranger: Stranger) -> str:
    """Dispute an answer that nobody gave, with another caption each time."""
    return _call(stranger, "suggest", "sentiment", None, f"flood {next(_captions)}", None, "neutral", "")


def keeps(stranger: Stranger) -> str:
    """Ask for an answer that is kept, with another caption each time."""
    return _call(stranger, "predict", "sentiment", None, f"flood {next(_captions)}", None, "none", True)


def floods(stranger: Stranger) -> str:
    """Take as many places in line as there are."""
    payload = "sentiment", None, "a flood", None, "none", False
    with ThreadPoolExecutor(GUESSERS) as pool:
        answers = pool.map(lambda _: _call(stranger, "predict", *payload), range(GUESSERS))
        return Counter(answers).most_common(1)[0][0]


ATTACKS: dict[str, Callable[[Stranger], str]] = {
    "answers that nobody fetches": unfetched,
    "answers that nobody fetches, of 250 callers": unfetched_by_many,
    "30 wrong keys at once": guesses,
    "40,000 ids to delete": forgets,
    "suggestions without end": suggestions,
    "samples to keep without end": keeps,
    "30 calls at once": floods,
}
