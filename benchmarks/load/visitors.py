"""Visitors who ask as gradio_client does (upload, come into the line, listen), all in one thread of one process."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

PATIENCE_S = 120.0  # for one answer
BUSY = (429, 503)  # statuses by which a server says that it has no room

ANSWERED, TOLD, REFUSED, FAILED = "answered", "answered after being told a place", "refused in a sentence", "failed"


@dataclass(frozen=True)
class SampleFiles:
    """One sample as a script sends it."""

    task: str
    image: Path | None
    text: str
    audio: Path | None


@dataclass
class Tally:
    """What came of the calls of a crowd."""

    outcomes: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)  # of what was answered
    reasons: Counter[str] = field(default_factory=Counter)  # of what was not
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """How many were answered, told a place before or not."""
        return self.outcomes[ANSWERED] + self.outcomes[TOLD]

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


@dataclass(frozen=True)
class Server:
    """A Gradio server and the number of an endpoint by its name."""

    url: str
    ids: dict[str, int]
    plain: bool  # takes the sample alone

    @classmethod
    def at(cls, url: str, plain: bool = False) -> "Server":
        """Ask the server itself."""
        config = httpx.get(f"{url}/config", timeout=60).json()
        return cls(url, {entry["api_name"]: entry["id"] for entry in config["dependencies"]}, plain)


class Guest:
    """One session; it asks one thing after another."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = httpx.AsyncClient(base_url=f"{server.url}/gradio_api/", timeout=PATIENCE_S, trust_env=False)
        self.session = uuid4().hex

    async def close(self) -> None:
        """Go."""
        await self._http.aclose()

    async def predict(self, files: SampleFiles, keep: bool = False) -> tuple[str, str]:
        """Send a sample and wait for its answer; return what came of it, and why where it was not answered."""
        try:
            media = [await self._upload(path) for path in (files.image, files.audio)]
            sample = [media[0], files.text, media[1]]
            data = sample if self._server.plain else [files.task, *sample, "none", keep]
            return await self.call("predict", data)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            return REFUSED if status in BUSY else FAILED, f"{status} at {error.request.url.path}"
        except httpx.HTTPError as error:
            return FAILED, type(error).__name__

    async def call(self, name: str, data: Sequence[Any]) -> tuple[str, str]:
        """Come into the line of an endpoint and listen until the end. Raises httpx.HTTPError."""
        message, knows_place = await self._end_of(name, data)
        if not message:
            return FAILED, "the stream ended before an answer"
        if not message["success"]:
            return REFUSED, str(message["output"].get("error"))
        return TOLD if knows_place else ANSWERED, ""

    async def value(self, name: str, data: Sequence[Any]) -> Any:
        """Return what an endpoint answers. Raises httpx.HTTPError, KeyError where it refuses."""
        message, _ = await self._end_of(name, data)
        return message["output"]["data"][0]

    async def _end_of(self, name: str, data: Sequence[Any]) -> tuple[dict[str, Any], bool]:
        """Return the last message of a call, empty where there was none, and whether it was told its place before."""
        body = {"data": data, "fn_index": self._server.ids[name], "session_hash": self.session}
        (await self._http.post("queue/join", json=body)).raise_for_status()
        knows_place = False
        async with self._http.stream("GET", "queue/data", params={"session_hash": self.session}) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                knows_place = knows_place or message.get("msg") == "estimation"
                if message.get("msg") == "process_completed":
                    return message, knows_place
        return {}, knows_place

    async def run(self, name: str, data: Sequence[Any]) -> None:
        """Call an endpoint that has no line. Raises httpx.HTTPError."""
        (await self._http.post(f"run/{name}", json={"data": data, "session_hash": self.session})).raise_for_status()

    async def _upload(self, path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        response = await self._http.post("upload", files={"files": (path.name, path.read_bytes())})
        response.raise_for_status()
        return {"path": response.json()[0], "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


async def crowd(server: Server, samples: Iterator[SampleFiles], number: int, seconds: float) -> Tally:
    """Let so many visitors ask, each about the next of the samples once its last is answered, for so long."""
    tally, guests = Tally(), [Guest(server) for _ in range(number)]
    start = time.perf_counter()

    async def ask(guest: Guest) -> None:
        while time.perf_counter() - start < seconds:
            begun = time.perf_counter()
            outcome, reason = await guest.predict(next(samples))
            tally.outcomes[outcome] += 1
            if outcome in (ANSWERED, TOLD):
                tally.took_s.append(time.perf_counter() - begun)
            else:
                tally.reasons[reason] += 1
                await asyncio.sleep(1.0)  # whoever is refused tries again a second later

    await asyncio.gather(*map(ask, guests))
    tally.seconds = time.perf_counter() - start
    for guest in guests:
        await guest.close()
    return tally


@dataclass
class Reviewed:
    """How the calls of a reviewer went."""

    took_s: dict[str, list[float]] = field(default_factory=dict)  # call → of each that was answered
    failed: int = 0


async def reviewer(server: Server, pause_s: float, stop: asyncio.Event) -> Reviewed:
    """Ask what the Review tab and a reviewer's script ask, again and again, until `stop` is set."""
    visitor, reviewed = Guest(server), Reviewed()
    ask = {"session": uuid4().hex, "browser": uuid4().hex, "do": "look"}

    async def listed() -> None:
        outcome, reason = await visitor.call("queue", ["", 20])
        if outcome not in (ANSWERED, TOLD):
            raise httpx.HTTPError(reason)

    while not stop.is_set():
        for name, call in (("review_act", visitor.run("review_act", [ask])), ("queue", listed())):
            start = time.perf_counter()
            try:
                await call
            except httpx.HTTPError:
                reviewed.failed += 1
            else:
                reviewed.took_s.setdefault(name, []).append(time.perf_counter() - start)
        await asyncio.sleep(pause_s)
    await visitor.close()
    return reviewed
