"""A hundred visitors behind one address, as in a school: all are answered, and what they uploaded is let go of."""

import asyncio
import dataclasses
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.load.visitors import ANSWERED, TOLD, Guest, SampleFiles, Server
from mmdemo import tasks
from mmdemo.settings import Settings
from mmdemo.ui import page
from tests import serving
from tests.unit.mmdemo.ui.fake_queue import FakeQueue

VISITORS, CALLS = 100, 3
PICTURE = tasks.get("sentiment").examples[0].image


@pytest.mark.slow
def test_a_hundred_of_one_address_are_all_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "queue").mkdir()
    loop, settings = FakeQueue(tmp_path / "queue"), dataclasses.replace(Settings(), server_port=serving.free_port())

    async def serve() -> page.Running:
        return page.launch(page.build(loop, settings), loop, settings)

    async def visit(guest: Guest, number: int) -> list[str]:
        asked = [SampleFiles("sentiment", PICTURE, f"smiling {number} {call}", None) for call in range(CALLS)]
        outcomes = [(await guest.predict(files))[0] for files in asked]
        await guest.close()
        return outcomes

    async def all_visit(server: Server) -> Counter[str]:
        visits = await asyncio.gather(*(visit(Guest(server), number) for number in range(VISITORS)))
        return Counter(outcome for outcomes in visits for outcome in outcomes)

    with ExitStack() as stack:
        running = asyncio.run(serve())  # outside of a running event loop Gradio makes loops that it never closes
        stack.callback(running.close)
        before = len(loop.predicted)
        outcomes = asyncio.run(all_visit(Server.at(running.local_url.rstrip("/"))))
    assert outcomes[ANSWERED] + outcomes[TOLD] == outcomes.total() == VISITORS * CALLS
    captions = {inputs.text for _, inputs, _, _ in loop.predicted[before:]}
    assert len(captions) == VISITORS * CALLS
